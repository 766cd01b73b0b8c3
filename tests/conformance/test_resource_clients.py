"""Segments, environments, contexts and tags through official API clients: every body that we answer with parses."""

import json

import pytest

from conformance.clients import python_client, run_python
from live import LiveServer

# What both clients are told to do is the same; what they call things differs by four years.
TODAY = """
import json, sys, urllib.request
import launchdarkly_api as ld
from launchdarkly_api import api, models
host, token = sys.argv[1:]
client = ld.ApiClient(ld.Configuration(host=host, api_key={"ApiKey": token}))
projects, environments, segments = api.ProjectsApi(client), api.EnvironmentsApi(client), api.SegmentsApi(client)
contexts, settings, tags = api.ContextsApi(client), api.ContextSettingsApi(client), api.TagsApi(client)
P, E, S = "shop", "production", "staff"
made = projects.post_project(models.ProjectPost(name="Shop", key=P, tags=["web"]))
found = {"project": [e.key for e in made.environments]}
listed = projects.get_projects(filter="query:sho", sort="name", expand="environments")
found["listed"] = listed.items[0].environments.total_count
found["plain"] = projects.get_project(P).environments is None
rename = models.PatchOperation(op="replace", path="/name", value="Store")
found["renamed"] = projects.patch_project(P, [rename]).name
new = environments.post_environment(P, models.EnvironmentPost(
    name="Copy", key="copy", color="00ff00", critical=True, source=models.SourceEnv(key=E)))
found["critical"] = new.critical
change = models.PatchOperation(op="replace", path="/approvalSettings/required", value=True)
found["approval"] = environments.patch_environment(P, "copy", [change]).approval_settings.required
found["rotated"] = environments.reset_environment_sdk_key(P, "copy", expiry=1).api_key != new.api_key
found["mobile"] = environments.reset_environment_mobile_key(P, "copy").mobile_key != new.mobile_key
found["page"] = [e.key for e in environments.get_environments_by_project(P, limit=1, offset=1, sort="name").items]
segment = segments.post_segment(P, E, models.SegmentBody(name="Staff", key=S, tags=["beta"], description="us"))
found["created"] = [segment.version > 0, segment.deleted, segment.generation]
clause = {"contextKind": "user", "attribute": "plan", "op": "in", "negate": False, "values": ["pro"]}
semantic = {"environmentKey": E, "instructions": [
    {"kind": "addIncludedTargets", "contextKind": "org", "values": ["o"]},
    {"kind": "addRule", "clauses": [clause], "description": "paying"}]}
request = urllib.request.Request(f"{host}/api/v2/segments/{P}/{E}/{S}", json.dumps(semantic).encode(), method="PATCH",
    headers={"Authorization": token, "Content-Type": "application/json", "LD-API-Version": "20240415"})
urllib.request.urlopen(request).read()
got = segments.get_segment(P, E, S)
found["rule"] = [got.rules[0].description, got.rules[0].clauses[0].op, got.included_contexts[0].values]
add = models.PatchOperation(op="add", path="/included/0", value="ann")
patch = models.PatchWithComment(patch=[add], comment="why")
found["included"] = segments.patch_segment(P, E, S, patch).included
asked = 'tags anyOf ["beta"],query equals "staff"'
found["filtered"] = [s.key for s in segments.get_segments(P, E, filter=asked).items]
ann = {"kind": "user", "key": "ann"}
membership = segments.get_context_instance_segments_membership_by_env(P, E, ann).items[0]
found["member"] = [membership.is_member, membership.is_individually_targeted, membership.is_rule_targeted]
segments.post_segment(P, E, models.SegmentBody(name="Big", key="big", unbounded=True, unbounded_context_kind="org"))
keys = models.SegmentUserState(included=models.SegmentUserList(add=["o1", "o2"], remove=[]))
segments.update_big_segment_context_targets(P, E, "big", keys)
segments.update_big_segment_targets(P, E, "big", keys)
found["big"] = segments.get_segment(P, E, "big").unbounded_metadata.included_count
found["target"] = segments.get_segment_membership_for_context(P, E, "big", "o1").included
found["user"] = segments.get_segment_membership_for_user(P, E, "big", "nobody").included
key = environments.get_environment(P, E).api_key
event = [{"kind": "index", "creationDate": 1795000000000, "context": {**ann, "plan": "pro"}}]
request = urllib.request.Request(f"{host}/bulk", json.dumps(event).encode(), method="POST",
    headers={"Authorization": key, "Content-Type": "application/json"})
urllib.request.urlopen(request).read()
page = contexts.search_contexts(P, E, models.ContextSearch(filter="kind equals user", limit=5))
found["context"] = [page.items[0].context, page.total_count, page.items[0].last_seen is not None]
found["one"] = contexts.get_contexts(P, E, "user", "ann").items[0].context["plan"]
found["names"] = [n.name for n in contexts.get_context_attribute_names(P, E).items[0].names]
found["values"] = contexts.get_context_attribute_values(P, E, "plan", filter="kind equals user").items[0].values[0].name
found["put"] = contexts.put_context_kind(P, "org", models.UpsertContextKindPayload(name="Company")).status
kinds = contexts.get_context_kinds_by_project_key(P, expand="environmentObservations").items
found["kinds"] = sorted(k.name for k in kinds)
flag = api.FeatureFlagsApi(client).post_feature_flag(P, models.FeatureFlagBody(name="F", key="f", tags=["flagged"]))
settings.put_context_flag_setting(P, E, "user", "ann", "f", models.ValuePut(setting=True))
result = contexts.evaluate_context_instance(P, E, ann).items[0]
found["evaluated"] = [result.key, result.value, result.reason.kind]
found["tags"] = tags.get_tags(kind=["flag", "segment"]).items
ends = segments.patch_expiring_targets_for_segment(P, E, S, models.PatchSegmentExpiringTargetInputRep(instructions=[
    models.PatchSegmentExpiringTargetInstruction(
        kind="addExpiringTarget", targetType="included", contextKind="user", contextKey="ann", value=2000000000000)]))
found["ends"] = [ends.items[0].expiration_date, ends.total_instructions]
found["end"] = segments.get_expiring_targets_for_segment(P, E, S).items[0].target_type
segments.delete_segment(P, E, S)
environments.delete_environment(P, "copy")
projects.delete_project(P)
print(json.dumps(found))
"""

