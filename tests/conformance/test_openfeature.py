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
import sys, json
from ldclient.config import Config
from ld_openfeature import LaunchDarklyProvider
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
host, key, units = sys.argv[1:]
api.set_provider(LaunchDarklyProvider(Config(key, base_uri=host, stream_uri=host, events_uri=host)))
client = api.get_client()
contexts = [EvaluationContext(f"unit-{n}") for n in range(int(units))]
served = {each.targeting_key: client.get_string_value("flag", "none", each) for each in contexts}
api.shutdown()
print(json.dumps(served))
"""


def test_remote_evaluation_serves_what_the_official_provider_serves(server: LiveServer) -> None:
    server.create_experiment()
    key = server.environment_rep()["apiKey"]
    remote = python_client("openfeature-provider-ofrep", "0.3.0")
    official = python_client("launchdarkly-openfeature-server", "0.8.2")
    served, missing, error = json.loads(run_python(remote, REMOTE, server.host, key, "40"))
    assert (missing, error) == ("none", "FLAG_NOT_FOUND")
    assert set(served.values()) == {"v0", "v1"}
    assert json.loads(run_python(official, OFFICIAL, server.host, key, "40")) == served
    exposed = [row["cumulativeImpressionCount"] for row in server.results()["totals"]]
    assert exposed == [list(served.values()).count(value) for value in ("v0", "v1")]
