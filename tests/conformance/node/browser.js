// Opens the page in a real browser, passes on what it says, and clicks where the test tells it to.
const readline = require('readline');
const { chromium } = require('playwright-core');
const flags = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking';
const [executablePath, address] = process.argv.slice(2);

async function open() {
  const args = [...flags.split(' '), '--disable-component-update', '--disable-sync'];
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  await page.exposeFunction('say', (words) => console.log(JSON.stringify(words)));
  page.on('pageerror', (error) => console.log(JSON.stringify({ failed: String(error) })));
  page.on('console', (message) => console.error(message.text()));
  await page.goto(address);
  for await (const selector of readline.createInterface({ input: process.stdin })) await page.click(selector);
  await browser.close();
  process.exit(0);
}

open().catch((error) => {
  console.error(error);
  process.exit(1);
});
