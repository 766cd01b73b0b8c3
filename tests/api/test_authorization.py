"""Every operation, for every kind of caller: who gets in, and who is told why not."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from assay.access.policies import parse_resource
from assay.api.call import Operation
from assay.api.routes import OPERATIONS
from live import LiveServer

FLAG = "/api/v2/flags/default/nobody"
PRODUCTION = "/api/v2/projects/default/environments/production"
SEGMENT = "/api/v2/segments/default/production/nobody"
HOLDOUTS = "/api/v2/projects/default/environments/production/holdouts"
EXPERIMENTS = "/api/v2/projects/default/environments/production/experiments"
EXPERIMENT = f"{FLAG}/experiments/production/nothing"

# Method, path, least role, and what the operation answers to those who may: all but reading aims at nothing.
TABLE = (
    ("GET", "/api/v2/projects", "reader", 200),
    ("POST", "/api/v2/projects", "admin", 400),
    ("GET", "/api/v2/projects/default", "reader", 200),
    ("PATCH", "/api/v2/projects/nowhere", "admin", 400),
    ("DELETE", "/api/v2/projects/nowhere", "admin", 404),
    ("GET", "/api/v2/projects/default/environments", "reader", 200),
    ("POST", "/api/v2/projects/default/environments", "admin", 400),
    ("GET", "/api/v2/projects/default/environments/test", "reader", 200),
    ("PATCH", "/api/v2/projects/default/environments/nowhere", "admin", 400),
    ("DELETE", "/api/v2/projects/default/environments/nowhere", "admin", 404),
    ("GET", "/api/v2/flags/default", "reader", 200),
    ("POST", "/api/v2/flags/default", "writer", 400),
    ("GET", FLAG, "reader", 404),
    ("PATCH", FLAG, "writer", 400),
    ("DELETE", FLAG, "writer", 404),
    ("GET", EXPERIMENT, "reader", 404),
    ("DELETE", f"{EXPERIMENT}/results", "writer", 404),
    ("GET", EXPERIMENTS, "reader", 200),
    ("POST", EXPERIMENTS, "writer", 400),
    ("GET", "/api/v2/projects/default/experiments", "reader", 200),
    ("GET", f"{EXPERIMENTS}/nothing", "reader", 404),
    ("PATCH", f"{EXPERIMENTS}/nothing", "writer", 400),
    ("POST", f"{EXPERIMENTS}/nothing/iterations", "writer", 400),
    ("GET", f"{EXPERIMENTS}/nothing/results", "reader", 404),
    ("GET", f"{EXPERIMENTS}/nothing/metrics/nothing/results", "reader", 404),
    ("GET", f"{EXPERIMENTS}/nothing/metric-groups/nothing/results", "reader", 404),
    ("GET", f"{EXPERIMENTS}/nothing/export/exposures", "writer", 404),
    ("GET", f"{EXPERIMENTS}/nothing/export/metric-values", "writer", 404),
    ("GET", f"{EXPERIMENTS}/nothing/export/results", "reader", 404),
    ("GET", HOLDOUTS, "reader", 200),
    ("POST", HOLDOUTS, "writer", 400),
    ("GET", f"{HOLDOUTS}/nothing", "reader", 404),
    ("PATCH", f"{HOLDOUTS}/nothing", "writer", 400),
    ("GET", f"{HOLDOUTS}/id/nothing", "reader", 404),
    ("GET", "/api/v2/projects/default/layers", "reader", 200),
    ("POST", "/api/v2/projects/default/layers", "writer", 400),
    ("PATCH", "/api/v2/projects/default/layers/nothing", "writer", 400),
    ("GET", "/api/v2/projects/default/experimentation-settings", "reader", 200),
    ("PUT", "/api/v2/projects/default/experimentation-settings", "admin", 400),
    ("GET", "/api/v2/flag-statuses/default/production", "reader", 200),
    ("GET", "/api/v2/flag-statuses/default/production/nobody", "reader", 404),
    ("GET", "/api/v2/flag-status/default/nobody", "reader", 404),
    ("GET", "/api/v2/usage/evaluations/default/production/nobody", "reader", 404),
    ("GET", "/api/v2/metrics/default", "reader", 200),
    ("POST", "/api/v2/metrics/default", "writer", 400),
    ("GET", "/api/v2/metrics/default/nothing", "reader", 404),
    ("PATCH", "/api/v2/metrics/default/nothing", "writer", 400),
    ("DELETE", "/api/v2/metrics/default/nothing", "writer", 404),
    ("GET", "/api/v2/projects/default/metric-groups", "reader", 200),
    ("POST", "/api/v2/projects/default/metric-groups", "writer", 400),
    ("GET", "/api/v2/projects/default/metric-groups/nothing", "reader", 404),
    ("PATCH", "/api/v2/projects/default/metric-groups/nothing", "writer", 400),
    ("DELETE", "/api/v2/projects/default/metric-groups/nothing", "writer", 404),
    ("GET", "/api/v2/tokens", "admin", 200),
    ("POST", "/api/v2/tokens", "admin", 400),
    ("GET", "/api/v2/tokens/nobody", "admin", 404),
    ("PATCH", "/api/v2/tokens/nobody", "admin", 400),
    ("DELETE", "/api/v2/tokens/nobody", "admin", 404),
    ("POST", "/api/v2/tokens/nobody/reset", "admin", 404),
    ("GET", "/api/v2/webhooks", "admin", 200),
    ("POST", "/api/v2/webhooks", "admin", 400),
    ("GET", "/api/v2/webhooks/nobody", "admin", 404),
    ("PATCH", "/api/v2/webhooks/nobody", "admin", 400),
    ("DELETE", "/api/v2/webhooks/nobody", "admin", 404),
    ("POST", "/api/v2/import", "admin", 400),
    ("GET", "/api/v2/roles", "admin", 200),
    ("POST", "/api/v2/roles", "admin", 400),
    ("GET", "/api/v2/roles/nobody", "admin", 404),
    ("PATCH", "/api/v2/roles/nobody", "admin", 400),
    ("DELETE", "/api/v2/roles/nobody", "admin", 404),
    ("GET", "/api/v2/members", "reader", 200),
    ("POST", "/api/v2/members", "admin", 400),
    ("GET", "/api/v2/members/me", "no_access", 200),
    ("GET", "/api/v2/members/nobody", "reader", 404),
    ("PATCH", "/api/v2/members/nobody", "admin", 400),
    ("DELETE", "/api/v2/members/nobody", "admin", 404),
    ("GET", "/api/v2/auditlog", "reader", 200),
    ("POST", "/api/v2/auditlog", "reader", 400),
    ("GET", "/api/v2/auditlog/0", "reader", 404),
    ("GET", "/api/v2", "anyone", 200),
    ("GET", "/api/v2/versions", "no_access", 200),
    ("GET", "/api/v2/public-ip-list", "anyone", 200),
    ("GET", "/api/v2/caller-identity", "no_access", 200),
    ("GET", "/api/v2/openapi.json", "anyone", 200),
    ("GET", "/api/v2/segments/default/production", "reader", 200),
    ("POST", "/api/v2/segments/default/production", "writer", 400),
    ("GET", SEGMENT, "reader", 404),
    ("PATCH", SEGMENT, "writer", 400),
    ("DELETE", SEGMENT, "writer", 404),
    ("GET", f"{SEGMENT}/contexts/somebody", "reader", 404),
    ("GET", f"{SEGMENT}/users/somebody", "reader", 404),
    ("POST", f"{SEGMENT}/contexts", "writer", 404),
    ("POST", f"{SEGMENT}/users", "writer", 400),
    ("POST", "/api/v2/projects/default/environments/production/segments/evaluate", "reader", 400),
    ("POST", "/api/v2/projects/default/environments/nowhere/apiKey", "admin", 404),
    ("POST", "/api/v2/projects/default/environments/nowhere/mobileKey", "admin", 404),
    ("GET", "/api/v2/segments/default/nobody/expiring-targets/production", "reader", 404),
    ("PATCH", "/api/v2/segments/default/nobody/expiring-targets/production", "writer", 400),
    ("GET", "/api/v2/segments/default/nobody/expiring-user-targets/production", "reader", 404),
    ("PATCH", "/api/v2/segments/default/nobody/expiring-user-targets/production", "writer", 400),
    ("GET", "/api/v2/tags", "reader", 200),
    ("POST", f"{PRODUCTION}/contexts/search", "reader", 200),
    ("GET", f"{PRODUCTION}/contexts/user/nobody", "reader", 200),
    ("PUT", f"{PRODUCTION}/contexts/user/nobody/flags/nobody", "writer", 400),
    ("GET", f"{PRODUCTION}/context-attributes", "reader", 200),
    ("GET", f"{PRODUCTION}/context-attributes/plan", "reader", 400),
    ("POST", f"{PRODUCTION}/flags/evaluate", "reader", 400),
    ("GET", "/api/v2/projects/default/context-kinds", "reader", 200),
    ("PUT", "/api/v2/projects/default/context-kinds/user", "writer", 400),
    ("POST", f"{FLAG}/copy", "writer", 400),
    ("GET", f"{FLAG}/dependent-flags", "reader", 404),
    ("GET", "/api/v2/flags/default/production/nobody/dependent-flags", "reader", 404),
    ("GET", f"{FLAG}/expiring-targets/production", "reader", 404),
    ("PATCH", f"{FLAG}/expiring-targets/production", "writer", 400),
    ("GET", f"{FLAG}/expiring-user-targets/production", "reader", 404),
    ("PATCH", f"{FLAG}/expiring-user-targets/production", "writer", 400),
    ("GET", "/api/v2/projects/default/flag-defaults", "reader", 200),
    ("PUT", "/api/v2/projects/default/flag-defaults", "writer", 400),
    ("PATCH", "/api/v2/projects/default/flag-defaults", "writer", 400),
)
RANKS = ("reader", "writer", "admin")
OPEN = ("anyone", "no_access")
BY_POLICY = ("one project", "another project", "custom role", "custom role elsewhere")

# What every policy that allows anything in any project may ask: they get what they may see of it.
SIFTED = {("GET", "/api/v2/projects")}


@dataclass(frozen=True)
class Callers:
    """Secrets by kind of caller; `none` sends no header at all."""

    good: dict[str, str]
    bad: dict[str, str | None]


def everything_in(project: str) -> list[dict[str, Any]]:
    """A policy that allows all in one project and names nothing else."""
    places = (f"proj/{project}", f"proj/{project}:*/*", f"proj/{project}:env/*:*/*")
    return [{"effect": "allow", "actions": ["*"], "resources": list(places)}]


def made(api: LiveServer, **rights: Any) -> dict[str, Any]:
    reply = api.rest("POST", "/tokens", {"name": "caller", **rights})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


@pytest.fixture(scope="module")
def callers(api: LiveServer) -> Callers:
    good = {role: made(api, role=role)["token"] for role in RANKS[:2]}
    good["one project"] = made(api, inlineRole=everything_in("default"))["token"]
    good["another project"] = made(api, inlineRole=everything_in("elsewhere"))["token"]
    for caller, project in (("custom role", "default"), ("custom role elsewhere", "elsewhere")):
        role = {"key": fresh("role"), "name": caller, "policy": everything_in(project)}
        assert api.rest("POST", "/roles", role).status == 201
        good[caller] = made(api, customRoleIds=[role["key"]])["token"]
    revoked = made(api, role="admin")
    assert api.rest("GET", "/projects", token=revoked["token"]).status == 200
    assert api.rest("DELETE", f"/tokens/{revoked['_id']}").status == 204
    bad = {
        "none": None,
        "empty": "",
        "wrong": "api-00000000-0000-0000-0000-000000000000",
        "almost": api.token[:-1],
        "two words": f"Basic {api.token}",
        "revoked": revoked["token"],
        "sdk key": api.environment_rep()["apiKey"],
        "mobile key": api.environment_rep()["mobileKey"],
        "client-side id": api.environment_rep()["_id"],
        "token id": api.rest("GET", "/tokens").body["items"][0]["_id"],
    }
    return Callers({**good, "admin": api.token}, bad)


def operation_of(method: str, path: str) -> Operation:
    """The operation that a row is about: the one with the fewest parameters whose path fits."""
    fitting = [
        row
        for row in OPERATIONS
        if row.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", row.path), path)
    ]
    assert fitting, f"no operation answers {method} {path}"
    return min(fitting, key=lambda row: row.path.count("{"))


def project_in(path: str) -> str | None:
    """The project that a path lies in, told by hand."""
    found = re.match(
        r"/api/v2/(?:projects|flags|metrics|segments|flag-status|flag-statuses|usage/evaluations)/([^/]+)",
        path,
    )
    return found and found[1]


def allowed(caller: str, method: str, path: str, least: str) -> bool:
    """What the table's cell says of a caller with a good token."""
    if least in OPEN:
        return True
    if caller in RANKS:
        return RANKS.index(caller) >= RANKS.index(least)
    here = caller in ("one project", "custom role") and project_in(path) == "default"
    return here or (method, path) in SIFTED


