"""Patches of flags: every dialect, what can't be applied, and that nothing is left half-written."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

NAME = {"op": "replace", "path": "/name", "value": "new name"}
ON = {"op": "replace", "path": "/environments/production/on", "value": True}
RULES = "/environments/production/rules"
CLAUSE = {"attribute": "country", "op": "in", "values": ["de"], "contextKind": "user", "negate": False}


@pytest.fixture
def flag(api: LiveServer) -> str:
    key = fresh("patched")
    assert api.rest("POST", "/flags/default", {"key": key, "name": "old name"}).status == 201
    return key


def patched(api: LiveServer, key: str, body: object) -> dict[str, Any]:
    reply = api.rest("PATCH", f"/flags/default/{key}", body)
    assert reply.status == 200, reply.body
    assert api.rest("GET", f"/flags/default/{key}").body == reply.body
    found: dict[str, Any] = reply.body
    return found


def ids(api: LiveServer, key: str) -> list[str]:
    return [item["_id"] for item in api.rest("GET", f"/flags/default/{key}").body["variations"]]


@pytest.mark.parametrize(
    "body",
    [
        [NAME, ON],
        {"patch": [NAME, ON]},
        {"patch": [NAME, ON], "comment": "why"},
        {"merge": {"name": "new name", "environments": {"production": {"on": True}}}, "comment": "why"},
        {
            "instructions": [{"kind": "updateName", "value": "new name"}, {"kind": "turnFlagOn"}],
            "environmentKey": "production",
            "comment": "why",
        },
    ],
)
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; domain-model=launchdarkly.semanticpatch", ""]
)
def test_a_dialect_is_known_by_its_shape_alone(
    api: LiveServer, flag: str, body: object, content_type: str
) -> None:
    headers = {"Authorization": api.token, "Content-Type": content_type}
    reply = api.request("PATCH", f"/api/v2/flags/default/{flag}", body, headers)
    assert reply.status == 200
    assert reply.body["name"] == "new name"
    assert reply.body["environments"]["production"]["on"] is True
    assert reply.body["environments"]["test"]["on"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"comment": "alone"},
        {"patch": {}},
        {"patch": "a"},
        {"merge": []},
        {"instructions": {}},
        {"instructions": [5]},
        {"instructions": [{}]},
        {"instructions": [{"kind": 5}]},
        {"patch": [], "comment": 5},
        {"patch": [], "environmentKey": ["production"]},
        [5],
        [None],
        [[]],
        [{}],
        [{"op": "replace"}],
        [{"path": "/name", "value": "a"}],
        [{"op": "replace", "path": "/name"}],
        [{"op": "nonsense", "path": "/name", "value": "a"}],
        [{"op": ["add"], "path": "/name", "value": "a"}],
        [{"op": "replace", "path": 5, "value": "a"}],
        [{"op": "replace", "path": None, "value": "a"}],
        [{"op": "move", "path": "/name"}],
        [{"op": "copy", "from": {}, "path": "/name"}],
    ],
)
def test_what_is_no_patch_is_refused(api: LiveServer, flag: str, body: object) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")
    assert api.rest("GET", f"/flags/default/{flag}").body == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/environments/nowhere/on", "value": True},
        {"op": "replace", "path": "/nothing/at/all", "value": 1},
        {"op": "remove", "path": "/nothing"},
        {"op": "remove", "path": "/tags/0"},
        {"op": "remove", "path": "/tags/-"},
        {"op": "add", "path": "/tags/7", "value": "a"},
        {"op": "add", "path": "/tags/01", "value": "a"},
        {"op": "add", "path": "name", "value": "a"},
        {"op": "replace", "path": "/name/0", "value": "a"},
        {"op": "add", "path": "/~2", "value": 1},
        {"op": "move", "from": "/nothing", "path": "/name"},
        {"op": "copy", "from": "/tags/0", "path": "/name"},
        {"op": "replace", "path": "", "value": None},
        {"op": "replace", "path": "", "value": []},
    ],
)
def test_a_patch_that_does_not_fit_fails_and_leaves_nothing(
    api: LiveServer, flag: str, operation: dict[str, Any]
) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", [NAME, ON, operation]), 422, "patch_failed")
    assert api.rest("GET", f"/flags/default/{flag}").body == before


@pytest.mark.parametrize(("path", "value"), [("/name", "another"), ("/_version", 99), ("/tags", ["a"])])
def test_a_patch_that_was_made_for_another_state_is_a_conflict(
    api: LiveServer, flag: str, path: str, value: object
) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    expected = {"op": "test", "path": path, "value": value}
    reply = api.rest("PATCH", f"/flags/default/{flag}", {"patch": [expected, NAME], "comment": "late"})
    assert_refused(reply, 409, "optimistic_locking_error")
    assert api.rest("GET", f"/flags/default/{flag}").body == before
    assert patched(api, flag, [{"op": "test", "path": "/_version", "value": 1}, NAME])["name"] == "new name"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/key", "another"),
        ("/_version", 99),
        ("/creationDate", 1),
        ("/name", 5),
        ("/name", None),
        ("/tags", ["a", 5]),
        ("/temporary", "no"),
        ("/archived", 1),
        ("/variations", []),
        ("/variations", [{"value": 1}]),
        ("/defaults/onVariation", 2),
        ("/environments", {}),
        ("/environments/production", 5),
        ("/environments/production/on", "yes"),
        ("/environments/production/on", 1),
        ("/environments/production/offVariation", 2),
        ("/environments/production/offVariation", "0"),
        ("/environments/production/fallthrough", {}),
        ("/environments/production/fallthrough", {"variation": 2}),
        ("/environments/production/fallthrough", {"variation": -1}),
        ("/environments/production/fallthrough", {"variation": 0, "rollout": {"variations": []}}),
        ("/environments/production/fallthrough", {"rollout": {}}),
        (
            "/environments/production/fallthrough",
            {"rollout": {"variations": [{"variation": 0, "weight": 99_999}]}},
        ),
        (
            "/environments/production/fallthrough",
            {
                "rollout": {
                    "variations": [{"variation": 0, "weight": 100_001}, {"variation": 1, "weight": -1}]
                }
            },
        ),
        (
            "/environments/production/fallthrough",
            {"rollout": {"variations": [{"variation": 0, "weight": 100_000}], "seed": 0}},
        ),
        (
            "/environments/production/fallthrough",
            {"rollout": {"variations": [{"variation": 0, "weight": 100_000}], "contextKind": "no kind"}},
        ),
        (RULES, [{"variation": 0, "clauses": []}]),
        (RULES, [{"clauses": [CLAUSE]}]),
        (RULES, [{"variation": 5, "clauses": [CLAUSE]}]),
        (RULES, [{"variation": 0, "clauses": [{**CLAUSE, "op": "nearly"}]}]),
        (RULES, [{"variation": 0, "clauses": [{**CLAUSE, "values": "de"}]}]),
        (RULES, [{"_id": "r", "variation": 0, "clauses": [CLAUSE]}] * 2),
        ("/environments/production/targets", [{"values": ["a"], "variation": 2}]),
        ("/environments/production/targets", [{"values": [5], "variation": 0}]),
        ("/environments/production/_debugEventsUntilDate", "tomorrow"),
        ("/experiments", {}),
        ("/experiments", {"baselineIdx": 0, "items": [{"metricKey": "unheard-of"}]}),
        ("/experiments/baselineIdx", 2),
        ("/experiments/baselineIdx", "0"),
        ("/experiments/items", {}),
    ],
)
def test_a_value_that_no_flag_can_have_is_refused_and_leaves_nothing(
    api: LiveServer, flag: str, path: str, value: object
) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    body = [NAME, ON, {"op": "add", "path": path, "value": value}]
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")
    assert api.rest("GET", f"/flags/default/{flag}").body == before


@pytest.mark.parametrize("path", ["/name", "/variations", "/experiments", "/environments/test"])
def test_what_a_flag_needs_cannot_be_removed(api: LiveServer, flag: str, path: str) -> None:
    body = [{"op": "remove", "path": path, "value": None}]
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")


def test_operations_may_carry_a_value_they_do_not_need(api: LiveServer, flag: str) -> None:
    """The founding generation's client sends one with every operation, remove included."""
    patched(api, flag, [{"op": "add", "path": "/tags/-", "value": "a"}])
    assert patched(api, flag, [{"op": "remove", "path": "/tags/0", "value": None}])["tags"] == []


