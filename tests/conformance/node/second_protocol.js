// The Node server SDK with its second data system: what it serves, and then what it serves after a change.
const sdk = require('@launchdarkly/node-server-sdk');
const [host, key, units] = process.argv.slice(2);
const options = { baseUri: host, streamUri: host, eventsUri: host, dataSystem: {} };
const client = sdk.init(key, { ...options, logger: sdk.basicLogger({ level: 'error' }) });
process.stdin.on('end', () => process.exit(0)).resume();

async function drive() {
  await client.waitForInitialization({ timeout: 10 });
  const contexts = Array.from({ length: Number(units) }, (_, n) => ({ kind: 'user', key: `unit-${n}` }));
  const served = await Promise.all(contexts.map((context) => client.variation('flag', context, 'none')));
  await client.flush();
  const changed = new Promise((resolve) => client.once('update:flag', resolve));
  console.log(JSON.stringify({ served }));
  await changed;
  console.log(JSON.stringify({ now: await client.variation('flag', contexts[0], 'none') }));
}

drive().catch((error) => {
  console.error(error);
  process.exit(1);
});
