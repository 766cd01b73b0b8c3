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

process.stdin.on('end', () => process.exit(0)).resume();
const [place, settings] = process.argv.slice(2);
const sdk = place === 'jsdom' ? browserSdk() : require('launchdarkly-node-client-sdk');
perform(sdk, JSON.parse(settings), (words) => console.log(JSON.stringify(words))).then(() => process.exit(0));
