"""The client against a running server: the document's examples, and the official client beside it."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import launchdarkly_api
from assay_server import CONVERTED, KEYS, UNITS_PER_VARIATION, AssayServer, start
from canned import TOKEN, canned_results
from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi
from launchdarkly_api.session import Measured
from loopback import Loopback, response

CLIENT = Path(__file__).resolve().parents[1]
REPOSITORY = CLIENT.parents[1]
DOCUMENT = REPOSITORY.parent / "shared" / "reference" / "ExperimentsBetaApi.md"
OFFICIAL = REPOSITORY / ".venv" / "clients" / "launchdarkly-api-6.0.1"
WHERE: Measured = {"project": KEYS[0], "flag": KEYS[1], "environment": KEYS[2], "metric": KEYS[3]}

live = pytest.mark.skipif(importlib.util.find_spec("assay") is None, reason="the server is not installed")
documented = pytest.mark.skipif(not DOCUMENT.exists(), reason=f"the founding document is not at {DOCUMENT}")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssayServer]:
    """A server whose experiment is read and never reset."""
    server = start(tmp_path_factory.mktemp("assay") / "data")
    yield server
    server.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[AssayServer]:
    """A server that a test may change."""
    server = start(tmp_path / "data")
    yield server
    server.stop()


def run(code_or_file: list[str], packages: Path) -> str:
    """Run Python with `packages` before everything installed; nothing may be said on standard error."""
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *code_or_file],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def snippets(host: str, token: str) -> list[str]:
    """The document's examples, with the two placeholders that a reader must fill in."""
    found = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(found) == 2
    filled = []
    for snippet in found:
        assert snippet.count('"https://app.launchdarkly.com"') == snippet.count("'YOUR_API_KEY'") == 1
        snippet = snippet.replace('"https://app.launchdarkly.com"', repr(host))
        filled.append(snippet.replace("'YOUR_API_KEY'", repr(token)))
    return filled


def printed_dictionaries(output: str) -> list[dict[str, object]]:
    return [ast.literal_eval(text) for text in re.split(r"^(?=\{)", output, flags=re.MULTILINE) if text]


@documented
def test_the_documents_examples_run_on_canned_results(results_body: str) -> None:
    def answer(request: object) -> list[bytes | float]:
        deleting = getattr(request, "method", "") == "DELETE"
        return response(status=204, reason="No Content") if deleting else response(results_body)

    server = Loopback(answer)
    try:
        reading, resetting = snippets(server.host, TOKEN)
        first, second = printed_dictionaries(run(["-W", "error", "-c", reading], CLIENT / "src"))
        assert first == second
        assert first.keys() == {"links", *canned_results()} - {"_links"}
        assert run(["-W", "error", "-c", resetting], CLIENT / "src") == ""
    finally:
        server.close()
    assert [request.method for request in server.requests] == ["GET", "GET", "DELETE"]


@live
@documented
def test_the_documents_examples_run_against_a_server(fresh: AssayServer) -> None:
    reading, resetting = snippets(fresh.host, fresh.token)
    told = "print(launchdarkly_api.__file__, isinstance(api_response, ExperimentResultsRep))"
    output = run(["-W", "error", "-c", f"{reading}\n{told}\n"], CLIENT / "src")
    dictionaries, _, types = output.rstrip("\n").partition(str(CLIENT / "src"))
    everything, empty_window = printed_dictionaries(dictionaries)
    assert types.endswith(" True")
    assert isinstance(everything["totals"], list)
    assert [row["cumulative_impression_count"] for row in everything["totals"]] == [UNITS_PER_VARIATION] * 2
    assert [row["cumulative_count"] for row in everything["totals"]] == list(CONVERTED)
    assert isinstance(empty_window["totals"], list)
    assert [row["cumulative_count"] for row in empty_window["totals"]] == [0, 0]

    assert run(["-W", "error", "-c", resetting], CLIENT / "src") == ""
    with launchdarkly_api.experiments(fresh.host, fresh.token) as experiments:
        assert [total.cumulative_impression_count for total in experiments.read(**WHERE).totals] == [0, 0]


