"""Contexts over REST: found, looked at, evaluated, given a variation of their own; and their kinds."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply, exposure

PRODUCTION = "/projects/default/environments/production"
KINDS = "/projects/default/context-kinds"


def index(context: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "index", "creationDate": 1_795_000_000_000, "context": context}


def known(api: LiveServer, count: int = 3, **attributes: Any) -> str:
    """Tells of so many contexts of a kind that nobody else uses; the kind."""
    kind = fresh("kind")
    events = [index({"kind": kind, "key": f"k{n}", "n": n, **attributes}) for n in range(count)]
    assert api.send(events).status == 202
    return kind


def search(api: LiveServer, **body: Any) -> Reply:
    return api.rest("POST", f"{PRODUCTION}/contexts/search", body)


def keys(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["context"]["key"] for item in reply.body["items"]]


def test_a_context_is_found_as_soon_as_its_event_is_acked(api: LiveServer) -> None:
    kind = known(api, 1, plan="pro")
    (item,) = search(api, filter=f"kind equals {kind}").body["items"]
    assert item["context"] == {"kind": kind, "key": "k0", "n": 0, "plan": "pro"}
    assert item["lastSeen"].endswith("Z")
    one = api.rest("GET", f"{PRODUCTION}/contexts/{kind}/k0").body
    assert one["items"] == [item]
    assert one["_environmentId"] == api.environment_rep()["_id"]
    assert api.rest("GET", f"{PRODUCTION}/contexts/{kind}/nobody").body["items"] == []


def test_filters_stand_in_the_body_or_in_the_query(api: LiveServer) -> None:
    kind = known(api, 4, plan="pro")
    assert keys(search(api, filter=f"kind equals {kind},*.n anyOf [1, 2]")) == ["k1", "k2"]
    assert keys(search(api, filter=f'({kind}.n equals 0|{kind}.n equals 3),{kind}.plan equals "pro"')) == [
        "k0",
        "k3",
    ]
    asked = f"/contexts/search?filter=kind+equals+{kind},key+startsWith+k3&includeTotalCount=false"
    reply = api.rest("POST", f"{PRODUCTION}{asked}", {})
    assert keys(reply) == ["k3"]
    assert "totalCount" not in reply.body


def test_pages_follow_one_another_by_token_and_by_link(api: LiveServer) -> None:
    kind = known(api, 5)
    first = search(api, filter=f"kind equals {kind}", limit=2)
    assert (keys(first), first.body["totalCount"]) == (["k0", "k1"], 5)
    token = first.body["continuationToken"]
    assert keys(search(api, filter=f"kind equals {kind}", limit=2, continuationToken=token)) == ["k2", "k3"]
    link = first.body["_links"]["next"]["href"].removeprefix("/api/v2")
    second = api.rest("POST", link, {})
    assert keys(second) == ["k2", "k3"]
    last = api.rest("POST", second.body["_links"]["next"]["href"].removeprefix("/api/v2"), {})
    assert keys(last) == ["k4"]
    assert "continuationToken" not in last.body
    assert "next" not in last.body["_links"]


@pytest.mark.parametrize(
    "body",
    [
        {"filter": "kind equals"},
        {"filter": "plan equals pro"},
        {"filter": "kind before 7"},
        {"filter": "|".join(["key equals a"] * 101)},
        {"sort": "name"},
        {"limit": 0},
        {"limit": -3},
        {"limit": "many"},
        {"continuationToken": "!"},
        {"continuationToken": "LTU"},
        {"continuationToken": "ZZZZ"},
    ],
)
def test_a_search_that_can_not_be_made_is_refused(api: LiveServer, body: dict[str, Any]) -> None:
    assert_refused(search(api, **({"limit": 5} | body)), 400, "invalid_request")


def test_private_attributes_are_never_shown(api: LiveServer) -> None:
    kind = fresh("kind")
    secret = "x-" + fresh("secret")
    context = {"kind": kind, "key": "k", "email": secret, "_meta": {"privateAttributes": ["email"]}}
    assert api.send([index(context)]).status == 202
    shown = str(api.rest("GET", f"{PRODUCTION}/contexts/{kind}/k").body)
    assert secret not in shown
    assert search(api, filter=f"{kind}.email equals {secret}").body["items"] == []
    names = api.rest("GET", f"{PRODUCTION}/context-attributes?filter=kind+equals+{kind}").body
    assert names == {"items": [{"kind": kind, "names": [{"name": "key", "weight": 1}]}]}


def test_attributes_and_values_are_listed_with_how_many_have_them(api: LiveServer) -> None:
    kind = known(api, 3, plan="pro")
    names = api.rest("GET", f"{PRODUCTION}/context-attributes?filter=kind+equals+{kind}").body["items"]
    assert names == [{"kind": kind, "names": [{"name": name, "weight": 3} for name in ("key", "n", "plan")]}]
    begun = f"filter=kind+equals+{kind},name+startsWith+p"
    assert api.rest("GET", f"{PRODUCTION}/context-attributes?{begun}").body["items"][0]["names"] == [
        {"name": "plan", "weight": 3}
    ]
    values = api.rest("GET", f"{PRODUCTION}/context-attributes/n?filter=kind+equals+{kind}&limit=2").body[
        "items"
    ]
    assert values == [{"kind": kind, "values": [{"name": 0, "weight": 1}, {"name": 1, "weight": 1}]}]
    assert_refused(api.rest("GET", f"{PRODUCTION}/context-attributes/n"), 400, "invalid_request")


def test_flags_are_evaluated_for_a_context_and_nothing_is_kept_of_it(api: LiveServer) -> None:
    key, kind = fresh("evaluated"), fresh("kind")
    assert api.rest("POST", "/flags/default", {"key": key, "name": key, "tags": [key]}).status == 201
    clause = {"attribute": "plan", "op": "in", "values": ["pro"], "contextKind": kind}
    patch = [
        {"op": "replace", "path": "/environments/production/on", "value": True},
        {
            "op": "add",
            "path": "/environments/production/rules/-",
            "value": {"clauses": [clause], "variation": 1},
        },
    ]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    path = f"{PRODUCTION}/flags/evaluate?filter=tags+contains+%5B%22{key}%22%5D,query+equals+{key}"
    pro = api.rest("POST", path, {"kind": kind, "key": "k", "plan": "pro"}).body
    (item,) = pro["items"]
    assert (item["key"], item["_value"], item["reason"]["kind"], item["reason"]["ruleIndex"]) == (
        key,
        False,
        "RULE_MATCH",
        0,
    )
    assert item["reason"]["ruleID"]
    free = api.rest("POST", path, {"kind": kind, "key": "k"}).body["items"][0]
    assert (free["_value"], free["reason"]) == (True, {"kind": "FALLTHROUGH"})
    assert search(api, filter=f"kind equals {kind}").body["items"] == []
    assert_refused(api.rest("POST", path, {"kind": kind}), 400, "invalid_request")


def test_a_flag_with_nothing_to_serve_has_no_value(api: LiveServer) -> None:
    key = fresh("empty")
    assert api.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201
    patch = [{"op": "remove", "path": "/environments/production/offVariation"}]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    path = f"{PRODUCTION}/flags/evaluate?filter=query+equals+{key}"
    (item,) = api.rest("POST", path, {"kind": "user", "key": "k"}).body["items"]
    assert "_value" not in item
    assert item["reason"] == {"kind": "OFF"}


def test_a_context_gets_a_variation_of_its_own_and_loses_it(api: LiveServer) -> None:
    key = fresh("own")
    values = [{"value": 1}, {"value": "1"}, {"value": True}]
    assert api.rest("POST", "/flags/default", {"key": key, "name": key, "variations": values}).status == 201
    patch = [{"op": "replace", "path": "/environments/production/on", "value": True}]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200

    def served(kind: str) -> Any:
        path = f"{PRODUCTION}/flags/evaluate?filter=query+equals+{key}"
        (item,) = api.rest("POST", path, {"kind": kind, "key": "ann"}).body["items"]
        return item["_value"], item["reason"]["kind"]

    def put(kind: str, body: dict[str, Any]) -> Reply:
        return api.rest("PUT", f"{PRODUCTION}/contexts/{kind}/ann/flags/{key}", body)

    for kind in ("user", "org"):
        for value in (True, "1"):
            assert put(kind, {"setting": value, "comment": "why"}).status == 204
            assert served(kind) == (value, "TARGET_MATCH")
    assert put("user", {"setting": None}).status == 204
    assert served("user") == (1, "FALLTHROUGH")
    assert served("org") == ("1", "TARGET_MATCH")
    assert put("org", {}).status == 204
    assert served("org") == (1, "FALLTHROUGH")
    assert_refused(put("user", {"setting": "unknown"}), 400, "invalid_request")
    assert_refused(put("multi", {"setting": 1}), 400, "invalid_request")
    unknown = f"{PRODUCTION}/contexts/user/ann/flags/unknown"
    assert_refused(api.rest("PUT", unknown, {"setting": 1}), 404, "not_found")


def kinds(api: LiveServer, query: str = "") -> dict[str, Any]:
    return {item["key"]: item for item in api.rest("GET", f"{KINDS}{query}").body["items"]}


def test_user_is_a_kind_from_the_start_and_others_once_seen(api: LiveServer) -> None:
    assert kinds(api)["user"]["createdFrom"] == "default"
    kind = known(api)
    seen = kinds(api, "?expand=environmentObservations")[kind]
    (observed,) = seen["environmentObservations"]
    assert (observed["environmentKey"], observed["lastSeen"]) == ("production", seen["lastSeen"])
    assert (seen["createdFrom"], seen["archived"], seen["version"]) == ("auto-add", False, 1)
    assert "environmentObservations" not in kinds(api)[kind]


def test_a_kind_is_made_changed_and_archived(api: LiveServer) -> None:
    kind = fresh("kind")

    def put(**body: Any) -> Reply:
        return api.rest("PUT", f"{KINDS}/{kind}", body)

    assert put(name="Company", description="who pays").body["status"] == "success"
    assert put(name="Customer", hideInTargeting=True, version=1).status == 200
    found = kinds(api)[kind]
    assert (found["name"], found["description"], found["version"]) == ("Customer", "who pays", 2)
    assert (found["archived"], found["hideInTargeting"], found["createdFrom"]) == (True, True, "api")
    assert put(name="Customer", archived=False).status == 200
    assert kinds(api)[kind]["archived"] is False
    assert_refused(put(name="Customer", version=1), 409, "optimistic_locking_error")
    assert_refused(put(name=""), 400, "invalid_request")
    assert_refused(put(description="x"), 400, "invalid_request")
    assert_refused(api.rest("PUT", f"{KINDS}/multi", {"name": "x"}), 400, "invalid_request")
    assert_refused(api.rest("PUT", f"{KINDS}/no%20kind", {"name": "x"}), 400, "invalid_request")


def test_who_is_exposed_is_known_too(api: LiveServer) -> None:
    unit = fresh("exposed-unit")
    assert api.send([exposure(unit, 0)]).status == 202
    assert keys(search(api, filter=f"kindKeys equals user:{unit}")) == [unit]
