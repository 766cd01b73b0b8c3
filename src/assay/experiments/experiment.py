"""The experiment: what was promised before anybody looked, iteration by iteration."""

import re
from typing import Literal

import msgspec

from assay.errors import InvalidRequest

FALLTHROUGH = "fallthrough"
DIRECTIONS = ("two-sided", "one-sided")
CORRECTIONS = ("bonferroni", "benjamini-hochberg")
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,12})?")
SCOPES = ("variations", "variations-and-metrics", "metrics")

IterationStatus = Literal["not_started", "running", "stopped"]


class Parameter(msgspec.Struct, frozen=True, rename="camel"):
    """The variation of a flag that a treatment's units get."""

    flag_key: str
    variation_id: str


class Treatment(msgspec.Struct, frozen=True, rename="camel"):
    """One arm. `allocation_percent` is a decimal string, as the wire has it; one treatment is the baseline."""

    name: str
    allocation_percent: str
    id: str = msgspec.field(name="_id", default="")
    baseline: bool = False
    parameters: tuple[Parameter, ...] = ()


class MeasuredBy(msgspec.Struct, frozen=True, rename="camel"):
    """A metric (or a group of them) that an iteration is measured by; `version` is pinned when it starts."""

    key: str
    is_group: bool = False
    primary: bool = False
    guardrail: bool = False
    version: int | None = None


class FlagUse(msgspec.Struct, frozen=True, rename="camel"):
    """The flag's rule that an iteration owns while it runs.

    Flag versions in `[first_version, end_version)` carried the iteration; without an end it still runs.
    `positions`: by id, where the variations stood when it started, as events number them.
    """

    rule_id: str = FALLTHROUGH
    flag_config_version: int = 0
    not_in_experiment_variation_id: str = ""
    first_version: int | None = None
    end_version: int | None = None
    positions: dict[str, int] = {}


class LayerSnapshot(msgspec.Struct, frozen=True, rename="camel"):
    """The share of a layer that the iteration held when it started."""

    key: str
    name: str
    reservation_percent: int
    other_reservation_percent: int


class Slice(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A part of the range of buckets, in thousandths of a percent; without a treatment it is not in the experiment."""

    weight: int
    treatment_id: str = ""


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What is decided beforehand: without a horizon (units over all treatments) every look is the only plan."""

    horizon_units: int | None = None
    power: float = 0.8
    minimum_lift: float = 0.05
    covariate_days: int = 7


class Iteration(msgspec.Struct, frozen=True, rename="camel"):
    """One run of an experiment; its definition is frozen when it starts.

    Units take part that are in all segments of `inside` (the share of a layer) and in none of `outside` (a holdout).
    """

    id: str = msgspec.field(name="_id")
    hypothesis: str
    created_at: int
    status: IterationStatus = "not_started"
    started_at: int | None = None
    ended_at: int | None = None
    can_reshuffle_traffic: bool = True
    randomization_unit: str = "user"
    treatments: tuple[Treatment, ...] = ()
    metrics: tuple[MeasuredBy, ...] = ()
    flags: dict[str, FlagUse] = {}
    attributes: tuple[str, ...] = ()
    seed: int | None = None
    slices: tuple[Slice, ...] = ()
    reallocation_frequency_millis: int | None = None
    covariate_id: str = ""
    winning_treatment_id: str = ""
    winning_reason: str = ""
    change_justification: str = ""
    layer_snapshot: LayerSnapshot | None = None
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    plan: Plan = Plan()
    version: int = 1

    @property
    def baseline(self) -> Treatment | None:
        return next((treatment for treatment in self.treatments if treatment.baseline), None)

    @property
    def primary(self) -> MeasuredBy | None:
        return next((metric for metric in self.metrics if metric.primary), None)


class AnalysisConfig(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """How an experiment is to be judged; decimal strings, as the wire has them."""

    bayesian_threshold: str = "95"
    significance_threshold: str = "0.05"
    test_direction: str = "two-sided"
    multiple_comparison_correction_method: str = ""
    multiple_comparison_correction_scope: str = ""
    sequential_testing_enabled: bool = True


class Experiment(msgspec.Struct, frozen=True, rename="camel"):
    """An experiment in one environment. `iterations` are in the order they were made, a draft last."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    environment_key: str
    creation_date: int = msgspec.field(name="_creationDate")
    maintainer_id: str = msgspec.field(name="_maintainerId", default="")
    description: str = ""
    type: Literal["experiment", "mab", "holdout"] = "experiment"
    methodology: Literal["bayesian", "frequentist", "export_only"] = "frequentist"
    data_source: str = "launchdarkly"
    archived_date: int | None = None
    tags: tuple[str, ...] = ()
    holdout_id: str = ""
    analysis_config: AnalysisConfig = AnalysisConfig()
    iterations: tuple[Iteration, ...] = ()

    @property
    def running(self) -> Iteration | None:
        return next((one for one in self.iterations if one.status == "running"), None)

    @property
    def draft(self) -> Iteration | None:
        return next((one for one in self.iterations if one.status == "not_started"), None)

    @property
    def current(self) -> Iteration | None:
        """The running iteration, or the one that stopped last."""
        started = [one for one in self.iterations if one.status != "not_started"]
        return self.running or (started[-1] if started else None)

    @property
    def archived(self) -> bool:
        return self.archived_date is not None

    def iteration(self, iteration_id: str) -> Iteration | None:
        return next((one for one in self.iterations if one.id == iteration_id), None)


def experiment_address(project: str, environment: str, key: str) -> tuple[str, str, str]:
    """Where the store keeps an experiment: keys are unique in an environment."""
    return ("experiment", project, f"{environment}/{key}")


def check_experiment(experiment: Experiment) -> None:
    """Raises `InvalidRequest` with what is wrong first about the experiment's own fields."""
    if not experiment.name:
        raise InvalidRequest("an experiment's name is not empty")
    if experiment.type == "mab" and experiment.methodology != "bayesian":
        raise InvalidRequest("the methodology of an experiment of type mab is bayesian")
    if experiment.data_source != "launchdarkly":
        raise InvalidRequest("the dataSource is launchdarkly: the events that SDKs send here")
    config = experiment.analysis_config
    for name, value, most in (
        ("bayesianThreshold", config.bayesian_threshold, 100),
        ("significanceThreshold", config.significance_threshold, 0.5),
    ):
        if not PERCENT.fullmatch(value) or not 0 < float(value) < most:
            raise InvalidRequest(f"{name} is a number as text, between 0 and {most}, not {value[:40]!r}")
    if config.test_direction not in DIRECTIONS:
        raise InvalidRequest(f"testDirection is {' or '.join(DIRECTIONS)}")
    if config.multiple_comparison_correction_method not in ("", *CORRECTIONS):
        raise InvalidRequest(f"multipleComparisonCorrectionMethod is {' or '.join(CORRECTIONS)}")
    if config.multiple_comparison_correction_scope not in ("", *SCOPES):
        raise InvalidRequest(f"multipleComparisonCorrectionScope is one of {', '.join(SCOPES)}")
