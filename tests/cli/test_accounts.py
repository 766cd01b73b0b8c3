"""Export and import: what comes out of one server goes into another, and everybody gets what they got before."""

import json
from pathlib import Path
from typing import Any

import ldclient
import pytest
from ldclient.config import Config

from cli.commands import assay, assert_refused
from cli.shop import ENVIRONMENTS, build_shop, patch, write
from live import LiveServer

CONTEXTS = 1000
FLAGS = ("zz-needed", "button", "ranking", "plain", "gone")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = LiveServer(tmp_path_factory.mktemp("shop") / "data").start()
    build_shop(server)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def account(source: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("account") / "account.json"
    done = assay("export", file, "--server", source.host, "--data", source.folder)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "2 projects, 3 metrics, 4 segments, 5 flags" in done.stderr
    return file


def imported(server: LiveServer, source: Path, *options: str) -> dict[str, str]:
    done = assay("import", source, "--server", server.host, "--data", server.folder, *options)
    assert done.returncode == 0, done.stderr + done.stdout
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def environment_rep(server: LiveServer, environment: str) -> dict[str, Any]:
    rep: dict[str, Any] = server.rest("GET", f"/projects/shop/environments/{environment}").body
    return rep


def context(number: int) -> ldclient.Context:
    builder = (
        ldclient.Context.builder(f"unit-{number}").set("age", number % 60).set("group", f"g{number % 97}")
    )
    return builder.set("country", ("de", "fr", "us", "jp")[number % 4]).build()


def served(server: LiveServer, sdk_key: str) -> list[tuple[Any, ...]]:
    """What every context gets of every flag, by an official SDK."""
    config = Config(
        sdk_key, base_uri=server.host, stream_uri=server.host, send_events=False, diagnostic_opt_out=True
    )
    with ldclient.LDClient(config, start_wait=10) as client:
        assert client.is_initialized()
        details = [
            [client.variation_detail(flag, context(number), "default") for flag in FLAGS]
            for number in range(CONTEXTS)
        ]
    return [
        tuple((json.dumps(one.value), one.variation_index, one.reason["kind"]) for one in row)
        for row in details
    ]


def test_an_imported_account_gives_everybody_what_they_had(
    source: LiveServer, account: Path, server: LiveServer
) -> None:
    counts = imported(server, account)
    assert counts["flags"] == "5 created"
    assert counts["metrics"] == "3 created"
    assert counts["segments"] == "4 created"
    assert counts["environments"] == "2 created, 2 unchanged"
    for environment in ENVIRONMENTS:
        before = served(source, environment_rep(source, environment)["apiKey"])
        assert len(set(before)) > 10, "contexts differ in what they get"
        assert served(server, environment_rep(server, environment)["apiKey"]) == before


def test_importing_again_changes_nothing(account: Path, server: LiveServer) -> None:
    imported(server, account)
    flags = server.rest("GET", "/flags/shop").body
    counts = imported(server, account)
    assert {outcome.partition(" ")[2] for outcome in counts.values()} == {"unchanged"}
    assert server.rest("GET", "/flags/shop").body == flags


def test_sdks_can_go_on_with_the_keys_they_have(
    source: LiveServer, account: Path, server: LiveServer
) -> None:
    keys = {name: environment_rep(source, name) for name in ENVIRONMENTS}
    done = assay(
        "import",
        account,
        "--keep-keys",
        "--project",
        "shop",
        "--server",
        server.host,
        "--data",
        server.folder,
    )
    assert done.returncode == 0, done.stderr
    for name in ENVIRONMENTS:
        now = environment_rep(server, name)
        assert {field: now[field] for field in ("apiKey", "mobileKey", "_id")} == {
            field: keys[name][field] for field in ("apiKey", "mobileKey", "_id")
        }
    key = keys["production"]["apiKey"]
    assert served(server, key) == served(source, key)
    address = f"/sdk/evalx/{keys['production']['_id']}/contexts/eyJraW5kIjoidXNlciIsImtleSI6InUifQ"
    assert server.request("GET", address).status == 200


def test_without_the_option_sdks_get_new_keys(source: LiveServer, account: Path, server: LiveServer) -> None:
    imported(server, account)
    for name in ENVIRONMENTS:
        assert environment_rep(server, name)["apiKey"] != environment_rep(source, name)["apiKey"]


def test_what_changed_since_is_changed_and_nothing_else(account: Path, server: LiveServer) -> None:
    imported(server, account)
    patch(server, "/flags/shop/button", **{"environments/staging/on": False})
    patch(server, "/metrics/shop/revenue", unit="USD")
    write(server, "POST", "/flags/shop", {"key": "own", "name": "own"})
    counts = imported(server, account)
    assert counts["flags"] == "1 changed, 4 unchanged"
    assert counts["metrics"] == "1 changed, 2 unchanged"
    assert server.rest("GET", "/flags/shop/button").body["environments"]["staging"]["on"] is True
    assert server.rest("GET", "/flags/shop/own").status == 200, "nothing is ever deleted"


def test_what_cannot_be_imported_is_skipped_with_its_reason_and_the_rest_is_not(
    account: Path, server: LiveServer, tmp_path: Path
) -> None:
    document = json.loads(account.read_text())
    flags = {flag["key"]: flag for flag in document["flags"]["shop"]}
    del flags["button"]["variations"][1:]
    flags["ranking"]["environments"]["production"]["prerequisites"] = [{"key": "nobody", "variation": 0}]
    document["metrics"]["shop"][0]["kind"] = "nonsense"
    document["segments"]["shop"]["staging"][0]["rules"][0]["clauses"][0]["op"] = "nonsense"
    document["flags"]["shop"].append({"key": "a/b", "name": "no key"})
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(document))
    done = assay("import", file, "--server", server.host, "--data", server.folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for said in (
        "flag shop/button skipped: .*2 to",
        "flag shop/ranking skipped: .*nobody",
        "metric shop/\\w+ skipped: .*",
        "segment shop/staging/\\w+ skipped: .*nonsense",
        "flag shop/a/b skipped: .*key",
    ):
        assert_refused(done, said)
    assert "flags: 3 created, 3 skipped" in done.stdout
    assert server.rest("GET", "/flags/shop/button").status == 404


def test_a_folder_of_the_apis_answers_is_read_too(
    source: LiveServer, server: LiveServer, tmp_path: Path
) -> None:
    folder = tmp_path / "answers"
    (folder / "shop" / "segments").mkdir(parents=True)
    answers = {
        "projects.json": "/projects?filter=keys:shop&expand=environments",
        "shop/flags.json": "/flags/shop?summary=0&env=production,staging",
        "shop/metrics.json": "/metrics/shop",
        "shop/segments/production.json": "/segments/shop/production",
    }
    headers = {"Authorization": source.token, "LD-API-Version": "20240415"}
    for name, path in answers.items():
        reply = source.request("GET", f"/api/v2{path}", None, headers)
        (folder / name).write_text(json.dumps(reply.body))
    counts = imported(server, folder)
    assert counts["flags"] == "4 created", "a list has no archived flags"
    assert counts["segments"] == "2 created"
    key = environment_rep(server, "production")["apiKey"]
    before = served(source, environment_rep(source, "production")["apiKey"])
    gone = FLAGS.index("gone")
    assert [row[:gone] for row in served(server, key)] == [row[:gone] for row in before]


def test_a_segment_without_its_salt_is_said_so(account: Path, server: LiveServer, tmp_path: Path) -> None:
    document = json.loads(account.read_text())
    for segment in document["segments"]["shop"]["production"]:
        del segment["salt"]
    file = tmp_path / "saltless.json"
    file.write_text(json.dumps(document))
    done = assay("import", file, "--server", server.host, "--data", server.folder)
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "salt" in line] == [
        "segment shop/production/beta created: its salt isn't in the document: "
        "who is in the share of a rule is drawn anew"
    ]


