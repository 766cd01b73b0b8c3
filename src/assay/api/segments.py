"""Segments: /api/v2/segments. SDKs hear of each change as they hear of a flag's."""

import secrets
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import sorted_by
from assay.api.links import link
from assay.api.operator_filters import Test, by_text, by_values, filtered
from assay.api.paging import paged
from assay.api.patching import SemanticPatch, converted, parse_patch, patched, require_comment
from assay.api.representations.segments import (
    MembershipsRep,
    Named,
    SegmentRep,
    SegmentsRep,
    TargetRep,
    membership_rep,
    segment_rep,
    shown_segment,
)
from assay.errors import Conflict, InvalidRequest
from assay.flags.clauses import Scope
from assay.flags.context import parse_context
from assay.flags.references import Malformed
from assay.flags.segment import Segment, Side, check_segment, listed, referred_segments, segments_below
from assay.flags.segment_expiry import still_expiring
from assay.flags.segment_instructions import (
    apply_segment_instructions,
    identified_rule,
    with_keys,
)
from assay.flags.validation import require_key
from assay.store.state import State, segments_shelf
from assay.store.store import require_absent
from assay.store.transaction import Transaction

WRITABLE = (
    *("name", "description", "tags", "included", "excluded", "includedContexts", "excludedContexts"),
    *("rules", "unbounded", "unboundedContextKind"),
)
OWNED = ("key", "creationDate", "version")
FILTERS: dict[str, Test[Segment]] = {
    "query": by_text(lambda segment: (segment.key, segment.name, segment.description)),
    "tags": by_values(lambda segment: segment.tags),
    "unbounded": by_values(lambda segment: (segment.unbounded,)),
    # No segment is filled from elsewhere.
    "external": by_values(lambda _: ()),
    "includedKeys": by_values(lambda segment: (segment.key,)),
    "excludedKeys": lambda segment, condition: segment.key not in condition.values,
}


class SegmentBody(msgspec.Struct, rename="camel"):
    """What makes a segment; lists and rules may come along."""

    key: str
    name: str
    description: str = ""
    tags: list[str] = []
    unbounded: bool = False
    unbounded_context_kind: str = ""


class KeyChanges(msgspec.Struct):
    """Keys to add to a list and to take from it."""

    add: list[str] = []
    remove: list[str] = []


class ListChanges(msgspec.Struct):
    """Changes of both lists of a segment."""

    included: KeyChanges | None = None
    excluded: KeyChanges | None = None


def list_segments(call: Call) -> Answer:
    project, key = call.path["project"], call.path["environment"]
    state = call.rooms.store.state
    environment = state.environment(project, key)
    found = filtered(call.query.get("filter"), state.segments(project, key).values(), FILTERS)
    tag = call.query.get("tag")
    found = [segment for segment in found if tag is None or tag in segment.tags]
    orders = {
        "name": lambda segment: segment.name.casefold(),
        "key": lambda segment: segment.key,
        "creationDate": lambda segment: segment.creation_date,
        "lastModified": lambda segment: segment.last_modified_date,
    }
    body = paged(call, sorted_by(call, found, orders), "segments", project, key, default=20)
    body["items"] = [
        shown_segment(project, environment, segment, modern=call.modern) for segment in body["items"]
    ]
    return Answer(body=body)


def get_segment(call: Call) -> Answer:
    state, project, environment = call.rooms.store.state, call.path["project"], call.path["environment"]
    segment = state.segment(project, environment, call.path["segment"])
    flags = flags_with_segment(state, project, environment, segment.key)
    return Answer(body=_rep(call, segment, flags))


