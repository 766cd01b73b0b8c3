"""What a patch makes of a flag, and whether the project can live with it."""

import uuid
from typing import Any

from msgspec.structs import replace

from assay.api.flag_creation import identified, identified_rule
from assay.api.flag_experiments import edited_experiments
from assay.api.patching import JsonPatch, MergePatch, SemanticPatch, converted, patched, require_comment
from assay.api.representations.flag_configs import Shown
from assay.api.representations.flags import flag_rep
from assay.errors import Conflict, InvalidRequest
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.instructions import apply_instructions
from assay.flags.model import Fallthrough, Flag, FlagConfig
from assay.flags.prerequisites import check_prerequisites, following, require_no_dependents
from assay.flags.targets import targeted, with_targets
from assay.flags.validation import check_flag
from assay.flags.variations import kind_of
from assay.store.state import State
from assay.store.transaction import Transaction

OWNED = ("key", "version", "_version", "creationDate", "_purpose")

# Fields that a client sees only where they have a value, and may replace all the same.
UNSAID = {"maintainerId": "", "maintainerTeamKey": ""}


def edited(
    transaction: Transaction, project: str, flag: Flag, patch: JsonPatch | MergePatch | SemanticPatch
) -> tuple[Flag, FlagExperiments]:
    """The flag and its flag-scoped experiments after the patch; neither is written yet."""
    if not isinstance(patch, SemanticPatch):
        return _patched_flag(transaction, project, flag, patch)
    after = apply_instructions(
        flag,
        patch.environment,
        patch.instructions,
        flags=transaction.state.all("flag", project),
        now_ms=transaction.now_ms,
        new_id=lambda: str(uuid.uuid4()),
    )
    return after, transaction.state.experiments(project, flag.key)


def check_edit(state: State, project: str, before: Flag, after: Flag, comment: str) -> None:
    """Raises where the flag is none, where others need what it was, or where a comment is missing."""
    check_flag(after)
    flags = state.all("flag", project)
    check_prerequisites(after, flags)
    if after.archived and not before.archived:
        require_no_dependents(after.key, flags)
    _check_measured(state, project, before, after)
    for environment in state.project(project).environments:
        changed = before.environments.get(environment.key) != after.environments.get(environment.key)
        if changed:
            require_comment(environment, comment)


def put_edit(
    transaction: Transaction, project: str, before: Flag, after: Flag, experiments: FlagExperiments
) -> Flag:
    """Writes the flag, and those that need one of its variations whose place has changed."""
    moved = following(before.variations, after, transaction.state.all("flag", project))
    written = transaction.put_flag(project, after, experiments, "updateFlag")
    for flag in moved:
        own = transaction.state.experiments(project, flag.key)
        transaction.put_flag(project, flag, own, "updatePrerequisites")
    return written


def _check_measured(state: State, project: str, before: Flag, after: Flag) -> None:
    """Events name variations by their place: a place whose variation moves would take its events along."""
    measured = state.experiments(project, before.key).items
    kept = [variation.id for variation in after.variations][: len(before.variations)]
    if measured and kept != [variation.id for variation in before.variations]:
        raise Conflict("an experiment measures this flag; its variations can't be removed or reordered")


def _patched_flag(
    transaction: Transaction, project: str, flag: Flag, patch: JsonPatch | MergePatch
) -> tuple[Flag, FlagExperiments]:
    rep: dict[str, Any] = {**flag_rep(transaction.state, project, flag, Shown(modern=True))}
    # A patch may test either name of the version.
    rep["version"] = flag.version
    document = patched(UNSAID | rep, patch)
    for owned in OWNED:
        if document.get(owned) != rep.get(owned):
            raise InvalidRequest(f"{owned} can't be changed")
    experiments = edited_experiments(transaction, project, flag.key, document.pop("experiments", None))
    after = converted(document, Flag)
    if after.environments.keys() != flag.environments.keys():
        raise InvalidRequest("a flag's patch can't add or remove environments")
    configs = {key: _settled(config, flag.environments[key]) for key, config in after.environments.items()}
    variations = tuple(map(identified, after.variations))
    after = replace(after, environments=configs, variations=variations, kind=kind_of(variations))
    return _dated(after, flag, transaction.now_ms), experiments


def _dated(after: Flag, before: Flag, now_ms: int) -> Flag:
    """Versions and dates are the server's."""
    return replace(
        after,
        version=before.version,
        archived_date=(before.archived_date or now_ms) if after.archived else None,
        deprecated_date=(before.deprecated_date or now_ms) if after.deprecated else None,
    )


def _settled(config: FlagConfig, old: FlagConfig) -> FlagConfig:
    """What the server owns stays as it was; new rules and clauses get ids, targets their places."""
    settled = replace(
        config,
        rules=tuple(map(identified_rule, config.rules)),
        fallthrough=_newer(config.fallthrough, old.fallthrough),
        salt=old.salt,
        sel=old.sel,
        version=old.version,
        last_modified=old.last_modified,
        expiring_targets=old.expiring_targets,
    )
    same = (settled.targets, settled.context_targets) == (old.targets, old.context_targets)
    return settled if same else with_targets(settled, targeted(settled))


def _newer(place: Fallthrough, old: Fallthrough) -> Fallthrough:
    """A patch that adds a rollout beside the variation (or the other way round) means the one it adds."""
    if place.variation is None or place.rollout is None:
        return place
    if old.rollout is None:
        return Fallthrough(rollout=place.rollout)
    return Fallthrough(variation=place.variation) if old.variation is None else place
