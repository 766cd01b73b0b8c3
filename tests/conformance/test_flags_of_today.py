"""The official client 25.0.1, unmodified: its strict models take every answer about flags."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.clients import python_client, run_python
from live import LiveServer

SCRIPT = """
import sys, time
import launchdarkly_api
from launchdarkly_api import models
from launchdarkly_api.api.feature_flags_api import FeatureFlagsApi
from launchdarkly_api.api.feature_flags_beta_api import FeatureFlagsBetaApi
from launchdarkly_api.api.projects_api import ProjectsApi
from launchdarkly_api.exceptions import BadRequestException, ConflictException, NotFoundException

configuration = launchdarkly_api.Configuration(host=sys.argv[1])
configuration.api_key["ApiKey"] = sys.argv[2]
client = launchdarkly_api.ApiClient(configuration)
flags, beta, projects = FeatureFlagsApi(client), FeatureFlagsBetaApi(client), ProjectsApi(client)

class Semantic(models.PatchWithComment):
    # What the client's documentation tells to send, for which it has no model.
    raw: dict
    def to_dict(self):
        return self.raw

def instruct(key, *instructions, environment="production"):
    raw = {"environmentKey": environment, "instructions": list(instructions), "comment": "why"}
    return flags.patch_feature_flag("default", key, Semantic(patch=[], raw=raw))

def checked(model):
    assert model.to_dict() and str(model) and model.to_json()
    return model

base = checked(flags.post_feature_flag("default", models.FeatureFlagBody(name="Base", key="base")))
made = checked(flags.post_feature_flag("default", models.FeatureFlagBody(
    name="A flag", key="a-flag", description="d", tags=["a"], temporary=False,
    variations=[models.Variation(value="plain", name="Plain"), models.Variation(value={"a": [1]}),
        models.Variation(value=3)],
    defaults=models.Defaults(onVariation=1, offVariation=2),
    clientSideAvailability=models.ClientSideAvailabilityPost(usingEnvironmentId=True, usingMobileKey=False),
    customProperties={"jira": models.CustomProperty(name="Jira", value=["A-1"])},
    initialPrerequisites=[models.FlagPrerequisitePost(key="base", variationId=base.variations[0].id)],
    isFlagOn=True,
)))
first, second, third = (variation.id for variation in made.variations)
assert made.environments["production"].on and made.environments["production"].prerequisites[0].key == "base"

clause = {"attribute": "country", "op": "in", "values": ["de"], "contextKind": "user", "negate": False}
changed = checked(instruct("a-flag",
    {"kind": "addRule", "variationId": first, "clauses": [clause], "description": "Germans"},
    {"kind": "addRule", "rolloutWeights": {first: 40000, second: 60000}, "rolloutContextKind": "org",
     "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta"], "negate": False}]},
    {"kind": "addTargets", "contextKind": "org", "values": ["acme"], "variationId": second},
    {"kind": "addUserTargets", "values": ["ann"], "variationId": first},
    {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": {first: 50000, third: 50000}},
    {"kind": "deprecateFlag"},
))
there = changed.environments["production"]
assert [rule.description for rule in there.rules] == ["Germans", None]
assert there.targets[0].values == ["ann"] and there.context_targets[1].values in (["acme"], [])
assert there.summary.variations["0"].rules == 2 and changed.deprecated and changed.deprecated_date

patched = checked(flags.patch_feature_flag("default", "a-flag", models.PatchWithComment(comment="by path", patch=[
    models.PatchOperation(op="add", path="/tags/-", value="b"),
    models.PatchOperation(op="replace", path="/environments/test/on", value=False),
])))
assert patched.tags == ["a", "b"]
dry = checked(flags.patch_feature_flag("default", "a-flag", models.PatchWithComment(patch=[
    models.PatchOperation(op="replace", path="/name", value="never")]), dry_run=True, ignore_conflicts=True))
assert dry.name == "never" and flags.get_feature_flag("default", "a-flag").name == "A flag"

got = checked(flags.get_feature_flag("default", "a-flag", env="production", expand="evaluation"))
assert list(got.environments) == ["production"]
listed = checked(flags.get_feature_flags(
    "default", env="production", filter="query:a-flag,state:deprecated", sort="-key", limit=5))