def create_segment(call: Call) -> Answer:
    body, project, environment = call.object(), call.path["project"], call.path["environment"]
    key = require_key(body.get("key"), "A segment's")
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.environment(project, environment)
        require_absent(transaction.state, ("segment", segments_shelf(project, environment), key))
        document = {name: body[name] for name in WRITABLE if body.get(name) is not None}
        document |= {"key": key, "name": body.get("name") or key, "salt": secrets.token_hex(16)}
        segment = _identified(converted(document | {"creationDate": transaction.now_ms}, Segment))
        segment = _put(transaction, project, environment, segment, "createSegment")
    return Answer(201, _rep(call, segment))


def patch_segment(call: Call) -> Answer:
    patch = parse_patch(call.body)
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        segment = transaction.state.segment(project, environment, call.path["segment"])
        if isinstance(patch, SemanticPatch):
            if patch.environment not in (None, environment):
                raise InvalidRequest(f"environmentKey is {environment!r}, as in the path")
            edited = apply_segment_instructions(segment, patch.instructions)
        else:
            before: dict[str, Any] = dict(segment_rep(project, environment, segment))
            document = patched({"description": "", **before}, patch)
            if any(document.get(name) != before[name] for name in OWNED):
                raise InvalidRequest(f"{', '.join(OWNED)} can't be changed")
            changes = {name: document[name] for name in WRITABLE if document.get(name) is not None}
            own = {"key": segment.key, "creationDate": segment.creation_date, "salt": segment.salt}
            edited = _identified(converted(changes | own, Segment))
            edited = replace(
                edited,
                version=segment.version,
                last_modified_date=segment.last_modified_date,
                expiring=segment.expiring,
            )
        here = transaction.state.environment(project, environment)
        if edited != segment:
            require_comment(here, patch.comment)
        if call.boolean("dryRun"):
            _check(transaction.state, project, environment, edited)
        else:
            edited = _put(transaction, project, environment, edited, "updateSegment")
    return Answer(body=_rep(call, edited))


def delete_segment(call: Call) -> Answer:
    project, environment, key = call.path["project"], call.path["environment"], call.path["segment"]
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.segment(project, environment, key)
        flags = [f"flag {flag}" for flag, _ in flags_with_segment(state, project, environment, key)]
        others = state.segments(project, environment).values()
        users = flags + [f"segment {other.key}" for other in others if key in segments_below(other)]
        if users:
            raise Conflict(f"the segment is in use by {', '.join(users[:10])}")
        transaction.delete_segment(project, environment, key)
    return Answer(204)


def evaluate_segments(call: Call) -> Answer:
    """Every segment's verdict on the context in the body, which is then forgotten."""
    project, key = call.path["project"], call.path["environment"]
    state = call.rooms.store.state
    environment = state.environment(project, key)
    context = parse_context(call.object())
    _, compiled = call.rooms.flag_sets.compiled((project, environment))
    items = []
    for segment in state.segments(project, key).values():
        matcher = compiled.segments.get(segment.key)
        try:
            member = matcher is not None and matcher(Scope(context, {}, compiled.segments))
        except (Malformed, RecursionError):
            member = False
        individually = any(
            attributes["key"] in listed(segment, kind, included=True) for kind, attributes in context.items()
        )
        items.append(membership_rep(project, key, segment, member=member, individually=individually))
    self_link = link("projects", project, "environments", key, "segments", "evaluate")
    return Answer(body={"items": items, "_links": {"self": self_link}})


def context_membership(call: Call) -> Answer:
    """Whether the segment lists a key of its own context kind."""
    segment = _segment(call)
    return Answer(body=_target(segment, segment.unbounded_kind, call.path["context"]))


def user_membership(call: Call) -> Answer:
    return Answer(body=_target(_segment(call), "user", call.path["user"]))


def update_contexts(call: Call) -> Answer:
    return _update_lists(call, _segment(call).unbounded_kind)


def update_users(call: Call) -> Answer:
    return _update_lists(call, "user")


def flags_with_segment(state: State, project: str, environment: str, key: str) -> list[tuple[str, str]]:
    """The flags whose rules ask for a segment in its environment, as (key, name)."""
    return [
        (flag.key, flag.name)
        for flag in state.all("flag", project).values()
        for config in [flag.environments.get(environment)]
        if config is not None and any(key in referred_segments(rule.clauses) for rule in config.rules)
    ]


