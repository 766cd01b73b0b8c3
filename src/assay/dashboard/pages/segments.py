"""Segments: the list, making one, and who belongs to it: by name and by rule."""

from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import asdict

from assay.api import segments
from assay.dashboard.addresses import PLACE
from assay.dashboard.forms import Form, parts_of
from assay.dashboard.listings import Pager, page_of
from assay.dashboard.pages.flag_history import ChangeSet, page_of_entries
from assay.dashboard.pages.flag_targeting import Choice, operator_choices
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.stale import told, version_shown, version_test
from assay.dashboard.targeting import DraftClause, clause_draft, clauses_of_form
from assay.dashboard.targeting_patch import clause_bodies, percent_weight
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest
from assay.flags.segment import Segment, SegmentRule, SegmentTarget

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class SegmentRow:
    key: str
    name: str
    href: str
    tags: tuple[str, ...]
    keys: int
    rules: int
    flags: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class SegmentsPage:
    pager: Pager[SegmentRow]
    query: str
    exists: bool
    may_create: bool
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class DraftList:
    """Keys of a context kind, a line for each; `included` or excluded."""

    included: bool = True
    kind: str = "user"
    keys: str = ""


@dataclass(frozen=True, slots=True)
class DraftSegmentRule:
    """`percent` is empty where everybody who matches belongs."""

    id: str = ""
    clauses: tuple[DraftClause, ...] = (DraftClause(),)
    percent: str = ""


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    name: str
    description: str
    tags: str
    lists: tuple[DraftList, ...]
    rules: tuple[DraftSegmentRule, ...]


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """`kept_by`: the layer or holdout that alone may change it."""

    key: str
    name: str
    home: str
    list: str
    draft: SegmentDraft
    version: str
    unsaved: bool
    operators: tuple[Choice, ...]
    flags: tuple[tuple[str, str], ...]
    kept_by: str
    may_change: bool
    requires_comment: bool
    comment: str
    history: tuple[ChangeSet, ...]


def list_segments(visit: Visit) -> Shown:
    check(visit, segments.list_segments, **_place(visit))
    return _list(visit)


def create_segment(visit: Visit) -> Shown:
    form = visit.form
    body = {"name": form.text("name"), "key": form.text("key") or key_of_name(form.text("name"))}
    try:
        made = perform(visit, segments.create_segment, body, query={}, **_place(visit))
    except AssayError as error:
        return _list(visit, error)
    return SeeOther(visit.here("segments", made["key"]), f"{made['name']} is made. Nobody belongs to it yet.")


def show_segment(visit: Visit) -> Shown:
    return _page(visit, _draft_of(_viewed(visit)))


def change_segment(visit: Visit) -> Shown:
    segment, form, step = _viewed(visit), visit.form, visit.form.text("do", "save")
    draft = _draft_of_form(form)
    place = {**_place(visit), "segment": segment.key}
    try:
        if step == "delete":
            form.check_confirmed(segment.key, "segment")
            perform(visit, segments.delete_segment, None, query={}, **place)
            return SeeOther(visit.here("segments"), f"{segment.name} is deleted.")
        if step != "save":
            return _page(visit, _stepped(draft, step), unsaved=True)
        patch = [*version_test(form, "/version"), *_patch(draft, segment)]
        body = {"patch": patch, "comment": form.raw("comment")}
        perform(visit, segments.patch_segment, body, query={}, **place)
    except AssayError as error:
        kept = _draft_of(segment) if step == "delete" else draft
        error = told(error, form, _viewed(visit).version, "segment")
        return _page(visit, kept, unsaved=step != "delete", error=error)
    return SeeOther(visit.here("segments", segment.key), f"Saved. {visit.environment.name} serves it now.")


def _place(visit: Visit) -> dict[str, str]:
    return {"project": visit.project.key, "environment": visit.environment.key}


def _viewed(visit: Visit) -> Segment:
    key = visit.path["segment"]
    check(visit, segments.get_segment, **_place(visit), segment=key)
    return visit.state.segment(visit.project.key, visit.environment.key, key)