def test_an_empty_patch_changes_nothing(api: LiveServer, flag: str) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    bodies: tuple[object, ...] = ([], {"patch": []}, {"merge": {}}, {"instructions": []})
    for body in bodies:
        assert patched(api, flag, body) == before


def test_a_maintainer_can_be_named_where_there_was_none(api: LiveServer, flag: str) -> None:
    body = [{"op": "replace", "path": "/maintainerId", "value": "somebody"}]
    assert patched(api, flag, body)["maintainerId"] == "somebody"


def test_a_merge_takes_away_what_is_null(api: LiveServer, flag: str) -> None:
    patched(api, flag, {"merge": {"customProperties": {"a": {"name": "A", "value": ["1"]}}}})
    body = {"merge": {"customProperties": {"a": None, "b": {"name": "B", "value": []}}}}
    assert patched(api, flag, body)["customProperties"] == {"b": {"name": "B", "value": []}}


def test_what_the_server_owns_stays_whatever_a_patch_says(api: LiveServer, flag: str) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body["environments"]["production"]
    body = [
        {"op": "replace", "path": f"/environments/production/{name}", "value": value}
        for name, value in (("salt", "s"), ("sel", "s"), ("version", 1000), ("lastModified", 1))
    ]
    assert patched(api, flag, body)["environments"]["production"] == before


