"""Flags as clients read them, and as JSON Patch changes them."""

from typing import Any

import msgspec

from assay.api.links import link
from assay.api.representations.metrics import metric_rep
from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments, Period
from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, Rule, Target
from assay.store.state import State


def flag_rep(state: State, project: str, flag: Flag, environments: list[str] | None = None) -> dict[str, Any]:
    """A flag with its configuration in `environments` (all, without the argument)."""
    body: dict[str, Any] = {
        "_links": {"self": link("flags", project, flag.key), "parent": link("flags", project)},
        "key": flag.key,
        "name": flag.name,
        "kind": flag.kind,
        "description": flag.description,
        "_version": flag.version,
        "creationDate": flag.creation_date,
        "includeInSnippet": flag.include_in_snippet,
        "clientSideAvailability": msgspec.to_builtins(flag.client_side_availability),
        "variations": [msgspec.to_builtins(variation) for variation in flag.variations],
        "temporary": flag.temporary,
        "tags": list(flag.tags),
        "archived": flag.archived,
        "customProperties": flag.custom_properties,
        "defaults": msgspec.to_builtins(flag.defaults),
        "experiments": _experiments_rep(state, project, flag.key),
        "environments": _environments_rep(state, project, flag, environments),
    }
    if flag.archived_date is not None:
        body["archivedDate"] = flag.archived_date
    if flag.maintainer_id:
        body["maintainerId"] = flag.maintainer_id
    return body


def _environments_rep(state: State, project: str, flag: Flag, wanted: list[str] | None) -> dict[str, Any]:
    names = {environment.key: environment.name for environment in state.project(project).environments}
    return {
        key: _config_rep(project, flag, key, names.get(key, key))
        for key in flag.environments
        if wanted is None or key in wanted
    }


def _config_rep(project: str, flag: Flag, key: str, name: str) -> dict[str, Any]:
    config = flag.environments[key]
    body: dict[str, Any] = {
        "on": config.on,
        "archived": flag.archived,
        "salt": config.salt,
        "sel": config.sel,
        "lastModified": config.last_modified,
        "version": config.version,
        "targets": [_target_rep(target) for target in config.targets],
        "contextTargets": [_target_rep(target) for target in config.context_targets],
        "rules": [_rule_rep(rule) for rule in config.rules],
        "fallthrough": _place_rep(config.fallthrough),
        "prerequisites": [msgspec.to_builtins(prerequisite) for prerequisite in config.prerequisites],
        "_site": link("flags", project, flag.key),
        "_environmentName": name,
        "trackEvents": config.track_events,
        "trackEventsFallthrough": config.track_events_fallthrough,
    }
    return body | _optional_config(config)


def _optional_config(config: FlagConfig) -> dict[str, Any]:
    optional = {
        "offVariation": config.off_variation,
        "_debugEventsUntilDate": config.debug_events_until_date,
    }
    return {name: value for name, value in optional.items() if value is not None}


def _target_rep(target: Target) -> dict[str, Any]:
    return {
        "values": list(target.values),
        "variation": target.variation,
        "contextKind": target.context_kind,
    }


def _place_rep(place: Fallthrough | Rule) -> dict[str, Any]:
    if place.rollout is None:
        return {"variation": place.variation}
    return {"rollout": _rollout_rep(place.rollout)}


def _rollout_rep(rollout: Rollout) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(rollout)
    body["variations"] = [msgspec.to_builtins(entry) for entry in rollout.variations]
    return {name: value for name, value in body.items() if value is not None}


def _rule_rep(rule: Rule) -> dict[str, Any]:
    body = {
        "_id": rule.id,
        "clauses": [_clause_rep(msgspec.to_builtins(clause)) for clause in rule.clauses],
        "trackEvents": rule.track_events,
        **_place_rep(rule),
    }
    return body | ({"description": rule.description} if rule.description else {})


def _clause_rep(clause: dict[str, Any]) -> dict[str, Any]:
    """Without a context kind the attribute is a literal name; the field is then absent."""
    return {name: value for name, value in clause.items() if name != "contextKind" or value}


def _experiments_rep(state: State, project: str, flag: str) -> dict[str, Any]:
    experiments = state.experiments(project, flag)
    items = [_experiment_rep(state, project, item) for item in experiments.items]
    return {"baselineIdx": experiments.baseline, "items": items}


def _experiment_rep(state: State, project: str, item: FlagExperiment) -> dict[str, Any]:
    metric = state.find(("metric", project, item.metric_key))
    body: dict[str, Any] = {
        "metricKey": item.metric_key,
        "environments": list(item.environments),
        "_environmentSettings": {
            environment: _settings_rep(periods) for environment, periods in item.periods.items() if periods
        },
    }
    if metric is not None:
        flags = flags_with_metric(state, project, item.metric_key)
        body["_metric"] = metric_rep(project, metric, flags, modern=False)
    return body


def _settings_rep(periods: tuple[Period, ...]) -> dict[str, Any]:
    """The first start, the latest stop where nothing runs, and every period."""
    body: dict[str, Any] = {"startDate": periods[0].start_date}
    if periods[-1].stop_date is not None:
        body["stopDate"] = periods[-1].stop_date
    return body | {"enabledPeriods": [msgspec.to_builtins(period) for period in periods]}


def flags_with_metric(state: State, project: str, metric: str) -> list[str]:
    """The keys of the flags that a metric is attached to."""
    shelf: dict[str, FlagExperiments] = dict(state.all("experiments", project))
    return [flag for flag, experiments in shelf.items() if experiments.item(metric) is not None]
