"""Every operation, for every kind of caller: who gets in, and who is told why not."""

from dataclasses import dataclass

import pytest

from api.replies import assert_refused
from assay.api.routes import OPERATIONS
from live import LiveServer

FLAG = "/api/v2/flags/default/nobody"
SEGMENT = "/api/v2/segments/default/production/nobody"
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
    ("DELETE", "/api/v2/tokens/nobody", "admin", 404),
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
)
RANKS = ("reader", "writer", "admin")


@dataclass(frozen=True)
class Callers:
    """Secrets by kind of caller; `none` sends no header at all."""

    good: dict[str, str]
    bad: dict[str, str | None]


@pytest.fixture(scope="module")
def callers(api: LiveServer) -> Callers:
    good = {
        role: api.rest("POST", "/tokens", {"name": role, "role": role}).body["token"] for role in RANKS[:2]
    }
    revoked = api.rest("POST", "/tokens", {"name": "gone", "role": "admin"}).body
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


def test_the_table_names_every_operation() -> None:
    shapes = [(method, path.count("/"), role) for method, path, role, _ in TABLE]
    assert sorted(shapes) == sorted((row.method, row.path.count("/"), row.role) for row in OPERATIONS)


@pytest.mark.parametrize(("method", "path", "least", "status"), TABLE)
def test_an_operation_answers_each_role_as_the_table_says(
    api: LiveServer, callers: Callers, method: str, path: str, least: str, status: int
) -> None:
    for role in RANKS:
        reply = api.request(method, path, None, {"Authorization": callers.good[role]})
        if least != "anyone" and RANKS.index(role) < RANKS.index(least):
            assert_refused(reply, 403, "forbidden")
        else:
            assert reply.status == status, (role, reply.body)


@pytest.mark.parametrize(("method", "path"), [row[:2] for row in TABLE if row[2] != "anyone"])
def test_an_operation_answers_no_caller_without_a_token(
    api: LiveServer, callers: Callers, method: str, path: str
) -> None:
    for secret in callers.bad.values():
        headers = {} if secret is None else {"Authorization": secret}
        assert_refused(api.request(method, path, None, headers), 401, "unauthorized")


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