def test_a_new_rule_gets_ids_and_keeps_them(api: LiveServer, flag: str) -> None:
    rule = {"variation": 1, "clauses": [CLAUSE]}
    made = patched(api, flag, [{"op": "add", "path": f"{RULES}/-", "value": rule}])
    (found,) = made["environments"]["production"]["rules"]
    assert found["_id"]
    assert found["clauses"][0]["_id"]
    again = patched(api, flag, [NAME])["environments"]["production"]["rules"]
    assert again == [found]


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "nonsense"},
        {"kind": "updateName"},
        {"kind": "updateName", "value": 5},
        {"kind": "addTags", "values": "a"},
        {"kind": "addTags", "values": [5]},
        {"kind": "updateOffVariation", "variationId": "nobody"},
        {"kind": "updateOffVariation"},
        {"kind": "updateTrackEvents", "trackEvents": "yes"},
        {"kind": "updateFallthroughVariationOrRollout"},
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {}},
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {"nobody": 100_000}},
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": [100_000]},
    ],
)
def test_an_instruction_that_cannot_be_followed_leaves_nothing(
    api: LiveServer, flag: str, instruction: dict[str, Any]
) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    body = {"environmentKey": "production", "instructions": [{"kind": "turnFlagOn"}, instruction]}
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")
    assert api.rest("GET", f"/flags/default/{flag}").body == before


@pytest.mark.parametrize("environment", [None, "nowhere"])
def test_targeting_needs_an_environment(api: LiveServer, flag: str, environment: str | None) -> None:
    body = {"instructions": [{"kind": "turnFlagOn"}]} | (
        {"environmentKey": environment} if environment else {}
    )
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")


@pytest.mark.parametrize("spelling", ["rolloutWeights", "RolloutWeights", "rolloutweights"])
def test_instructions_set_the_fallthrough_in_either_spelling(
    api: LiveServer, flag: str, spelling: str
) -> None:
    first, second = ids(api, flag)
    kind = "updateFallthroughVariationOrRollout"
    body = {
        "environmentKey": "production",
        "instructions": [
            {"kind": kind, spelling: {first: 30_000, second: 70_000}, "rolloutContextKind": "org"},
            {"kind": "updateOffVariation", "variationId": first},
            {"kind": "updateTrackEvents", "trackEvents": True},
        ],
    }
    config = patched(api, flag, body)["environments"]["production"]
    rollout = config["fallthrough"]["rollout"]
    assert [(entry["variation"], entry["weight"]) for entry in rollout["variations"]] == [
        (0, 30_000),
        (1, 70_000),
    ]
    assert rollout["contextKind"] == "org"
    assert (config["offVariation"], config["trackEvents"]) == (0, True)


def test_a_patch_of_an_unknown_flag_is_not_found(api: LiveServer) -> None:
    assert_refused(api.rest("PATCH", "/flags/default/nobody", [NAME]), 404, "not_found")


def test_a_rollout_added_beside_a_variation_takes_its_place_and_back(api: LiveServer, flag: str) -> None:
    place = "/environments/production/fallthrough"
    shares = {"variations": [{"variation": 0, "weight": 40_000}, {"variation": 1, "weight": 60_000}]}
    made = patched(api, flag, [{"op": "add", "path": f"{place}/rollout", "value": shares}])
    assert "variation" not in made["environments"]["production"]["fallthrough"]
    made = patched(api, flag, [{"op": "add", "path": f"{place}/variation", "value": 1}])
    assert made["environments"]["production"]["fallthrough"] == {"variation": 1}
