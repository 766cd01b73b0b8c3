// What every client-side SDK is made to do, in Node and in a page alike. `say` carries what it sees to the test.
async function connect(sdk, settings) {
  const { host, environment, context, hash, options } = settings;
  if (sdk.createClient) {
    const hosts = { baseUri: host, streamUri: host, eventsUri: host };
    const client = sdk.createClient(environment, context, { ...hosts, ...options });
    const { status, error } = await client.start({ timeout: 5, identifyOptions: { hash } });
    if (status !== 'complete') throw error ?? new Error(status);
    return client;
  }
  const hosts = { baseUrl: host, streamUrl: host, eventsUrl: host };
  const client = sdk.initialize(environment, context, { ...hosts, hash, ...options });
  await client.waitForInitialization(5);
  return client;
}

const scenarios = {
  // Each unit signs in, sees the flag twice, and buys if told so; then the flag changes under the last one.
  async units(client, { contexts, buyers }, say) {
    const served = {};
    for (const [n, context] of contexts.entries()) {
      if (n > 0) await client.identify(context);
      served[context.key] = client.variation('flag', 'none');
      client.variation('flag', 'none');
      if (n < buyers) client.track('metric', { sku: n }, n / 4);
      // These SDKs drop what exceeds a queue of 100.
      if (n % 10 === 9) await client.flush();
    }
    await client.flush();
    say({ served });
    const changed = new Promise((resolve) => client.on('change:flag', resolve));
    say('watches');
    await changed;
    say({ now: client.variation('flag', 'none') });
  },

  // One unit sees the flag, then views a page of the shop; the test clicks.
  async goals(client, _, say) {
    const served = client.variation('flag', 'none');
    if (client.waitUntilGoalsReady) await client.waitUntilGoalsReady();
    await client.flush();
    history.pushState(null, '', '/shop' + location.search);
    // SDKs look at the address every 300 ms.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    document.querySelector('.buy').addEventListener('click', () =>
      setTimeout(() => client.flush().then(() => say('clicked')), 0),
    );
    say({ served });
  },

  async variation(client, _, say) {
    say({ served: client.variation('flag', 'none') });
  },
};

globalThis.perform = async (sdk, settings, say) => {
  try {
    const client = await connect(sdk, settings);
    await scenarios[settings.scenario](client, settings, say);
  } catch (error) {
    say({ failed: String(error) });
  }
};