def _list(visit: Visit, error: AssayError | None = None) -> Shown:
    every = visit.state.segments(visit.project.key, visit.environment.key).values()
    query = visit.query.text("q")
    words = query.lower().split()
    wanted = [one for one in every if all(word in f"{one.key} {one.name}".lower() for word in words)]
    page = SegmentsPage(
        pager=page_of(visit, [_row(visit, segment) for segment in wanted], PAGE_SIZE, q=query),
        query=query,
        exists=bool(every),
        may_create=may(visit, segments.create_segment, **_place(visit)),
        name=visit.form.text("name"),
        key=visit.form.text("key"),
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("segments.html", "Segments", page, status, text[:1].upper() + text[1:])


def _row(visit: Visit, segment: Segment) -> SegmentRow:
    return SegmentRow(
        key=segment.key,
        name=segment.name,
        href=visit.here("segments", segment.key),
        tags=segment.tags,
        keys=sum(len(part.keys.split("\n")) for part in _lists(segment)),
        rules=len(segment.rules),
        flags=len(_flags(visit, segment.key)),
        changed_ms=segment.last_modified_date or segment.creation_date,
    )


def _flags(visit: Visit, key: str) -> tuple[tuple[str, str], ...]:
    found = segments.flags_with_segment(visit.state, visit.project.key, visit.environment.key, key)
    return tuple((name, visit.here("flags", flag)) for flag, name in found)


def _page(
    visit: Visit, draft: SegmentDraft, *, unsaved: bool = False, error: AssayError | None = None
) -> Shown:
    segment, place = _viewed(visit), f"{visit.project.key}/{visit.environment.key}"
    history, _ = page_of_entries(visit, targets=(f"segment/{place}/{segment.key}",))
    page = SegmentPage(
        key=segment.key,
        name=segment.name,
        home=visit.here("segments", segment.key),
        list=visit.here("segments"),
        draft=draft,
        version=version_shown(visit.form, segment.version, error),
        unsaved=unsaved,
        operators=operator_choices(),
        flags=_flags(visit, segment.key),
        kept_by=segment.kept_by,
        may_change=may(visit, segments.patch_segment, **_place(visit), segment=segment.key)
        and not segment.kept_by,
        requires_comment=visit.environment.require_comments,
        comment=visit.form.raw("comment"),
        history=history[:10],
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("segment.html", segment.name, page, status, text[:1].upper() + text[1:])


def _draft_of(segment: Segment) -> SegmentDraft:
    return SegmentDraft(
        name=segment.name,
        description=segment.description,
        tags=", ".join(segment.tags),
        lists=tuple(_lists(segment)),
        rules=tuple(
            DraftSegmentRule(
                rule.id, tuple(clause_draft(clause) for clause in rule.clauses), _percent(rule.weight)
            )
            for rule in segment.rules
        ),
    )


def _lists(segment: Segment) -> list[DraftList]:
    parts: list[tuple[bool, SegmentTarget]] = [
        (True, SegmentTarget(segment.included)),
        *((True, target) for target in segment.included_contexts),
        (False, SegmentTarget(segment.excluded)),
        *((False, target) for target in segment.excluded_contexts),
    ]
    return [
        DraftList(included, target.context_kind, "\n".join(target.values))
        for included, target in parts
        if target.values
    ]


def _draft_of_form(form: Form) -> SegmentDraft:
    return SegmentDraft(
        name=form.text("name"),
        description=form.raw("description"),
        tags=form.raw("tags"),
        lists=tuple(
            DraftList(row.text("side") != "excluded", row.text("kind") or "user", row.raw("keys"))
            for row in form.numbered("list")
        ),
        rules=tuple(
            DraftSegmentRule(row.text("id"), clauses_of_form(row), row.text("percent"))
            for row in form.numbered("rule")
        ),
    )


def _stepped(draft: SegmentDraft, step: str) -> SegmentDraft:
    name, *places = step.split(".")
    numbers = [int(place) if place.isdecimal() and len(place) < 9 else -1 for place in places] or [-1]
    if name == "add-list":
        return replace(draft, lists=(*draft.lists, DraftList()))
    if name == "remove-list":
        kept_lists = tuple(row for n, row in enumerate(draft.lists) if n != numbers[0])
        return replace(draft, lists=kept_lists)
    if name == "add-rule":
        return replace(draft, rules=(*draft.rules, DraftSegmentRule()))
    if name == "remove-rule":
        return replace(draft, rules=tuple(rule for n, rule in enumerate(draft.rules) if n != numbers[0]))
    changed = [
        _with_clauses(rule, name, numbers[1:]) if n == numbers[0] else rule
        for n, rule in enumerate(draft.rules)
    ]
    return replace(draft, rules=tuple(changed))


def _with_clauses(rule: DraftSegmentRule, step: str, numbers: list[int]) -> DraftSegmentRule:
    if step == "add-clause":
        return replace(rule, clauses=(*rule.clauses, DraftClause()))
    kept = tuple(clause for n, clause in enumerate(rule.clauses) if [n] != numbers)
    return replace(rule, clauses=kept) if step == "remove-clause" else rule


def _patch(draft: SegmentDraft, segment: Segment) -> list[dict[str, Any]]:
    values: dict[str, Any] = {
        "name": draft.name,
        "description": draft.description,
        "tags": parts_of(draft.tags),
        "rules": [_rule(rule, n + 1, segment) for n, rule in enumerate(draft.rules)],
        **_list_values(draft),
    }
    return [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]


def _list_values(draft: SegmentDraft) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for side in ("included", "excluded"):
        keys: dict[str, list[str]] = {}
        for row in draft.lists:
            if row.included == (side == "included"):
                lines = [line.strip() for line in row.keys.split("\n") if line.strip()]
                keys[row.kind] = [*keys.get(row.kind, []), *lines]
        values[side] = list(dict.fromkeys(keys.pop("user", [])))
        values[f"{side}Contexts"] = [
            {"contextKind": kind, "values": list(dict.fromkeys(found))} for kind, found in keys.items()
        ]
    return values


def _rule(draft: DraftSegmentRule, number: int, segment: Segment) -> dict[str, Any]:
    before = next((rule for rule in segment.rules if draft.id and rule.id == draft.id), None)
    where = f"rule {number}"
    if not draft.clauses:
        raise InvalidRequest(f"{where} has no condition; add one, or remove the rule")
    body: dict[str, Any] = {"clauses": clause_bodies(draft.clauses, before.clauses if before else (), where)}
    body |= _kept(before) if before else {}
    return body | ({"weight": percent_weight(draft.percent, where)} if draft.percent else {})


def _kept(rule: SegmentRule) -> dict[str, Any]:
    """What the form doesn't show of a rule."""
    fields = asdict(rule)
    names = {"id": "_id", "description": "description", "bucket_by": "bucketBy"}
    names["rollout_context_kind"] = "rolloutContextKind"
    return {wire: fields[name] for name, wire in names.items() if fields[name]}


def _percent(weight: int | None) -> str:
    return "" if weight is None else f"{weight / 1000:.3f}".rstrip("0").rstrip(".")


SEGMENT = PLACE + "/segments/{segment}"

VIEWS = (
    View("GET", PLACE + "/segments", list_segments, "segments"),
    View("POST", PLACE + "/segments", create_segment, "segments"),
    View("GET", SEGMENT, show_segment, "segments"),
    View("POST", SEGMENT, change_segment, "segments"),
)
