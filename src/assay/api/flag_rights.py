"""What a change of a flag is called by policies, for each environment that it touches; whoever makes it must be let.

A change in one environment is an action on the flag there; one that holds everywhere is an action on the flag in
all environments, `env/*`, which a role for one environment doesn't reach.
"""

from collections.abc import Iterator
from typing import Any

from assay.api.call import Call
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.model import Flag

EVERYWHERE = "*"

IN_ENVIRONMENT = {
    "on": "updateOn",
    "targets": "updateTargets",
    "context_targets": "updateTargets",
    "rules": "updateRules",
    "fallthrough": "updateFallthrough",
    "off_variation": "updateOffVariation",
    "prerequisites": "updatePrerequisites",
    "track_events": "updateTrackEvents",
    "track_events_fallthrough": "updateTrackEvents",
    "expiring_targets": "updateExpiringTargets",
}
OF_FLAG = {
    "name": "updateName",
    "description": "updateDescription",
    "tags": "updateTags",
    "variations": "updateFlagVariations",
    "defaults": "updateFlagDefaultVariations",
    "temporary": "updateTemporary",
    "archived": "updateGlobalArchived",
    "deprecated": "updateDeprecated",
    "include_in_snippet": "updateIncludeInSnippet",
    "client_side_availability": "updateClientSideFlagAvailability",
    "custom_properties": "updateFlagCustomProperties",
    "maintainer_id": "updateMaintainer",
    "maintainer_team_key": "updateMaintainer",
}

# What follows from other changes.
DERIVED = ("version", "last_modified", "archived_date", "deprecated_date", "environments")


def require_change(
    call: Call,
    project: str,
    before: Flag,
    after: Flag,
    experiments: tuple[FlagExperiments, FlagExperiments] | None = None,
) -> None:
    """Raises `Forbidden` where the caller may not make one of the changes; `experiments`: before and after."""
    changes = set(flag_changes(before, after))
    if experiments is not None:
        changes |= set(_measured(*experiments))
    for action, environment in sorted(changes):
        call.require(action, f"proj/{project}:env/{environment}:flag/{before.key}")


def flag_changes(before: Flag, after: Flag) -> Iterator[tuple[str, str]]:
    """Each change as an action and the environment's key, `*` for all."""
    for field in _differing(before, after):
        yield OF_FLAG.get(field, "updateFlag"), EVERYWHERE
    for key in before.environments.keys() | after.environments.keys():
        was, now = before.environments.get(key), after.environments.get(key)
        if was is None or now is None:
            yield "updateFlag", key
            continue
        for field in _differing(was, now):
            yield IN_ENVIRONMENT.get(field, "updateFlag"), key


def _measured(before: FlagExperiments, after: FlagExperiments) -> Iterator[tuple[str, str]]:
    """Measuring begins and ends in an environment; a metric or a baseline belongs to the flag everywhere."""
    if before.baseline != after.baseline:
        yield "updateExperimentBaseline", EVERYWHERE
    for key in {item.metric_key for item in (*before.items, *after.items)}:
        was, now = before.item(key), after.item(key)
        if was is None or now is None:
            yield "createExperiment" if was is None else "deleteExperiment", EVERYWHERE
        old, new = was.periods if was else {}, now.periods if now else {}
        for environment in old.keys() | new.keys():
            if old.get(environment) != new.get(environment):
                yield "updateExperimentActive", environment


def _differing(before: Any, after: Any) -> list[str]:
    fields = [name for name in before.__struct_fields__ if name not in DERIVED]
    return [name for name in fields if getattr(before, name) != getattr(after, name)]
