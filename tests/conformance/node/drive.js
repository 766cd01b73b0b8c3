// Drives the official Node server SDK: evaluates and tracks what it is told, and prints each variation served.
const [host, key, units, buyers] = process.argv.slice(2);
const sdk = (() => {
  try {
    return require('@launchdarkly/node-server-sdk');
  } catch {
    return require('launchdarkly-node-server-sdk');
  }
})();
// Standard output is for what was served.
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const client = sdk.init(key, { baseUri: host, streamUri: host, eventsUri: host, logger });

async function drive() {
  await client.waitForInitialization({ timeout: 10 });
  const served = {};
  for (let n = 0; n < Number(units); n += 1) {
    const context = { kind: 'user', key: `node-${n}` };
    served[context.key] = await client.variation('flag', context, 'none');
    await client.variation('flag', context, 'none');
    if (n < Number(buyers)) {
      client.track('metric', context, { sku: n }, n / 4);
    }
  }
  await client.flush();
  await client.close();
  console.log(JSON.stringify(served));
}

drive().catch((error) => {
  console.error(error);
  process.exit(1);
});
