// Runs the scenario of its settings: `node` with the SDK for Node, `jsdom` with that for browsers.
const fs = require('fs');
require('./scenario.js');

function browserSdk() {
  const { JSDOM } = require('jsdom');
  const { window } = new JSDOM('', { url: 'http://shop.example/', runScripts: 'outside-only' });
  window.EventSource = require('eventsource');
  window.eval(fs.readFileSync(require.resolve('launchdarkly-js-client-sdk/dist/ldclient.min.js'), 'utf8'));
  return window.LDClient;
}

// The SDK that is a module finds a browser's globals in the place of Node's; fetch and crypto are Node's own.
function browserModule() {
  const { JSDOM } = require('jsdom');
  const { window } = new JSDOM('', { url: 'http://shop.example/' });
  const { document, location, history } = window;
  Object.assign(globalThis, { window, document, location, history, EventSource: require('eventsource') });
  window.EventSource = globalThis.EventSource;
  return require('@launchdarkly/js-client-sdk');
}

const sdks = { jsdom: browserSdk, 'jsdom-module': browserModule, node: () => require('launchdarkly-node-client-sdk') };

process.stdin.on('end', () => process.exit(0)).resume();
const [place, settings] = process.argv.slice(2);
perform(sdks[place](), JSON.parse(settings), (words) => console.log(JSON.stringify(words))).then(() => process.exit(0));
