"""Expiring targets over HTTP: kept, shown to both generations, carried out."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from api.flags import Caller, ids
from api.replies import assert_refused
from assay.api.expiring_targets import remove_expired
from assay.flags.model import ExpiringTarget
from assay.flags.targets import targeted, with_targets
from flags.flags import config, flag
from live import LiveServer, now_ms
from store.projects import NOW_MS, new_store, put_flag

SOON_MS = 1500


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return Caller(api)


def test_an_end_is_kept_shown_and_carried_out(caller: Caller) -> None:
    made = caller.create()
    first = ids(made)[0]
    caller.instruct(made["key"], {"kind": "addUserTargets", "variationId": first, "values": ["ann", "bob"]})
    place = f"/flags/default/{made['key']}/expiring-targets/production"
    at_ms = now_ms() + SOON_MS
    target = {"contextKey": "ann", "contextKind": "user", "variationId": first, "value": at_ms}
    told = caller.send("PATCH", place, {"instructions": [{"kind": "addExpiringTarget", **target}]})
    assert told.status == 200, told.body
    assert (told.body["totalInstructions"], told.body["failedInstructions"]) == (1, 0)
    (item,) = caller.get(place)["items"]
    assert (item["contextKey"], item["expirationDate"], item["_version"]) == ("ann", at_ms, 1)
    users = place.replace("expiring-targets", "expiring-user-targets")
    assert caller.get(users)["items"][0]["userKey"] == "ann"
    deadline = time.monotonic() + 30
    while caller.get(place)["items"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert now_ms() >= at_ms
    there = caller.get(f"/flags/default/{made['key']}")["environments"]["production"]
    assert [one["values"] for one in there["targets"]] == [["bob"]]


def test_an_instruction_that_is_refused_leaves_nothing(caller: Caller) -> None:
    made = caller.create()
    place = f"/flags/default/{made['key']}/expiring-targets/production"
    target = {"contextKey": "ann", "variationId": ids(made)[0], "value": now_ms() + 60_000}
    body = {"instructions": [{"kind": "addExpiringTarget", **target}]}
    assert_refused(caller.send("PATCH", place, body), 400, "invalid_request")
    assert caller.get(place)["items"] == []
    nowhere = place.replace("production", "nowhere")
    assert_refused(caller.send("GET", nowhere), 404, "not_found")


def test_a_json_patch_leaves_the_ends_alone(caller: Caller) -> None:
    made = caller.create()
    first = ids(made)[0]
    caller.instruct(made["key"], {"kind": "addUserTargets", "variationId": first, "values": ["ann"]})
    place = f"/flags/default/{made['key']}/expiring-targets/production"
    target = {"contextKey": "ann", "variationId": first, "value": now_ms() + 600_000}
    caller.send("PATCH", place, {"instructions": [{"kind": "addExpiringTarget", **target}]})
    caller.patch(made["key"], [{"op": "replace", "path": "/environments/production/on", "value": True}])
    assert len(caller.get(place)["items"]) == 1


def test_only_flags_whose_targets_expired_get_a_new_version(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    held = with_targets(config(), {("user", 0): ("ann",)})
    ends = (ExpiringTarget("e", "ann", "id-0", NOW_MS - 1),)
    due = {"production": replace(held, expiring_targets=ends), "test": held}
    before = put_flag(store, flag(key="due", environments=due)).environments
    calm = put_flag(store, flag(key="calm", environments={"production": held, "test": held}))
    remove_expired(store)
    after = store.state.flag("default", "due").environments
    assert targeted(after["production"]) == {}
    assert after["production"].version > before["production"].version
    assert after["test"] == before["test"]
    assert store.state.flag("default", "calm") == calm
    store.close()
