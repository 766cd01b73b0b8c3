"""Where a metric or a metric group is used: flags, groups, experiments."""

from collections.abc import Callable

from assay.experiments.experiment import Experiment, MeasuredBy
from assay.experiments.metric_group import MetricGroup
from assay.store.state import State


def groups_with(state: State, project: str, metric: str) -> list[MetricGroup]:
    """The metric groups that hold the metric, in the order they were made."""
    return [group for group in state.metric_groups(project).values() if group.holds(metric)]


def experiments_by_group(state: State, project: str, group: str) -> list[Experiment]:
    """The experiments that are, were or are going to be measured by the group, in the order they were made."""
    return _measured_by(state, project, lambda one: one.is_group and one.key == group)


def experiments_by_metric(state: State, project: str, metric: str) -> list[Experiment]:
    """Those that are measured by the metric, itself or in the version of a group that an iteration pinned."""

    def measures(one: MeasuredBy) -> bool:
        if not one.is_group:
            return one.key == metric
        group = state.find(("metric_group", project, one.key))
        if group is not None and one.version not in (None, group.version):
            group = state.find(("metric_group_version", project, f"{one.key}/{one.version}"))
        return group is not None and group.holds(metric)

    return _measured_by(state, project, measures)


def is_active(experiment: Experiment, keys: set[tuple[str, bool]]) -> bool:
    """Whether a running iteration is measured by one of them, named by key and whether it is a group."""
    running = experiment.running
    return running is not None and any((one.key, one.is_group) in keys for one in running.metrics)


def _measured_by(state: State, project: str, measures: Callable[[MeasuredBy], bool]) -> list[Experiment]:
    return [
        experiment
        for experiment in state.all("experiment", project).values()
        if any(measures(one) for iteration in experiment.iterations for one in iteration.metrics)
    ]