assert listed.total_count == 1 and listed.items[0].environments["production"].summary.prerequisites == 1
bare = checked(flags.get_feature_flags("default", tag="a", compare=False))
assert bare.items[0].environments in (None, {})
full = checked(flags.get_feature_flags("default", env="production", summary=False, tag="a"))
assert full.items[0].environments["production"].rules

copied = checked(flags.copy_feature_flag("default", "a-flag", models.FlagCopyConfigPost(
    source=models.FlagCopyConfigEnvironment(key="production", currentVersion=there.version),
    target=models.FlagCopyConfigEnvironment(key="test"), comment="up", excludedActions=["updateOn"])))
assert copied.environments["test"].rules and not copied.environments["test"].on
try:
    flags.copy_feature_flag("default", "a-flag", models.FlagCopyConfigPost(
        source=models.FlagCopyConfigEnvironment(key="production", currentVersion=1),
        target=models.FlagCopyConfigEnvironment(key="test")))
    raise SystemExit("a stale copy was taken")
except ConflictException as conflict:
    assert conflict.data.code == "optimistic_locking_error", conflict.data
clone = checked(flags.post_feature_flag("default", models.FeatureFlagBody(name="C", key="clone"), clone="a-flag"))
assert len(clone.environments["production"].rules) == 2

everywhere = checked(beta.get_dependent_flags("default", "base"))
assert {item.key for item in everywhere.items} == {"a-flag", "clone"}
assert checked(beta.get_dependent_flags_by_env("default", "production", "base")).items[0].key == "a-flag"

soon = int(time.time() * 1000) + 600_000
request = models.PatchFlagsRequest(instructions=[{"kind": "addExpiringTarget", "contextKey": "acme",
    "contextKind": "org", "variationId": second, "value": soon}])
assert checked(flags.patch_expiring_targets("default", "production", "a-flag", request)).successful_instructions == 1
assert checked(flags.get_expiring_context_targets("default", "production", "a-flag")).items[0].expiration_date == soon
user = models.PatchFlagsRequest(instructions=[{"kind": "addExpireUserTargetDate", "userKey": "ann",
    "variationId": first, "value": soon}])
assert checked(flags.patch_expiring_user_targets("default", "production", "a-flag", user)).items[0].user_key == "ann"
assert checked(flags.get_expiring_user_targets("default", "production", "a-flag")).items[0].user_key == "ann"

assert checked(flags.get_feature_flag_status("default", "production", "a-flag")).name == "new"
assert checked(flags.get_feature_flag_statuses("default", "production")).items
assert "test" in checked(flags.get_feature_flag_status_across_environments("default", "a-flag")).environments

defaults = models.UpsertFlagDefaultsPayload(tags=["house"], temporary=True,
    booleanDefaults=models.BooleanFlagDefaults(trueDisplayName="On", falseDisplayName="Off", trueDescription="",
        falseDescription="", onVariation=0, offVariation=1),
    defaultClientSideAvailability=models.DefaultClientSideAvailability(
        usingMobileKey=True, usingEnvironmentId=False))
assert checked(projects.put_flag_defaults_by_project("default", defaults)).tags == ["house"]
assert checked(projects.get_flag_defaults_by_project("default")).tags == ["house"]
untag = models.PatchOperation(op="replace", path="/tags", value=[])
assert checked(projects.patch_flag_defaults_by_project("default", [untag])).tags == []

for wrong, raised in (("base", ConflictException), ("nobody", NotFoundException)):
    try:
        flags.delete_feature_flag("default", wrong)
        raise SystemExit(wrong + " was deleted")
    except raised:
        pass
try:
    instruct("a-flag", {"kind": "turnFlagOn"}, {"kind": "addRule"})
    raise SystemExit("half a patch was taken")
except BadRequestException as refused:
    assert refused.data.message.startswith("instructions[1] addRule"), refused.data
instruct("clone", {"kind": "archiveFlag"})
for key in ("clone", "a-flag", "base"):
    assert flags.delete_feature_flag("default", key) is None
print("all taken")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    running = LiveServer(tmp_path / "data").start()
    yield running
    assert running.stop() == 0


def test_every_answer_about_flags_fits_the_models_of_today(server: LiveServer) -> None:
    folder = python_client("launchdarkly-api", "25.0.1")
    assert run_python(folder, SCRIPT, server.host, server.token).strip().endswith("all taken")
