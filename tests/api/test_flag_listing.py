"""Listings of flags: which, in what order, how many, and how much of each."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from api.flags import MODERN, Caller, ids, own_project
from api.replies import assert_refused
from live import LiveServer, now_ms


@pytest.fixture(scope="module")
def shop(api: LiveServer) -> Caller:
    """A project of four flags: `plain`, `tagged`, `old` (archived) and `tired` (deprecated)."""
    caller = own_project(api)
    caller.create(key="plain", name="Zebra", description="Shows the Banner", maintainerId="zoe")
    caller.create(
        key="tagged",
        name="apple",
        tags=["a", "b"],
        temporary=False,
        maintainerId="ann",
        clientSideAvailability={"usingMobileKey": False, "usingEnvironmentId": True},
        purpose="migration",
    )
    caller.create(key="old", clientSideAvailability={"usingMobileKey": False, "usingEnvironmentId": False})
    caller.create(key="tired", tags=["b"])
    caller.instruct("old", {"kind": "archiveFlag"})
    caller.instruct("tired", {"kind": "deprecateFlag"}, {"kind": "updateMaintainerTeam", "value": "team"})
    caller.instruct("plain", {"kind": "turnFlagOn"})
    return caller


def keys(caller: Caller, query: str) -> list[str]:
    return [flag["key"] for flag in caller.get(f"/flags/{caller.project}?{query}")["items"]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ["plain", "tagged", "tired"]),
        ("query:BANNER", ["plain"]),
        ("query:apple", ["tagged"]),
        ("query:ta", ["tagged"]),
        ("tags:b", ["tagged", "tired"]),
        ("tags:a+b", ["tagged"]),
        ("tags:c", []),
        ("state:live", ["plain", "tagged"]),
        ("state:deprecated", ["tired"]),
        ("state:archived", ["old"]),
        ("archived:true", ["old"]),
        ("type:permanent", ["tagged"]),
        ("type:temporary", ["plain", "tired"]),
        ("maintainerId:ann", ["tagged"]),
        ("maintainerTeamKey:team", ["tired"]),
        ("hasExperiment:true", []),
        ("hasExperiment:false", ["plain", "tagged", "tired"]),
        ("sdkAvailability:client", ["tagged"]),
        ("sdkAvailability:mobile", ["plain", "tired"]),
        ("sdkAvailability:anyClient", ["plain", "tagged", "tired"]),
        ("sdkAvailability:server,archived:true", ["old"]),
        ("purpose:migration", ["tagged"]),
        ("purpose:all+!(migration)", ["plain", "tired"]),
        ("purpose:all+!(holdout)", ["plain", "tagged", "tired"]),
        ('creationDate:{"after":1}', ["plain", "tagged", "tired"]),
        ('creationDate:{"before":1}', []),
        ('evaluated:{"after":1},filterEnv:production', []),
        ("contextKindsEvaluated:user,filterEnv:production", ["plain", "tagged", "tired"]),
        ("codeReferences.max:0", ["plain", "tagged", "tired"]),
        ("codeReferences.min:1", []),
        ("guardedRollout:true", []),
        ('releasePipeline:"any"', []),
        ("query:e,tags:b,state:live", ["tagged"]),
    ],
)
def test_a_filter_finds_what_it_says(shop: Caller, asked: str, expected: list[str]) -> None:
    assert keys(shop, f"filter={quote(asked)}") == expected


@pytest.mark.parametrize(
    "query",
    [
        "filter=nonsense:1",
        "filter=query",
        "filter=state:asleep",
        "filter=type:old",
        "filter=archived:maybe",
        "filter=hasExperiment:perhaps",
        "filter=sdkAvailability:everywhere",
        "filter=creationDate:yesterday",
        "filter=creationDate:%7B%22after%22:%22x%22%7D",
        "filter=evaluated:%7B%22after%22:1%7D",
        "sort=size",
        "sort=targetingModifiedDate",
        "summary=perhaps",
        "compare=yes",
        "limit=many",
    ],
)
def test_what_can_not_be_asked_is_refused(shop: Caller, query: str) -> None:
    assert_refused(shop.send("GET", f"/flags/{shop.project}?{query}"), 400, "invalid_request")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("key", ["plain", "tagged", "tired"]),
        ("-key", ["tired", "tagged", "plain"]),
        ("name", ["tagged", "tired", "plain"]),
        ("creationDate", ["plain", "tagged", "tired"]),
        ("maintainerId", ["tired", "tagged", "plain"]),
        ("tags", ["plain", "tagged", "tired"]),
        ("type", ["tagged", "plain", "tired"]),
    ],
)
def test_a_listing_is_sorted(shop: Caller, sort: str, expected: list[str]) -> None:
    assert keys(shop, f"sort={sort}") == expected


def test_the_latest_targeting_comes_first_where_that_is_asked(shop: Caller) -> None:
    query = "sort=-targetingModifiedDate&env=production"
    flags = shop.get(f"/flags/{shop.project}?{query}")["items"]
    dates = [flag["environments"]["production"]["lastModified"] for flag in flags]
    assert dates == sorted(dates, reverse=True)
    assert flags[0]["key"] == "plain"


def test_an_unknown_environment_can_not_be_sorted_or_filtered_by(shop: Caller) -> None:
    for query in (
        "sort=targetingModifiedDate&env=nowhere",
        "filter=" + quote('evaluated:{"after":1},filterEnv:nowhere'),
    ):
        assert_refused(shop.send("GET", f"/flags/{shop.project}?{query}"), 404, "not_found")


def test_flags_with_an_experiment_and_flags_that_were_evaluated_are_found(api: LiveServer) -> None:
    caller = own_project(api)
    caller.create(key="measured")
    caller.create(key="asked-for")
    metric = {"key": "m", "kind": "custom", "eventKey": "m"}
    assert caller.send("POST", f"/metrics/{caller.project}", metric).status == 201
    item = {"metricKey": "m", "environments": ["production"]}
    caller.patch("measured", [{"op": "add", "path": "/experiments/items/0", "value": item}])
    assert keys(caller, "filter=hasExperiment:true") == ["measured"]
    assert keys(caller, "filter=hasExperiment:false") == ["asked-for"]
    environment = caller.get(f"/projects/{caller.project}/environments/production")
    counters = [{"variation": 0, "version": 1, "count": 1}]
    event: dict[str, Any] = {"kind": "summary", "features": {"asked-for": {"counters": counters}}}
    event |= {"startDate": now_ms() - 5, "endDate": now_ms()}
    headers = {"Authorization": environment["apiKey"], "Content-Type": "application/json"}
    assert api.request("POST", "/bulk", [event], headers).status == 202
    for moment, expected in (({"after": 1}, ["asked-for"]), ({"before": 1}, [])):
        asked = quote(f"evaluated:{json.dumps(moment)},filterEnv:production")
        assert keys(caller, f"filter={asked}") == expected
        elsewhere = quote(f"evaluated:{json.dumps(moment)},filterEnv:test")
        assert keys(caller, f"filter={elsewhere}") == []


def shown(api: LiveServer, shop: Caller, version: str, query: str) -> dict[str, Any]:
    old = Caller(api, version, shop.project)
    found: dict[str, Any] = old.get(f"/flags/{shop.project}?{query}")["items"][0]
    return found


@pytest.mark.parametrize(
    ("version", "query", "environments", "targeting", "counts"),
    [
        ("", "", 2, True, False),
        ("", "summary=1", 2, True, True),
        ("", "summary=true&env=test", 1, True, True),
        ("20160426", "", 2, True, False),
        ("20191212", "", 2, False, True),
        ("20220603", "summary=0", 2, True, True),
        ("20220603", "summary=false&env=test", 1, True, True),
        (MODERN, "", None, None, None),
        (MODERN, "summary=0", None, None, None),
        (MODERN, "env=production", 1, False, True),
        (MODERN, "env=production,test&summary=0", 2, True, True),
        ("beta", "env=production", 1, False, True),
    ],
)
def test_each_version_sees_as_much_as_it_knows(
    api: LiveServer,
    shop: Caller,
    *,
    version: str,
    query: str,
    environments: int | None,
    targeting: bool | None,
    counts: bool | None,
) -> None:
    flag = shown(api, shop, version, query)
    if environments is None:
        assert "environments" not in flag
        return
    assert len(flag["environments"]) == environments
    for config in flag["environments"].values():
        assert ("rules" in config, "_summary" in config) == (targeting, counts)
        assert ("contextTargets" in config) == (bool(targeting) and version in (MODERN, "beta"))


def test_the_counts_are_those_of_the_targeting(shop: Caller) -> None:
    made = shop.create(key="counted")
    first, second = ids(made)
    clause = {"attribute": "a", "op": "in", "values": [1]}
    shop.instruct(
        "counted",
        {"kind": "addRule", "clauses": [clause], "variationId": first},
        {"kind": "addRule", "clauses": [clause], "rolloutWeights": {first: 50_000, second: 50_000}},
        {"kind": "addUserTargets", "variationId": second, "values": ["a", "b"]},
        {"kind": "addTargets", "variationId": second, "values": ["o"], "contextKind": "org"},
        {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {first: 10_000, second: 90_000}},
        {
            "kind": "addPrerequisite",
            "key": "plain",
            "variationId": ids(shop.get(f"/flags/{shop.project}/plain"))[0],
        },
    )
    listed = shop.get(f"/flags/{shop.project}?env=production&filter=query:counted")["items"][0]
    assert listed["environments"]["production"]["_summary"] == {
        "variations": {
            "0": {"rules": 2, "nullRules": 0, "targets": 0, "contextTargets": 0, "rollout": 10_000},
            "1": {
                "rules": 1,
                "nullRules": 0,
                "targets": 2,
                "contextTargets": 1,
                "isOff": True,
                "rollout": 90_000,
            },
        },
        "prerequisites": 1,
    }
    assert shop.send("DELETE", f"/flags/{shop.project}/counted").status == 204


def test_a_comparison_leaves_what_differs_between_environments(shop: Caller) -> None:
    body = shop.get(f"/flags/{shop.project}?compare=true&env=production,test")
    assert [flag["key"] for flag in body["items"]] == ["plain"]
    assert (body["totalCount"], body["totalCountWithDifferences"]) == (1, 1)
    assert shop.get(f"/flags/{shop.project}?compare=true&env=test")["items"] == []


def test_pages_of_twenty_lead_through_all_flags_once(api: LiveServer) -> None:
    caller = own_project(api)
    wanted = [caller.create()["key"] for _ in range(45)]
    assert len(Caller(api, "", caller.project).get(f"/flags/{caller.project}")["items"]) == 45
    found, place = [], f"/flags/{caller.project}?sort=creationDate"
    sizes = []
    while place:
        page = caller.get(place)
        assert page["totalCount"] == 45
        sizes.append(len(page["items"]))
        found += [flag["key"] for flag in page["items"]]
        place = page["_links"].get("next", {}).get("href", "").removeprefix("/api/v2")
    assert sizes == [20, 20, 5]
    assert found == wanted
