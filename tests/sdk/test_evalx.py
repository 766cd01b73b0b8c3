"""evalx: what browsers and mobile SDKs are told of each flag."""

from typing import Any

import pytest

from live import LiveServer
from sdk.clients import UNIT, browser_flag, change, encoded, evalx, mobile, report
from sdk.streams import fresh

PRODUCTION = "/environments/production"


def seen(server: LiveServer, key: str, context: object = UNIT, query: str = "") -> dict[str, Any]:
    """One flag's result."""
    reply = evalx(server, context, query)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.body[key]
    return found


def test_a_flag_has_its_value_its_variation_and_two_versions(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    assert seen(live, key).keys() == {"value", "variation", "version", "flagVersion"}
    assert (seen(live, key)["value"], seen(live, key)["variation"]) == ("a", 0)
    server_side = live.request(
        "GET", "/sdk/latest-all", None, {"Authorization": live.environment_rep()["apiKey"]}
    )
    assert seen(live, key)["flagVersion"] == server_side.body["flags"][key]["version"]


def test_another_flags_change_moves_the_version_but_not_the_flags_own(live: LiveServer) -> None:
    key, other = fresh("flag"), fresh("flag")
    browser_flag(live, key)
    before = seen(live, key)
    browser_flag(live, other)
    after = seen(live, key)
    assert after["version"] > before["version"]
    assert after["flagVersion"] == before["flagVersion"]


def test_a_flag_that_is_off_without_an_off_variation_has_no_value(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key, on=False)
    assert seen(live, key)["value"] == "b"
    change(live, key, ("remove", f"{PRODUCTION}/offVariation", None))
    found = seen(live, key, query="?withReasons=true")
    assert (found["value"], found["reason"]) == (None, {"kind": "OFF"})
    assert found.get("variation") is None


def test_each_kind_of_client_sees_the_flags_made_for_it(live: LiveServer) -> None:
    browsers, mobiles, neither = fresh("flag"), fresh("flag"), fresh("flag")
    for key, environment_id, mobile_key in (
        (browsers, True, False),
        (mobiles, False, True),
        (neither, False, False),
    ):
        availability = {"usingEnvironmentId": environment_id, "usingMobileKey": mobile_key}
        browser_flag(live, key, clientSideAvailability=availability)
    in_browsers = evalx(live).body
    in_apps = mobile(live, f"/msdk/evalx/contexts/{encoded(UNIT)}").body
    assert [key in in_browsers for key in (browsers, mobiles, neither)] == [True, False, False]
    assert [key in in_apps for key in (browsers, mobiles, neither)] == [False, True, False]


def test_archived_and_deleted_flags_are_gone(live: LiveServer) -> None:
    archived, deleted = fresh("flag"), fresh("flag")
    for key in (archived, deleted):
        browser_flag(live, key)
    assert {archived, deleted} <= evalx(live).body.keys()
    change(live, archived, ("replace", "/archived", True))
    assert live.rest("DELETE", f"/flags/default/{deleted}").status == 204
    assert not {archived, deleted} & evalx(live).body.keys()


def test_reasons_come_only_when_asked_for(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    assert seen(live, key, query="?withReasons=true")["reason"] == {"kind": "FALLTHROUGH"}
    for query in ("", "?withReasons=false", "?withReasons", "?withReasons=1"):
        assert "reason" not in seen(live, key, query=query), query
    found = report(live, UNIT, "?filter=x&h=&withReasons=true").body[key]
    assert found["reason"] == {"kind": "FALLTHROUGH"}


def test_a_rule_reads_attributes_even_private_ones(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    clause = {"contextKind": "user", "attribute": "/plan/name", "op": "in", "values": ["pro"]}
    rule = {"variation": 1, "clauses": [clause]}
    change(live, key, ("add", f"{PRODUCTION}/rules/-", rule))
    private = {**UNIT, "plan": {"name": "pro"}, "_meta": {"privateAttributes": ["/plan/name"]}}
    found = seen(live, key, private, "?withReasons=true")
    assert (found["value"], found["reason"]["kind"]) == ("b", "RULE_MATCH")
    assert seen(live, key)["value"] == "a"
    assert (
        seen(live, key, {"kind": "multi", "user": private_part(private), "org": {"key": "o"}})["value"] == "b"
    )
    old_user = {"key": "u", "custom": {"plan": {"name": "pro"}}, "privateAttributeNames": ["plan"]}
    assert seen(live, key, old_user)["value"] == "b"


def private_part(context: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name != "kind"}


def test_an_experiment_forces_its_event_and_its_reason(live: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    live.create_experiment(flag, metric)
    change(live, flag, ("replace", "/clientSideAvailability/usingEnvironmentId", True))
    found = seen(live, flag)
    assert (found["trackEvents"], found["trackReason"]) == (True, True)
    assert found["reason"]["kind"] == "FALLTHROUGH"
    before = found["flagVersion"]
    change(live, flag, ("remove", "/experiments/items/0", None))
    after = seen(live, flag)
    assert after["flagVersion"] > before
    assert not {"trackEvents", "trackReason", "reason"} & after.keys()


def test_tracked_flags_say_so_without_a_reason(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    change(live, key, ("replace", f"{PRODUCTION}/trackEvents", True))
    found = seen(live, key)
    assert found["trackEvents"] is True
    assert not {"trackReason", "reason"} & found.keys()


def test_prerequisites_are_named_in_order_even_those_that_browsers_cannot_see(live: LiveServer) -> None:
    hidden, shown, key = fresh("flag"), fresh("flag"), fresh("flag")
    browser_flag(live, hidden, clientSideAvailability={"usingEnvironmentId": False, "usingMobileKey": False})
    browser_flag(live, shown)
    browser_flag(live, key)
    wanted = [{"key": hidden, "variation": 0}, {"key": shown, "variation": 0}]
    change(live, key, ("replace", f"{PRODUCTION}/prerequisites", wanted))
    found = evalx(live).body
    assert hidden not in found
    assert (found[key]["value"], found[key]["prerequisites"]) == ("a", [hidden, shown])
    assert "prerequisites" not in found[shown]
    change(live, hidden, ("replace", f"{PRODUCTION}/on", False))
    found = evalx(live, query="?withReasons=true").body
    assert (found[key]["value"], found[key]["prerequisites"]) == ("b", [hidden])
    assert found[key]["reason"] == {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": hidden}


def test_what_has_not_changed_for_a_context_is_not_sent_again(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    first = evalx(live)
    etag = first.headers["etag"]
    same = evalx(live, If_None_Match=etag)
    assert (same.status, same.body, same.headers["etag"]) == (304, None, etag)
    assert same.headers["x-ld-envid"] == live.environment_rep()["_id"]
    assert evalx(live, query="?withReasons=true", If_None_Match=etag).status == 200
    assert report(live, {"kind": "user", "key": "another"}, If_None_Match=etag).status == 200
    change(live, key, ("replace", f"{PRODUCTION}/on", False))
    assert evalx(live, If_None_Match=etag).status == 200


def test_two_environments_never_share_an_etag(live: LiveServer) -> None:
    tags = set()
    for name in ("one", "two"):
        body = {"key": fresh(name), "name": name, "color": "000000"}
        made = live.rest("POST", "/projects/default/environments", body).body
        reply = mobile(live, "/msdk/evalx/context", "REPORT", UNIT, key=made["mobileKey"])
        tags.add(reply.headers["etag"])
        live.rest("DELETE", f"/projects/default/environments/{body['key']}")
    assert len(tags) == 2


@pytest.mark.parametrize("path", ["contexts", "users"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_every_base64_leads_to_the_same_answer(
    live: LiveServer, path: str, padded: bool, plain: bool
) -> None:
    context = {"kind": "user", "key": "unit~?>1", "name": "ü?~¿>>", "a": "1"}
    environment = live.environment_rep()["_id"]
    written = encoded(context, padded=padded, plain=plain)
    reply = live.request("GET", f"/sdk/evalx/{environment}/{path}/{written}")
    assert (reply.status, reply.body) == (200, report(live, context).body)
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["date"].endswith("GMT")


@pytest.mark.parametrize("path", ["context", "user"])
@pytest.mark.parametrize("context", [UNIT, {"key": "unit-1"}, {"kind": "multi", "user": {"key": "unit-1"}}])
def test_contexts_and_old_users_arrive_on_either_path(
    live: LiveServer, path: str, context: dict[str, Any]
) -> None:
    browser_flag(live, fresh("flag"))
    environment = live.environment_rep()["_id"]
    reply = live.request("REPORT", f"/sdk/evalx/{environment}/{path}", context)
    assert (reply.status, reply.body) == (200, evalx(live).body)
    assert mobile(live, f"/msdk/evalx/{path}", "REPORT", context).status == 200
    assert mobile(live, f"/msdk/evalx/{path}s/{encoded(context)}").status == 200
