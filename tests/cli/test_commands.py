"""The commands: what they say, what they leave on the disk, and how they refuse."""

import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli import main
from cli.commands import assay, assert_refused
from live import LiveServer, exposure, tracked

PRESET = "api-preset-0123456789"


def test_the_first_start_prints_the_admin_token_once_and_keeps_it_for_its_owner(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve()
    printed = [line for line in server.greeting if server.token in line]
    assert len(printed) == 1
    assert re.fullmatch(r"api-[0-9a-f-]{36}", server.token)
    assert stat.S_IMODE((server.folder / "admin-token").stat().st_mode) == 0o600
    assert server.rest("GET", "/tokens").body["items"][0]["role"] == "admin"
    assert server.stop() == 0
    server.start()
    assert not any(server.token in line for line in server.greeting)
    assert server.rest("GET", "/projects").status == 200


def test_nothing_in_the_data_folder_is_for_others_to_read(server: LiveServer) -> None:
    server.send([exposure("u", 0)])
    assert server.stop() == 0
    secret = [server.folder / name for name in ("admin-token", "metadata.sqlite", "tables.duckdb")]
    secret += list((server.folder / "log").iterdir())
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in secret} == {
        path.name: 0o600 for path in secret
    }


def test_the_admin_token_can_be_preset_and_replaced(serve: Callable[..., LiveServer]) -> None:
    server = serve(ASSAY_ADMIN_TOKEN=PRESET)
    assert server.token == PRESET
    assert len(server.rest("GET", "/tokens").body["items"]) == 1
    assert server.stop() == 0
    server.start()
    assert len(server.rest("GET", "/tokens").body["items"]) == 1, "it is known already"
    assert server.stop() == 0
    server.environment["ASSAY_ADMIN_TOKEN"] = PRESET + "-new"
    server.start()
    assert server.token == PRESET + "-new"
    assert server.rest("GET", "/tokens").status == 200
    assert server.rest("GET", "/tokens", token=PRESET).status == 200, "until somebody deletes it"


@pytest.mark.parametrize("preset", ["short", " " + PRESET, PRESET + "\n", "with space " + PRESET, "ü" * 20])
def test_a_preset_token_that_no_client_could_send_is_refused(tmp_path: Path, preset: str) -> None:
    done = assay("serve", "--data", tmp_path / "data", "--port", "0", ASSAY_ADMIN_TOKEN=preset)
    assert_refused(done, "ASSAY_ADMIN_TOKEN")
    assert preset not in done.stderr + done.stdout


def test_a_first_start_makes_a_project_with_two_environments(server: LiveServer) -> None:
    project = server.rest("GET", "/projects/default?expand=environments").body
    environments = {item["key"]: item for item in project["environments"]["items"]}
    assert set(environments) == {"production", "test"}
    for environment in environments.values():
        assert all(environment[name] for name in ("apiKey", "mobileKey", "_id"))
    assert server.stop() == 0
    server.start()
    again = server.rest("GET", "/projects/default?expand=environments").body
    assert again == project


def test_a_second_process_on_the_folder_is_refused(server: LiveServer) -> None:
    assert_refused(assay("serve", "--data", server.folder, "--port", "0"), "in use by another Assay process")
    assert_refused(assay("replay", "--data", server.folder), "in use by another Assay process")
    assert server.rest("GET", "/projects").status == 200


def test_a_port_in_use_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = assay("serve", "--data", tmp_path / "data", "--port", port)
    assert_refused(done, "address already in use")
    assert "listens" not in done.stdout
    with LiveServerUntilStopped(tmp_path / "data") as server:
        assert server.rest("GET", "/projects").status == 200, "the folder is free and whole"


class LiveServerUntilStopped(LiveServer):
    """A server for the length of a with statement."""

    def __enter__(self) -> LiveServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--port", "nonsense"], {}, "--port"),
        (["--port", "65536"], {}, "ASSAY_PORT is at most 65535"),
        (["--port", "-1"], {}, "ASSAY_PORT is at least 0"),
        ([], {"ASSAY_PORT": "http"}, "ASSAY_PORT is a whole number"),
        ([], {"ASSAY_LOG_LEVEL": "loud"}, "log_level is one of"),
        ([], {"ASSAY_RATE_LIMIT": "0"}, "ASSAY_RATE_LIMIT is at least 1"),
        ([], {"ASSAY_HEARTBEAT_S": "-5"}, "ASSAY_HEARTBEAT_S is at least 1"),
        ([], {"ASSAY_MAX_BODY_BYTES": "1e6"}, "ASSAY_MAX_BODY_BYTES is a whole number"),
        (["--unknown"], {}, "(?i)no such option"),
    ],
)
def test_a_bad_setting_is_refused_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    command = ["serve", "--data", str(tmp_path / "data"), *arguments]
    done = CliRunner().invoke(main, command, env=environment)
    assert done.exit_code in (1, 2)
    assert re.search(said, done.output), done.output
    assert not (tmp_path / "data").exists()


def test_a_host_that_is_none_is_refused(tmp_path: Path) -> None:
    done = assay("serve", "--data", tmp_path / "data", "--port", "0", "--host", "no.such.host.invalid")
    assert_refused(done, "(?i)host|address|name")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert_refused(assay("serve", "--data", file, "--port", "0"), "can't be the data folder")
    assert_refused(assay("serve", "--data", file / "below", "--port", "0"), "can't be the data folder")
    assert file.read_text() == "not a folder"


def test_replay_builds_the_same_tables_from_the_log(server: LiveServer) -> None:
    server.create_experiment()
    server.send([exposure("a", 0), exposure("b", 1), tracked("b")])
    before = server.results(query="?from=0")["totals"]
    assert server.stop() == 0
    done = assay("replay", "--data", server.folder)
    assert (done.returncode, done.stderr) == (0, "")
    server.start()
    assert server.results(query="?from=0")["totals"] == before


@pytest.mark.parametrize(
    "command",
    [
        *([], ["serve"], ["replay"], ["demo"], ["backup"], ["restore"]),
        *(["token"], ["token", "create"], ["token", "list"], ["token", "revoke"]),
    ],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_the_version_is_known() -> None:
    assert re.search(r"\d+\.\d+\.\d+", CliRunner().invoke(main, ["--version"]).output)
