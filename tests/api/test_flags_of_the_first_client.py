"""Flags with everything that came later, before the founding generation's client: it takes and prints them all."""

from typing import Any

import pytest
from launchdarkly_api.api import feature_flags__beta_api, feature_flags_api
from launchdarkly_api.exceptions import ApiException
from launchdarkly_api.model.feature_flag_body import FeatureFlagBody
from launchdarkly_api.model.flag_copy_config_environment import FlagCopyConfigEnvironment
from launchdarkly_api.model.flag_copy_config_post import FlagCopyConfigPost
from launchdarkly_api.model.patch_with_comment import PatchWithComment

from api.flags import Caller, ids
from api.replies import fresh
from api.test_official_client import connected, operations, printed
from live import LiveServer, now_ms


@pytest.fixture
def modern(api: LiveServer) -> dict[str, Any]:
    """A flag that uses what its client has never heard of."""
    caller = Caller(api)
    needed = caller.create(variationJsonSchema={"type": "boolean", "anyOf": [{"type": "boolean"}]})
    made = caller.create(
        purpose="migration",
        initialPrerequisites=[{"key": needed["key"], "variationId": ids(needed)[0]}],
        variationJsonSchema={"type": "string", "anyOf": [{"type": "string"}]},
    )
    first, second, *_ = ids(made)
    clause = {"attribute": "/address/city", "op": "in", "values": ["Bonn"], "contextKind": "org"}
    caller.instruct(
        made["key"],
        {"kind": "addTargets", "contextKind": "org", "values": ["acme"], "variationId": second},
        {"kind": "addUserTargets", "values": ["ann"], "variationId": first},
        {
            "kind": "addRule",
            "clauses": [clause],
            "rolloutWeights": {first: 50_000, second: 50_000},
            "rolloutContextKind": "org",
        },
        {"kind": "deprecateFlag"},
        {"kind": "updateMaintainerTeam", "value": "team"},
        {"kind": "turnFlagOn"},
    )
    target = {"contextKey": "acme", "contextKind": "org", "variationId": second, "value": now_ms() + 600_000}
    place = f"/flags/default/{made['key']}/expiring-targets/production"
    body = {"instructions": [{"kind": "addExpiringTarget", **target}]}
    assert caller.send("PATCH", place, body).status == 200
    found: dict[str, Any] = caller.get(f"/flags/default/{made['key']}")
    return found


def test_it_reads_lists_and_prints_what_came_after_it(api: LiveServer, modern: dict[str, Any]) -> None:
    with connected(api, api.token) as client:
        flags = feature_flags_api.FeatureFlagsApi(client)
        got = flags.get_feature_flag("default", modern["key"])
        assert "'Bonn'" in printed(got)
        assert got.environments["production"].targets[0].values == ["ann"]
        # Only its own: this client can't print a variation whose value is a list of objects, as others make.
        own = f"query:{modern['key']}"
        assert modern["key"] in printed(flags.get_feature_flags("default", filter=own))
        brief = flags.get_feature_flags("default", summary=True, limit=5, sort="-creationDate", filter=own)
        assert printed(brief)
        assert brief.items[0].environments["production"].summary.prerequisites in (0, 1)
        assert printed(flags.get_feature_flag_statuses("default", "production"))
        across = flags.get_feature_flag_status_across_environments("default", modern["key"])
        assert printed(across)
        assert printed(flags.get_expiring_user_targets("default", "production", modern["key"]))


def test_it_copies_and_hears_of_dependents(api: LiveServer, modern: dict[str, Any]) -> None:
    with connected(api, api.token) as client:
        flags = feature_flags_api.FeatureFlagsApi(client)
        version = modern["environments"]["production"]["version"]
        source = FlagCopyConfigEnvironment(key="production", current_version=version)
        target = FlagCopyConfigEnvironment(key="test")
        copied = flags.copy_feature_flag("default", modern["key"], FlagCopyConfigPost(source, target))
        assert "'Bonn'" in printed(copied)
        assert copied.environments["test"].on is True
        old = FlagCopyConfigPost(FlagCopyConfigEnvironment(key="production", current_version=1), target)
        with pytest.raises(ApiException) as stale:
            flags.copy_feature_flag("default", modern["key"], old)
        assert stale.value.status == 409
        needed = modern["environments"]["production"]["prerequisites"][0]["key"]
        beta = feature_flags__beta_api.FeatureFlagsBetaApi(client)
        assert modern["key"] in printed(beta.get_dependent_flags("default", needed))
        assert modern["key"] in printed(beta.get_dependent_flags_by_env("default", "production", needed))


def test_it_patches_a_flag_that_has_what_it_does_not_see(api: LiveServer, modern: dict[str, Any]) -> None:
    """What isn't shown to it is still there afterwards."""
    with connected(api, api.token) as client:
        flags = feature_flags_api.FeatureFlagsApi(client)
        patch = operations(("replace", "/name", "Renamed"), ("add", "/tags/-", "old"))
        assert printed(flags.patch_feature_flag("default", modern["key"], PatchWithComment(patch=patch)))
        clone = flags.post_feature_flag(
            "default", FeatureFlagBody(name="c", key=fresh("clone")), clone=modern["key"]
        )
        assert printed(clone)
    after = Caller(api).get(f"/flags/default/{modern['key']}")
    assert after["environments"] == modern["environments"]
    assert (after["name"], after["tags"]) == ("Renamed", ["old"])
    assert after["variationJsonSchema"] == modern["variationJsonSchema"]