def _update_lists(call: Call, kind: str) -> Answer:
    changes = converted(call.object(), ListChanges)
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor) as transaction:
        segment = transaction.state.segment(project, environment, call.path["segment"])
        sides: tuple[tuple[Side, KeyChanges | None], ...] = (
            ("included", changes.included),
            ("excluded", changes.excluded),
        )
        for side, change in sides:
            if change is not None:
                before = listed(segment, kind, included=side == "included")
                segment = with_keys(segment, side, kind, (before | set(change.add)) - set(change.remove))
        _put(transaction, project, environment, segment, "updateSegment")
    return Answer(204)


def _put(transaction: Transaction, project: str, environment: str, segment: Segment, action: str) -> Segment:
    _check(transaction.state, project, environment, segment)
    return transaction.put_segment(project, environment, still_expiring(segment), action)


def _check(state: State, project: str, environment: str, segment: Segment) -> None:
    check_segment(segment)
    known = {**state.segments(project, environment), segment.key: segment}
    seen: set[str] = set()
    below = segments_below(segment)
    while below:
        if segment.key in below:
            raise InvalidRequest(f"the segment {segment.key!r} would ask for itself")
        seen |= below
        below = {key for name in below if name in known for key in segments_below(known[name])} - seen


def _identified(segment: Segment) -> Segment:
    """With ids for its rules, and without targets that list nobody: some clients send empty ones along."""
    return replace(
        segment,
        rules=tuple(identified_rule(rule) for rule in segment.rules),
        included_contexts=tuple(target for target in segment.included_contexts if target.values),
        excluded_contexts=tuple(target for target in segment.excluded_contexts if target.values),
    )


def _segment(call: Call) -> Segment:
    return call.rooms.store.state.segment(
        call.path["project"], call.path["environment"], call.path["segment"]
    )


def _target(segment: Segment, kind: str, key: str) -> TargetRep:
    return {
        "userKey": key,
        "included": key in listed(segment, kind, included=True),
        "excluded": key in listed(segment, kind, included=False),
    }


def _rep(call: Call, segment: Segment, flags: Named = ()) -> SegmentRep:
    project = call.path["project"]
    environment = call.rooms.store.state.environment(project, call.path["environment"])
    return shown_segment(project, environment, segment, modern=call.modern, flags=flags)


SEGMENTS = "/api/v2/segments/{project}/{environment}"
SEGMENT = SEGMENTS + "/{segment}"
PAGE = ("limit", "offset", "sort", "filter", "tag")

OPERATIONS = (
    Operation("GET", SEGMENTS, "reader", list_segments, answer=SegmentsRep, query=PAGE),
    Operation("POST", SEGMENTS, "writer", create_segment, status=201, body=SegmentBody, answer=SegmentRep),
    Operation("GET", SEGMENT, "reader", get_segment, answer=SegmentRep),
    Operation("PATCH", SEGMENT, "writer", patch_segment, answer=SegmentRep, query=("dryRun",)),
    Operation("DELETE", SEGMENT, "writer", delete_segment, status=204),
    Operation("GET", SEGMENT + "/contexts/{context}", "reader", context_membership, answer=TargetRep),
    Operation("GET", SEGMENT + "/users/{user}", "reader", user_membership, answer=TargetRep),
    Operation("POST", SEGMENT + "/contexts", "writer", update_contexts, status=204, body=ListChanges),
    Operation("POST", SEGMENT + "/users", "writer", update_users, status=204, body=ListChanges),
    Operation(
        "POST",
        "/api/v2/projects/{project}/environments/{environment}/segments/evaluate",
        "reader",
        evaluate_segments,
        body=dict[str, Any],
        answer=MembershipsRep,
    ),
)
