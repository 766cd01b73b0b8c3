"""Members with an end over REST: shown, kept by other patches, and gone from SDKs when their time has come."""

import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from api.replies import assert_refused, fresh
from assay.api.segment_expiry import remove_expired_members
from assay.flags.segment import ExpiringMember, Segment
from live import LiveServer, now_ms
from store.projects import NOW_MS, new_store

HERE = "/segments/default/production"


def made(api: LiveServer) -> tuple[str, str]:
    """A segment's address, and that of its ends."""
    key = fresh("ending")
    assert api.rest("POST", HERE, {"key": key, "name": key, "included": ["ann", "bob"]}).status == 201
    return f"{HERE}/{key}", f"/segments/default/{key}/expiring-targets/production"


def add(value: int, **changes: Any) -> dict[str, Any]:
    target = {"targetType": "included", "contextKind": "user", "contextKey": "ann", "value": value}
    return {"instructions": [{"kind": "addExpiringTarget", **target, **changes}]}


def test_an_end_is_kept_shown_and_carried_out(api: LiveServer) -> None:
    segment, ends = made(api)
    at_ms = now_ms() + 1500
    told = api.rest("PATCH", ends, add(at_ms))
    assert (told.status, told.body["successfulInstructions"], told.body["failedInstructions"]) == (200, 1, 0)
    (item,) = api.rest("GET", ends).body["items"]
    assert (item["contextKey"], item["targetType"], item["expirationDate"]) == ("ann", "included", at_ms)
    users = ends.replace("expiring-targets", "expiring-user-targets")
    assert api.rest("GET", users).body["items"][0]["userKey"] == "ann"
    rename = [{"op": "replace", "path": "/name", "value": "new"}]
    assert api.rest("PATCH", segment, rename).status == 200
    assert api.rest("GET", ends).body["items"] == [item]
    deadline = time.monotonic() + 30
    while api.rest("GET", ends).body["items"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert now_ms() >= at_ms
    assert api.rest("GET", segment).body["included"] == ["bob"]


def test_a_refused_instruction_and_an_unknown_segment(api: LiveServer) -> None:
    _, ends = made(api)
    assert_refused(api.rest("PATCH", ends, add(now_ms() + 60_000, contextKey="x")), 400, "invalid_request")
    assert api.rest("GET", ends).body["items"] == []
    assert_refused(api.rest("GET", ends.replace("production", "nowhere")), 404, "not_found")


def test_only_segments_whose_members_expired_get_a_new_version(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    due = Segment("due", "Due", 1, "salt", included=("ann",))
    with store.writing("tester") as transaction:
        end = ExpiringMember("e", "ann", "included", NOW_MS - 1)
        due = transaction.put_segment("default", "production", replace(due, expiring=(end,)), "x")
        calm = transaction.put_segment("default", "production", Segment("calm", "Calm", 1, "salt"), "x")
    remove_expired_members(store, "expiry", NOW_MS)
    after = store.state.segments("default", "production")
    assert (after["due"].included, after["due"].expiring) == ((), ())
    assert after["due"].version > calm.version > due.version
    assert after["calm"] == calm
    store.close()