def test_the_table_has_a_row_for_every_operation_with_its_role() -> None:
    tested = {(row.method, row.path, row.role) for row in (operation_of(*line[:2]) for line in TABLE)}
    assert tested == {(row.method, row.path, row.role) for row in OPERATIONS}
    assert [line for line in TABLE if operation_of(*line[:2]).role != line[2]] == []


@pytest.mark.parametrize("caller", [*RANKS, *BY_POLICY])
@pytest.mark.parametrize(("method", "path", "least", "status"), TABLE)
def test_an_operation_answers_a_caller_with_a_token_as_the_table_says(
    api: LiveServer, callers: Callers, method: str, path: str, least: str, status: int, caller: str
) -> None:
    reply = api.request(method, path, None, {"Authorization": callers.good[caller]})
    if allowed(caller, method, path, least):
        assert reply.status == status, reply.body
    else:
        assert_refused(reply, 403, "forbidden")


@pytest.mark.parametrize(("method", "path", "least", "status"), TABLE)
def test_an_operation_answers_no_caller_without_a_token(
    api: LiveServer, callers: Callers, method: str, path: str, least: str, status: int
) -> None:
    for secret in callers.bad.values():
        headers = {} if secret is None else {"Authorization": secret}
        reply = api.request(method, path, None, headers)
        if least == "anyone":
            assert reply.status == status
        else:
            assert_refused(reply, 401, "unauthorized")


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.method} {row.path}")
def test_an_operation_has_an_action_and_a_resource_that_its_path_can_name(row: Operation) -> None:
    if row.role in OPEN:
        return
    assert re.fullmatch(
        r"\*|(view|create|update|delete|reset|clone|copy|import|export)[A-Z][A-Za-z]+", row.action
    )
    named = set(re.findall(r"{(\w+)}", row.resource))
    assert named <= set(re.findall(r"{(\w+)}", row.path))
    assert parse_resource(row.resource)
    assert ("{project}" in row.path) == ("{project}" in row.resource)
    viewed = row.role == "reader" or (row.method == "GET" and row.role == "admin")
    assert row.action == "*" or row.action.startswith("view") == viewed


def test_a_token_may_stand_behind_the_word_bearer(api: LiveServer) -> None:
    reply = api.request("GET", "/api/v2/projects", headers={"Authorization": f"Bearer {api.token}"})
    assert reply.status == 200


def test_a_reader_reads_results_and_may_not_reset_them(api: LiveServer, callers: Callers) -> None:
    api.create_experiment("guarded-flag", "guarded-metric")
    place = "/flags/default/guarded-flag/experiments/production/guarded-metric"
    assert api.rest("GET", place, token=callers.good["reader"]).status == 200
    assert_refused(api.rest("DELETE", f"{place}/results", token=callers.good["reader"]), 403, "forbidden")
    assert api.rest("DELETE", f"{place}/results", token=callers.good["writer"]).status == 204


def test_a_forbidden_request_changes_nothing(api: LiveServer, callers: Callers) -> None:
    body = {"key": "forbidden-flag", "name": "forbidden"}
    assert_refused(api.rest("POST", "/flags/default", body, callers.good["reader"]), 403, "forbidden")
    assert_refused(api.rest("GET", "/flags/default/forbidden-flag"), 404, "not_found")
