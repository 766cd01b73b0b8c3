"""The version of a flag in an environment: it grows with every change there, and never falls."""

from typing import Any

import pytest

from api.replies import fresh
from live import LiveServer


@pytest.fixture
def key(api: LiveServer) -> str:
    key = fresh("versioned")
    create(api, key)
    return key


def create(api: LiveServer, key: str) -> None:
    assert api.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201


def patch(api: LiveServer, key: str, path: str, value: object) -> None:
    body = [{"op": "add", "path": path, "value": value}]
    assert api.rest("PATCH", f"/flags/default/{key}", body).status == 200


def versions(api: LiveServer, key: str) -> dict[str, int]:
    """By environment, as the REST API says it and as the SDKs get it."""
    body = api.rest("GET", f"/flags/default/{key}").body
    found = {name: config["version"] for name, config in body["environments"].items()}
    assert found == {name: polled(api, name)[key]["version"] for name in found}
    return found


def polled(api: LiveServer, environment: str) -> dict[str, Any]:
    headers = {"Authorization": api.environment_rep(environment)["apiKey"]}
    flags: dict[str, Any] = api.request("GET", "/sdk/latest-all", None, headers).body["flags"]
    return flags


def test_a_change_in_one_environment_leaves_the_others_version(api: LiveServer, key: str) -> None:
    before = versions(api, key)
    patch(api, key, "/environments/production/on", True)
    after = versions(api, key)
    assert after["production"] > before["production"]
    assert after["test"] == before["test"]


def test_a_change_of_the_variations_grows_every_version(api: LiveServer, key: str) -> None:
    before = versions(api, key)
    patch(api, key, "/variations/-", {"value": "third"})
    assert all(version > before[name] for name, version in versions(api, key).items())


def test_what_sdks_never_see_changes_no_version(api: LiveServer, key: str) -> None:
    before = versions(api, key)
    patch(api, key, "/name", "another")
    patch(api, key, "/tags/-", "a")
    patch(api, key, "/environments/production/on", False)
    assert versions(api, key) == before


def test_versions_grow_across_deletion_and_re_creation(api: LiveServer, key: str) -> None:
    before = versions(api, key)
    for _ in range(3):
        assert api.rest("DELETE", f"/flags/default/{key}").status == 204
        create(api, key)
        after = versions(api, key)
        # One is skipped: the deletion had a version of its own, which SDKs keep as a tombstone.
        assert all(after[name] >= before[name] + 2 for name in before)
        before = after


def test_no_two_flags_of_an_environment_share_a_version(api: LiveServer, key: str) -> None:
    other = fresh("versioned")
    create(api, other)
    for flag in (key, other, key, other):
        patch(api, flag, "/environments/production/on", flag == key)
        patch(api, flag, "/environments/production/trackEvents", flag == other)
    flags = polled(api, "production")
    assert len({flag["version"] for flag in flags.values()}) == len(flags)


def test_the_flag_itself_counts_every_change(api: LiveServer, key: str) -> None:
    assert api.rest("GET", f"/flags/default/{key}").body["_version"] == 1
    patch(api, key, "/name", "another")
    patch(api, key, "/environments/production/on", True)
    patch(api, key, "/environments/production/on", True)
    assert api.rest("GET", f"/flags/default/{key}").body["_version"] == 3


def test_archiving_takes_a_flag_from_sdks_and_restoring_brings_it_back_newer(
    api: LiveServer, key: str
) -> None:
    before = versions(api, key)
    patch(api, key, "/archived", True)
    assert key not in polled(api, "production")
    patch(api, key, "/archived", False)
    assert all(version > before[name] for name, version in versions(api, key).items())
