"""Tokens from the command line, on a server that runs."""

from pathlib import Path

from cli.commands import assay, assert_refused
from live import LiveServer


def test_a_token_is_made_listed_and_revoked_while_the_server_runs(server: LiveServer) -> None:
    at = ("--server", server.host, "--data", server.folder)
    made = assay("token", "create", *at, "--name", "deploys", "--role", "writer")
    assert (made.returncode, made.stderr) == (0, "")
    secret = made.stdout.strip()
    assert server.rest("GET", "/projects", token=secret).status == 200
    assert server.rest("GET", "/tokens", token=secret).status == 403
    listed = assay("token", "list", *at)
    assert secret not in listed.stdout
    (line,) = [line for line in listed.stdout.splitlines() if line.endswith("\tdeploys")]
    identifier, role, ending, _ = line.split("\t")
    assert (role, ending[-4:]) == ("writer", secret[-4:])
    assert assay("token", "revoke", *at, identifier).returncode == 0
    assert server.rest("GET", "/projects", token=secret).status == 401


def test_where_and_who_may_come_from_the_environment(server: LiveServer) -> None:
    environment = {"ASSAY_SERVER": server.host, "ASSAY_TOKEN": server.token}
    done = assay("token", "list", **environment)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    settings = {"ASSAY_PORT": str(server.port), "ASSAY_DATA": str(server.folder)}
    assert assay("token", "list", **settings).stdout == done.stdout


def test_a_role_that_is_none_is_refused(server: LiveServer) -> None:
    at = ("--server", server.host, "--data", server.folder)
    assert_refused(assay("token", "create", *at, "--role", "owner"), "owner")


def test_refusals_of_the_server_are_one_line(server: LiveServer, tmp_path: Path) -> None:
    reader = server.rest("POST", "/tokens", {"name": "reader", "role": "reader"}).body["token"]
    assert_refused(assay("token", "list", "--server", server.host, "--token", reader), "403")
    assert_refused(assay("token", "list", "--server", server.host, "--token", "api-nobody"), "401")
    at = ("--server", server.host, "--data", server.folder)
    assert_refused(assay("token", "revoke", *at, "0123456789abcdef"), "404")
    assert_refused(assay("token", "revoke", *at, "../projects/default"), "(?i)id")
    assert_refused(assay("token", "list", "--server", server.host, "--data", tmp_path / "no"), "no token")
    assert_refused(assay("token", "list", "--server", "file:///etc", "--token", "x"), "URL")


def test_a_server_that_does_not_run_is_said_so(server: LiveServer) -> None:
    assert server.stop() == 0
    at = ("--server", server.host, "--data", server.folder)
    assert_refused(assay("token", "list", *at), "can't be reached")