@pytest.fixture(scope="session")
def official() -> Path:
    """The official client with what it needs, beside the environment rather than in it."""
    if not OFFICIAL.exists():
        unfinished = OFFICIAL.with_name(f"{OFFICIAL.name}.{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
        subprocess.run([*pip, str(unfinished), "launchdarkly-api==6.0.1"], check=True, timeout=300)
        if not OFFICIAL.exists():
            unfinished.rename(OFFICIAL)
    return OFFICIAL


@live
def test_the_same_script_prints_the_same_under_the_official_client(
    standing: AssayServer, official: Path
) -> None:
    now_ms = time.time_ns() // 1_000_000
    reader = standing.reader_token()
    arguments = [standing.host, standing.token, reader, *KEYS, str(now_ms - 3_600_000), str(now_ms + 60_000)]
    script = [str(CLIENT / "tests" / "same_script.py"), *arguments]
    where = ["-c", "import launchdarkly_api; print(launchdarkly_api.__file__)"]
    assert run(where, CLIENT / "src").startswith(str(CLIENT))
    assert run(where, official).startswith(str(official))
    ours, theirs = run(script, CLIENT / "src"), run(script, official)
    assert "ForbiddenException 403" in ours
    assert ours == theirs


@live
@documented
def test_the_document_prints_the_same_results_under_the_official_client(
    standing: AssayServer, official: Path
) -> None:
    reading, _ = snippets(standing.host, standing.token)
    ours = printed_dictionaries(run(["-c", reading], CLIENT / "src"))
    theirs = printed_dictionaries(run(["-c", reading], official))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys() >= {"totals", "series", "stats", "assay"}
        assert [mine[name] for name in ("totals", "stats", "metadata")] == [
            other[name] for name in ("totals", "stats", "metadata")
        ]


@live
def test_resetting_prints_the_same_under_the_official_client(fresh: AssayServer, official: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    window = [str(now_ms - 3_600_000), str(now_ms + 600_000)]
    arguments = [fresh.host, fresh.token, fresh.reader_token(), *KEYS, *window, "reset"]
    endings = []
    for packages in (CLIENT / "src", official):
        endings.append(
            run([str(CLIENT / "tests" / "same_script.py"), *arguments], packages).splitlines()[-2:]
        )
        fresh.feed()
    assert endings == [["None", "[0, 0]"]] * 2


@live
def test_a_live_rate_limit_is_waited_out_or_raised(tmp_path: Path) -> None:
    server = start(tmp_path / "data", ASSAY_RESULTS_RATE_LIMIT="1")
    try:
        with launchdarkly_api.experiments(server.host, server.token, timeout=60) as patient:
            readings = [patient.read(**WHERE).granularity for _ in range(2)]
            assert readings[0] == readings[1]
        configuration = launchdarkly_api.Configuration(host=server.host, api_key={"ApiKey": server.token})
        configuration.retries = 0
        with launchdarkly_api.ApiClient(configuration) as client:
            api = ExperimentsBetaApi(client)
            calls = [api.get_experiment(*KEYS, async_req=True) for _ in range(3)]
            with pytest.raises(launchdarkly_api.ApiException) as caught:
                [pending.get() for pending in calls]
    finally:
        server.stop()
    assert caught.value.status == 429
    assert caught.value.headers is not None
    assert "Retry-After" in caught.value.headers
    assert "rate_limited" in (caught.value.body or "")


@live
def test_a_live_result_becomes_frames(standing: AssayServer) -> None:
    pytest.importorskip("pandas")
    with launchdarkly_api.experiments(standing.host, standing.token) as experiments:
        results = experiments.read(**WHERE)
    totals, series = results.to_pandas()
    assert totals["key"].tolist() == ["plain", "bold"]
    assert totals["cumulative_count"].tolist() == list(CONVERTED)
    assert len(series) == 2 * len(results.series)
    assert results.assay["plan"]["alpha"] == 0.05
