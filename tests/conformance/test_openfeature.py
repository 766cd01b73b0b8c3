"""OpenFeature clients, by its remote evaluation protocol and by the official provider."""

import json

from conformance.clients import python_client, run_python
from live import LiveServer

REMOTE = """
import sys, json
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
host, key, units = sys.argv[1:]
api.set_provider(OFREPProvider(host, headers_factory=lambda: {"Authorization": f"Bearer {key}"}))
client = api.get_client()
contexts = [EvaluationContext(f"unit-{n}") for n in range(int(units))]
served = {each.targeting_key: client.get_string_value("flag", "none", each) for each in contexts}
missing = client.get_string_details("nothing", "none", contexts[0])
print(json.dumps([served, missing.value, missing.error_code]))
"""

OFFICIAL = """
import sys, json, time, urllib.request
from ldclient import Context
from ldclient.config import Config
from ld_openfeature import LaunchDarklyProvider
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.track import TrackingEventDetails
host, key, units, buyers, token = sys.argv[1:]
provider = LaunchDarklyProvider(Config(key, base_uri=host, stream_uri=host, events_uri=host))
api.set_provider(provider)
client = api.get_client()
served = {}
for n in range(int(units)):
    context = EvaluationContext(f"unit-{n}")
    provider.client.identify(Context.create(f"unit-{n}"))
    served[context.targeting_key] = client.get_string_value("flag", "none", context)
    if n < int(buyers):
        client.track("metric", context, TrackingEventDetails(value=n / 4))
provider.client.flush()
probes = (EvaluationContext(f"probe-{n}") for n in range(1000))
probe = next(each for each in probes if client.get_string_value("flag", "none", each) == "v0")
off = json.dumps([{"op": "replace", "path": "/environments/production/on", "value": False}]).encode()
patch = urllib.request.Request(host + "/api/v2/flags/default/flag", off, {"Authorization": token}, method="PATCH")
urllib.request.urlopen(patch).close()
end = time.monotonic() + 5
while client.get_string_value("flag", "none", probe) != "v1" and time.monotonic() < end:
    time.sleep(0.01)
changed = {client.get_string_value("flag", "none", EvaluationContext(f"later-{n}")) for n in range(9)}
api.shutdown()
print(json.dumps([served, sorted(changed)]))
"""

UNITS, BUYERS = 40, 25


def test_remote_evaluation_serves_what_the_official_provider_serves(server: LiveServer) -> None:
    server.create_experiment(numeric=True)
    key = server.environment_rep()["apiKey"]
    remote = python_client("openfeature-provider-ofrep", "0.3.0")
    official = python_client("launchdarkly-openfeature-server", "0.8.2")
    served, missing, error = json.loads(run_python(remote, REMOTE, server.host, key, str(UNITS)))
    assert (missing, error) == ("none", "FLAG_NOT_FOUND")
    assert set(served.values()) == {"v0", "v1"}
    printed = run_python(official, OFFICIAL, server.host, key, str(UNITS), str(BUYERS), server.token)
    # Off, the flag serves its last variation to everybody.
    assert json.loads(printed) == [served, ["v1"]]
    totals = server.results()["totals"]
    units = {value: [unit for unit in served if served[unit] == value] for value in ("v0", "v1")}
    bought = {value: [n for n in range(BUYERS) if f"unit-{n}" in units[value]] for value in units}
    # Those who came after the change count as exposed too; the probe saw both variations and is left out.
    assert server.results()["assay"]["health"]["multipleVariations"] == 1
    assert totals[0]["cumulativeImpressionCount"] == len(units["v0"])
    assert totals[1]["cumulativeImpressionCount"] >= len(units["v1"])
    assert [row["cumulativeCount"] for row in totals] == [len(numbers) for numbers in bought.values()]
    assert [row["cumulativeValue"] for row in totals] == [sum(numbers) / 4 for numbers in bought.values()]
