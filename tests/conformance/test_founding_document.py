"""The founding document's two snippets, taken from the file and only given host and key."""

import re
from pathlib import Path

import pytest

from conformance.clients import ROOT, python_client, run_python
from live import LiveServer, exposure, now_ms, tracked

DOCUMENT = ROOT.parent / "shared" / "reference" / "ExperimentsBetaApi.md"
pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the founding document lies beside the checkout only"
)

KEYS = {"projKey_example": "default", "flagKey_example": "flag", "envKey_example": "production"}
SAME_NAMES = ("6.0.0", "6.0.1", "7.1.1")


def snippets() -> list[str]:
    """The document's Python blocks, in order: get, reset."""
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def given(snippet: str, server: LiveServer) -> str:
    """The snippet with host and key filled in, and the keys of an experiment that exists."""
    filled = snippet.replace("https://app.launchdarkly.com", server.host).replace(
        "YOUR_API_KEY", server.token
    )
    for example, key in {**KEYS, "metricKey_example": "metric"}.items():
        filled = filled.replace(example, key)
    return filled


@pytest.fixture
def experiment(server: LiveServer) -> LiveServer:
    server.create_experiment()
    at = now_ms()
    units = [exposure(f"u{n}", n % 2, at) for n in range(40)]
    server.send([*units, *(tracked(f"u{n}", at) for n in range(0, 40, 3))])
    return server


@pytest.mark.parametrize("version", SAME_NAMES)
def test_the_snippets_run_as_they_stand(experiment: LiveServer, version: str) -> None:
    client = python_client("launchdarkly-api", version)
    read, reset = (given(snippet, experiment) for snippet in snippets())
    printed = run_python(client, read)
    assert "Exception when calling" not in printed
    assert printed.count("'granularity'") == 2, "the second call, from=1 and to=1, prints a result too"
    assert "'cumulative_impression_count': 20" in printed
    assert run_python(client, reset) == ""
    assert [row["cumulativeImpressionCount"] for row in experiment.results()["totals"]] == [0, 0]


MODULES = {"9.0.1": "experiments__beta_api", "14.0.0": "experiments_beta_api", "17.1.0": "experiments_api"}
CLASSES = {"9.0.1": "ExperimentsBetaApi", "14.0.0": "ExperimentsBetaApi", "17.1.0": "ExperimentsApi"}

LATER = """
import sys, launchdarkly_api, importlib
from pprint import pprint
module, name, host, key, reset = sys.argv[1:]
configuration = launchdarkly_api.Configuration(host=host)
configuration.api_key["ApiKey"] = key
with launchdarkly_api.ApiClient(configuration) as client:
    api = getattr(importlib.import_module("launchdarkly_api.api." + module), name)(client)
    place = ("default", "flag", "production", "metric")
    pprint(api.get_legacy_experiment_results(*place))
    window = {"to": 1, "_from": 1}
    pprint(api.get_legacy_experiment_results(*place, **window))
    if reset == "reset":
        assert api.reset_experiment(*place) is None
"""


@pytest.mark.parametrize("version", ["9.0.1", "14.0.0", "17.1.0"])
def test_later_clients_read_the_same_under_their_own_names(experiment: LiveServer, version: str) -> None:
    client = python_client("launchdarkly-api", version)
    # The reset left the client with 15.0.
    reset = "keep" if version == "17.1.0" else "reset"
    printed = run_python(
        client, LATER, MODULES[version], CLASSES[version], experiment.host, experiment.token, reset
    )
    assert printed.count("granularity") == 2
    assert "20" in printed
    left = [row["cumulativeImpressionCount"] for row in experiment.results()["totals"]]
    assert left == ([0, 0] if reset == "reset" else [20, 20])


def test_the_document_was_found_whole() -> None:
    assert len(snippets()) == 2
    assert Path(DOCUMENT).name == "ExperimentsBetaApi.md"
