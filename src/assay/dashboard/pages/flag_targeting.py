"""A flag's targeting in an environment: its switch, and the editor of its rules."""

from dataclasses import dataclass, replace

from assay.api import feature_flags
from assay.dashboard.addresses import PLACE
from assay.dashboard.experiment_links import RuleOwner, rule_owners
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.perform import perform
from assay.dashboard.targeting import KEPT, Draft, draft_of_flag, draft_of_form, stepped
from assay.dashboard.targeting_patch import targeting_patch
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.dashboard.words import NEGATED, OPERATORS, place_words, value_text, variation_label
from assay.errors import AssayError, Conflict, PatchFailed
from assay.flags.model import Flag, FlagConfig


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class OtherFlag:
    """A flag that may be a prerequisite, with the labels of its variations."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class TargetingPage:
    """`kept`: by place (a rule's id, empty for the default rule) the words of a rollout that the form leaves alone."""

    flag: FlagFrame
    draft: Draft
    unsaved: bool
    variations: tuple[str, ...]
    values: tuple[str, ...]
    operators: tuple[Choice, ...]
    kinds: tuple[str, ...]
    segments: tuple[str, ...]
    others: tuple[OtherFlag, ...]
    prerequisite_labels: dict[str, tuple[str, ...]]
    kept: dict[str, str]
    measured: bool
    owners: tuple[RuleOwner, ...]
    requires_comment: bool
    comment: str


def show_targeting(visit: Visit) -> Shown:
    flag, config = viewed_flag(visit)
    return _page(visit, draft_of_flag(flag, config))


def change_targeting(visit: Visit) -> Shown:
    """One step of the editor, or, with `save`, all of it."""
    flag, config = viewed_flag(visit)
    draft, step = draft_of_form(visit.form), visit.form.text("do", "save")
    if step != "save":
        return _page(visit, stepped(draft, step), unsaved=True)
    try:
        body = {
            "patch": targeting_patch(draft, flag, visit.environment.key),
            "comment": visit.form.raw("comment"),
        }
        perform(visit, feature_flags.patch_flag, body, project=visit.project.key, flag=flag.key)
    except (PatchFailed, Conflict) as error:
        if draft.version == config.version:
            return _page(visit, draft, unsaved=True, error=error)
        late = Conflict(
            "Somebody changed this flag while you did: see its history. What you entered is kept below; "
            "saving it again replaces what they did."
        )
        return _page(visit, replace(draft, version=config.version), unsaved=True, error=late)
    except AssayError as error:
        return _page(visit, draft, unsaved=True, error=error)
    return SeeOther(visit.here("flags", flag.key), f"Saved. {visit.environment.name} serves it now.")


def switch_flag(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    on = visit.form.text("on") == "true"
    instruction = {"kind": "turnFlagOn" if on else "turnFlagOff"}
    body = {"environmentKey": visit.environment.key, "instructions": [instruction]}
    perform(visit, feature_flags.patch_flag, body, project=visit.project.key, flag=flag.key)
    return SeeOther(
        visit.here("flags", flag.key), f"{flag.name} is {'on' if on else 'off'} in {visit.environment.name}."
    )


def _page(visit: Visit, draft: Draft, *, unsaved: bool = False, error: AssayError | None = None) -> Shown:
    flag, config = viewed_flag(visit)
    project, environment = visit.project.key, visit.environment
    shelf: dict[str, Flag] = dict(visit.state.all("flag", project))
    chosen = [row.key for row in draft.prerequisites]
    page = TargetingPage(
        flag=flag_frame(visit, "targeting"),
        draft=draft,
        unsaved=unsaved,
        variations=tuple(variation_label(flag, n) for n in range(len(flag.variations))),
        values=tuple(value_text(variation.value) for variation in flag.variations),
        operators=operator_choices(),
        kinds=_kinds(shelf, environment.key),
        segments=tuple(sorted(visit.state.segments(project, environment.key))),
        others=tuple(OtherFlag(one.key, one.name) for one in shelf.values() if one.key != flag.key),
        prerequisite_labels={key: _labels(shelf[key]) for key in chosen if key in shelf},
        kept=_kept(flag, config, draft),
        measured=visit.state.experiments(project, flag.key).running(environment.key),
        owners=rule_owners(visit, flag.key, config),
        requires_comment=environment.require_comments,
        comment=visit.form.raw("comment"),
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("flag_targeting.html", flag.name, page, status, text[:1].upper() + text[1:])


def operator_choices() -> tuple[Choice, ...]:
    """Every operator, and its negation where there are words for one."""
    plain = [Choice(op, words) for op, words in OPERATORS.items()]
    return (*plain, *(Choice(f"!{op}", words) for op, words in NEGATED.items()))


def _labels(flag: Flag) -> tuple[str, ...]:
    return tuple(variation_label(flag, n) for n in range(len(flag.variations)))


def _kinds(shelf: dict[str, Flag], environment: str) -> tuple[str, ...]:
    """Context kinds that some flag of the project asks for."""
    configs = [flag.environments[environment] for flag in shelf.values() if environment in flag.environments]
    named = {clause.context_kind for config in configs for rule in config.rules for clause in rule.clauses}
    return tuple(sorted({"user", *named} - {""}))


def _kept(flag: Flag, config: FlagConfig, draft: Draft) -> dict[str, str]:
    words = {rule.id: place_words(flag, rule) for rule in config.rules}
    wanted = [rule.id for rule in draft.rules if rule.serve.choice == KEPT]
    kept = {rule_id: words[rule_id] for rule_id in wanted if rule_id in words}
    if config.fallthrough.rollout is not None and draft.fallthrough.choice == KEPT:
        kept[""] = place_words(flag, config.fallthrough)
    return kept


FLAG = PLACE + "/flags/{flag}"

VIEWS = (
    View("GET", FLAG, show_targeting, "flags"),
    View("POST", FLAG, change_targeting, "flags"),
    View("POST", FLAG + "/switch", switch_flag, "flags"),
)