FOUNDING = """
import json, pprint, sys
import launchdarkly_api as ld
from launchdarkly_api.api import environments_api, projects_api, segments_api
from launchdarkly_api.model.json_patch import JSONPatch
from launchdarkly_api.model.patch_operation import PatchOperation
from launchdarkly_api.model.patch_with_comment import PatchWithComment
from launchdarkly_api.model.project_post import ProjectPost
from launchdarkly_api.model.environment_post import EnvironmentPost
from launchdarkly_api.model.segment_body import SegmentBody
from launchdarkly_api.model.segment_user_state import SegmentUserState
from launchdarkly_api.model.segment_user_list import SegmentUserList
host, token = sys.argv[1:]
client = ld.ApiClient(ld.Configuration(host=host, api_key={"ApiKey": token}))
projects, environments = projects_api.ProjectsApi(client), environments_api.EnvironmentsApi(client)
segments = segments_api.SegmentsApi(client)
P, E, S = "shop", "production", "staff"
found = {}
made = projects.post_project(ProjectPost(name="Shop", key=P))
found["project"] = [e.key for e in made.environments]
found["listed"] = len(projects.get_projects().items)
new = environments.post_environment(P, EnvironmentPost(name="Copy", key="copy", color="00ff00"))
found["approval"] = new.approval_settings.required
found["rotated"] = environments.reset_environment_sdk_key(P, "copy", expiry=1).api_key != new.api_key
found["mobile"] = environments.reset_environment_mobile_key(P, "copy").mobile_key != new.mobile_key
segment = segments.post_segment(P, E, SegmentBody(name="Staff", key=S, tags=["beta"]))
found["created"] = [segment.version > 0, segment.deleted, segment.generation]
rule = {"clauses": [{"attribute": "plan", "op": "in", "negate": False, "values": ["pro"]}]}
added = {"/included/0": "ann", "/rules/0": rule}
patch = [PatchOperation(op="add", path=path, value=value) for path, value in added.items()]
changed = segments.patch_segment(P, E, S, PatchWithComment(patch=JSONPatch(patch), comment="why"))
found["included"] = changed.included
pprint.pprint(changed, stream=sys.stderr)
pprint.pprint(segments.get_segments(P, E), stream=sys.stderr)
found["rule"] = segments.get_segment(P, E, S).rules[0].clauses[0].op
segments.post_segment(P, E, SegmentBody(name="Big", key="big", unbounded=True))
segments.update_big_segment_targets(P, E, "big", SegmentUserState(included=SegmentUserList(add=["a"], remove=[])))
found["target"] = segments.get_segment_membership_for_user(P, E, "big", "a").included
segments.delete_segment(P, E, S)
projects.delete_project(P)
print(json.dumps(found))
"""


def told(server: LiveServer, version: str, script: str) -> dict[str, object]:
    folder = python_client("launchdarkly-api", version)
    found: dict[str, object] = json.loads(run_python(folder, script, server.host, server.token))
    return found


def test_todays_client_reads_every_answer(server: LiveServer) -> None:
    assert told(server, "25.0.1", TODAY) == {
        "project": ["production", "test"],
        "listed": 2,
        "plain": True,
        "renamed": "Store",
        "critical": True,
        "approval": True,
        "rotated": True,
        "mobile": True,
        "page": ["production"],
        "created": [True, False, 1],
        "rule": ["paying", "in", ["o"]],
        "included": ["ann"],
        "filtered": ["staff"],
        "member": [True, True, False],
        "big": 4,
        "target": True,
        "user": False,
        "context": [{"kind": "user", "key": "ann", "plan": "pro"}, 1, True],
        "one": "pro",
        "names": ["key", "plan"],
        "values": "pro",
        "put": "success",
        "kinds": ["Company", "user"],
        "evaluated": ["f", False, "OFF"],
        "tags": ["beta", "flagged"],
        "ends": [2000000000000, 1],
        "end": "included",
    }


@pytest.mark.parametrize("version", ["6.0.1", "7.1.1"])
def test_the_founding_generation_reads_every_answer(server: LiveServer, version: str) -> None:
    assert told(server, version, FOUNDING) == {
        "project": ["production", "test"],
        "listed": 2,
        "approval": False,
        "rotated": True,
        "mobile": True,
        "created": [True, False, 1],
        "included": ["ann"],
        "rule": "in",
        "target": True,
    }
