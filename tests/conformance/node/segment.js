// Follows one flag with an official Node SDK: prints its value for one unit at the start and after every change.
const [kind, host, key, flag, unit] = process.argv.slice(2);
const context = { kind: 'user', key: unit };
const say = (value) => console.log(JSON.stringify(value));

async function server() {
  const sdk = require('@launchdarkly/node-server-sdk');
  const logger = sdk.basicLogger({ level: 'error' });
  const client = sdk.init(key, { baseUri: host, streamUri: host, eventsUri: host, logger });
  await client.waitForInitialization({ timeout: 10 });
  say(await client.variation(flag, context, 'none'));
  client.on(`update:${flag}`, async () => say(await client.variation(flag, context, 'none')));
}

async function browser() {
  const sdk = require('launchdarkly-node-client-sdk');
  const logger = sdk.basicLogger({ level: 'error' });
  const client = sdk.initialize(key, context, { baseUrl: host, streamUrl: host, eventsUrl: host, streaming: true, logger });
  await client.waitForInitialization(10);
  say(client.variation(flag, 'none'));
  client.on(`change:${flag}`, (value) => say(value));
}

(kind === 'server' ? server() : browser()).catch((error) => {
  console.error(error);
  process.exit(1);
});