def test_one_project_can_be_exported_to_standard_output(source: LiveServer) -> None:
    done = assay("export", "--project", "shop", "--server", source.host, "--data", source.folder)
    document = json.loads(done.stdout)
    assert [project["key"] for project in document["projects"]] == ["shop"]
    assert {flag["key"] for flag in document["flags"]["shop"]} == set(FLAGS)
    assert source.token not in done.stdout


def test_keys_that_open_another_environment_already_are_not_taken_over(
    source: LiveServer, account: Path, server: LiveServer, tmp_path: Path
) -> None:
    document = json.loads(account.read_text())
    own = server.environment_rep()
    (shop,) = [project for project in document["projects"] if project["key"] == "shop"]
    shop["environments"]["items"][0]["apiKey"] = own["apiKey"]
    file = tmp_path / "clash.json"
    file.write_text(json.dumps(document))
    at = ("--server", server.host, "--data", server.folder)
    done = assay("import", file, "--project", "shop", "--keep-keys", *at)
    assert_refused(done, "environment shop/production skipped: .*default/production")
    assert (
        server.request("GET", "/sdk/latest-all", None, {"Authorization": own["apiKey"]}).body["flags"] == {}
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"projects": 7}', '{"flags": {"a": [7]}}', "\x00"])
def test_a_file_that_is_no_account_is_refused(server: LiveServer, tmp_path: Path, content: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    done = assay("import", file, "--server", server.host, "--data", server.folder)
    assert_refused(done, "no account")


@pytest.mark.parametrize(
    "body",
    [
        {"project": {}},
        {"project": {"key": "nowhere"}},
        {"project": {"key": "default", "environments": 7}},
        {"project": {"key": "default", "environments": [7]}},
        {"project": {"key": "default"}, "flags": [{}]},
        {"project": {"key": "default"}, "flags": [{"key": "f", "environments": [1]}]},
        {"project": {"key": "default"}, "flags": [{"key": "f", "variations": {"a": 1}}]},
        {"project": {"key": "default"}, "flags": [{"key": 7, "name": "f"}]},
        {"project": {"key": "default"}, "segments": {"nowhere": [{"key": "s"}]}},
        {"project": {"key": "default"}, "segments": {"test": [{"key": None}]}},
        {"project": {"key": "default"}, "metrics": [{"key": "m"}, {}]},
        {"project": {"key": "default", "environments": [{"key": "test", "apiKey": 7}]}, "keepKeys": True},
    ],
)
def test_a_document_that_is_none_is_refused_or_skipped(server: LiveServer, body: dict[str, Any]) -> None:
    reply = server.rest("POST", "/import", body)
    if reply.status == 200:
        assert any(item["outcome"] == "skipped" and item["notes"] for item in reply.body["items"])
    else:
        assert reply.status == 400
    assert server.rest("GET", "/flags/default").body["items"] == []
