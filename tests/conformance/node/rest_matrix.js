// One experiment from its project to its archive, by the official TypeScript client: node rest_matrix.js HOST TOKEN
const ld = require("launchdarkly-api-typescript");

const [host, token] = process.argv.slice(2);
const configuration = new ld.Configuration({ basePath: host, apiKey: token });
const projects = new ld.ProjectsApi(configuration);
const flags = new ld.FeatureFlagsApi(configuration);
const metrics = new ld.MetricsApi(configuration);
const experiments = new ld.ExperimentsApi(configuration);
const place = ["shop", "production"];

function events(version) {
  const at = Date.now();
  const reason = { kind: "FALLTHROUGH", inExperiment: true };
  const sent = [];
  for (let number = 0; number < 40; number += 1) {
    const context = { kind: "user", key: `u${number}` };
    const variation = number % 2;
    sent.push({
      kind: "feature", creationDate: at, key: "flag", variation, value: variation === 0, default: null, version, reason,
      context,
    });
    if (number < 20 || (variation === 1 && number < 30)) {
      sent.push({ kind: "custom", creationDate: at + 5, key: "acted", context });
    }
  }
  return sent;
}

async function instruct(instruction) {
  const answer = await experiments.patchExperiment(...place, "exp", { instructions: [instruction] });
  return answer.data;
}

async function inProduction() {
  return (await flags.getFeatureFlag("shop", "flag")).data.environments.production;
}

async function main() {
  const project = (await projects.postProject({ name: "Shop", key: "shop" })).data;
  const sdkKey = project.environments.find((one) => one.key === "production").apiKey;
  const flag = (await flags.postFeatureFlag("shop", { name: "Flag", key: "flag" })).data;
  const on = [{ op: "replace", path: "/environments/production/on", value: true }];
  const version = (await flags.patchFeatureFlag("shop", "flag", { patch: on })).data.environments.production.version;
  await metrics.postMetric("shop", { key: "metric", kind: "custom", name: "Metric", eventKey: "acted", isNumeric: false });
  const listed = (await metrics.getMetrics("shop")).data.items.map((metric) => metric.key);
  const treatments = ["Plain", "New"].map((name, index) => ({
    name, baseline: index === 0, allocationPercent: "50",
    parameters: [{ flagKey: "flag", variationId: flag.variations[index]._id }],
  }));
  await experiments.createExperiment(...place, {
    name: "Exp",
    key: "exp",
    iteration: {
      hypothesis: "it helps", metrics: [{ key: "metric" }], primarySingleMetricKey: "metric", treatments,
      flags: { flag: { ruleId: "fallthrough", flagConfigVersion: version } }, randomizationUnit: "user",
    },
  });
  const running = (await instruct({ kind: "startIteration" })).currentIteration.status;
  const sent = await fetch(`${host}/bulk`, {
    method: "POST",
    headers: { Authorization: sdkKey, "Content-Type": "application/json" },
    body: JSON.stringify(events((await inProduction()).version)),
  });
  if (sent.status !== 202) throw new Error(`events: ${sent.status}`);
  const rows = (await experiments.getExperimentResults(...place, "exp", "metric")).data.treatmentResults;
  const stop = { kind: "stopIteration", winningTreatmentId: flag.variations[1]._id, winningReason: "it won" };
  const stopped = (await instruct(stop)).currentIteration.status;
  const winner = (await inProduction()).fallthrough.variation;
  const archived = (await instruct({ kind: "archiveExperiment" })).archivedDate !== undefined;
  const left = (await experiments.getExperiments(...place)).data.items.length;
  const found = { listed, running, exposed: rows.map((row) => row.traffic), better: rows[1].pBest > rows[0].pBest };
  console.log(JSON.stringify({ ...found, stopped, winner, archived, left }));
}

main().catch((error) => {
  console.error(error.response ? error.response.data : error);
  process.exit(1);
});
