"""All metadata in memory: frozen records in dictionaries that are replaced, never changed, so readers need no lock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from assay.errors import NotFound
from assay.experiments.experiment import Experiment, experiment_address
from assay.experiments.flag_scoped import FlagExperiments
from assay.experiments.holdouts import Holdout, holdout_address
from assay.experiments.layers import Layer, layer_address
from assay.experiments.metric import Metric
from assay.experiments.metric_group import MetricGroup
from assay.experiments.units import ExperimentationSettings, settings_address
from assay.flags.model import Flag
from assay.flags.segment import Segment
from assay.store.records import ContextKind, Environment, Member, Project, Reset, Role, Token, Webhook

Address = tuple[str, str, str]  # kind, project key ("" for none), key

TYPES: dict[str, type[msgspec.Struct]] = {
    "project": Project,
    "flag": Flag,
    "segment": Segment,
    "contextKind": ContextKind,
    "metric": Metric,
    "metric_version": Metric,
    "metric_group": MetricGroup,
    "metric_group_version": MetricGroup,
    "experiments": FlagExperiments,
    "experiment": Experiment,
    "layer": Layer,
    "holdout": Holdout,
    "experimentation_settings": ExperimentationSettings,
    "token": Token,
    "member": Member,
    "role": Role,
    "webhook": Webhook,
}
NO_EXPERIMENTS = FlagExperiments()


@dataclass(frozen=True, slots=True)
class State:
    """A moment of the metadata. `resets` are by environment id, flag and metric."""

    records: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    resets: Mapping[tuple[str, str, str], Reset] = field(default_factory=dict)

    def all(self, kind: str, project: str = "") -> Mapping[str, Any]:
        """Every record of a kind by key, in the order they were made."""
        return self.records.get((kind, project), {})

    def find(self, address: Address) -> Any:
        """The record, or None."""
        kind, project, key = address
        return self.all(kind, project).get(key)

    def with_record(self, address: Address, record: Any) -> "State":
        """The state with the record put, or taken out where it is None."""
        kind, project, key = address
        shelf = dict(self.all(kind, project))
        shelf.pop(key, None) if record is None else shelf.__setitem__(key, record)
        return replace(self, records={**self.records, (kind, project): shelf})

    def project(self, key: str) -> Project:
        project: Project = self._found(("project", "", key), "project")
        return project

    def environment(self, project: str, key: str) -> Environment:
        environment = self.project(project).environment(key)
        if environment is None:
            raise NotFound(f"Unknown environment key {key!r}")
        return environment

    def flag(self, project: str, key: str) -> Flag:
        self.project(project)
        flag: Flag = self._found(("flag", project, key), "flag")
        return flag

    def segments(self, project: str, environment: str) -> Mapping[str, Segment]:
        """An environment's segments by key."""
        return self.all("segment", segments_shelf(project, environment))

    def segment(self, project: str, environment: str, key: str) -> Segment:
        self.environment(project, environment)
        segment: Segment = self._found(("segment", segments_shelf(project, environment), key), "segment")
        return segment

    def metric(self, project: str, key: str) -> Metric:
        self.project(project)
        metric: Metric = self._found(("metric", project, key), "metric")
        return metric

    def metric_at(self, project: str, key: str, version: int | None) -> Metric:
        """The metric as it was in a version; as it is without one."""
        metric = self.metric(project, key)
        if version is None or version == metric.version:
            return metric
        found: Metric = self._found(("metric_version", project, f"{key}/{version}"), "metric version")
        return found

    def metric_group(self, project: str, key: str) -> MetricGroup:
        self.project(project)
        group: MetricGroup = self._found(("metric_group", project, key), "metric group")
        return group

    def metric_group_at(self, project: str, key: str, version: int | None) -> MetricGroup:
        """The metric group as it was in a version; as it is without one."""
        group = self.metric_group(project, key)
        if version is None or version == group.version:
            return group
        found: MetricGroup = self._found(("metric_group_version", project, f"{key}/{version}"), "version")
        return found

    def metric_groups(self, project: str) -> Mapping[str, MetricGroup]:
        """Every metric group of a project by key."""
        return self.all("metric_group", project)

    def experiments(self, project: str, flag: str) -> FlagExperiments:
        """The flag's experiments; an empty set where it has none."""
        return self.find(("experiments", project, flag)) or NO_EXPERIMENTS

    def experiment(self, project: str, environment: str, key: str) -> Experiment:
        self.environment(project, environment)
        address = experiment_address(project, environment, key)
        experiment: Experiment | None = self.find(address)
        if experiment is None:
            raise NotFound(f"Unknown experiment key {key!r}")
        return experiment

    def layer(self, project: str, key: str) -> Layer:
        self.project(project)
        layer: Layer = self._found(layer_address(project, key), "layer")
        return layer

    def holdout(self, project: str, environment: str, key: str) -> Holdout:
        self.environment(project, environment)
        holdout: Holdout | None = self.find(holdout_address(project, environment, key))
        if holdout is None:
            raise NotFound(f"Unknown holdout key {key!r}")
        return holdout

    def experimentation_settings(self, project: str) -> ExperimentationSettings:
        """The project's randomization units: "user" until somebody says otherwise."""
        return self.find(settings_address(project)) or ExperimentationSettings()

    def _found(self, address: Address, what: str) -> Any:
        record = self.find(address)
        if record is None:
            raise NotFound(f"Unknown {what} key {address[2]!r}")
        return record


def segments_shelf(project: str, environment: str) -> str:
    """Where an environment's segments are kept; no key holds a slash."""
    return f"{project}/{environment}"
