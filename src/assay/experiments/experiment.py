"""The experiment: what was promised before anybody looked, iteration by iteration."""

from typing import Literal

import msgspec

FALLTHROUGH = "fallthrough"

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
    """

    rule_id: str = FALLTHROUGH
    flag_config_version: int = 0
    not_in_experiment_variation_id: str = ""
    first_version: int | None = None
    end_version: int | None = None


class LayerSnapshot(msgspec.Struct, frozen=True, rename="camel"):
    """The share of a layer that the iteration held when it started."""

    key: str
    name: str
    reservation_percent: int
    other_reservation_percent: int


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What is decided beforehand: without a horizon (units over all treatments) every look is the only plan."""

    horizon_units: int | None = None
    power: float = 0.8
    minimum_lift: float = 0.05
    covariate_days: int = 7


class Iteration(msgspec.Struct, frozen=True, rename="camel"):
    """One run of an experiment; its definition is frozen when it starts."""

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
    reallocation_frequency_millis: int | None = None
    covariate_id: str = ""
    winning_treatment_id: str = ""
    winning_reason: str = ""
    change_justification: str = ""
    layer_snapshot: LayerSnapshot | None = None
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

    def iteration(self, iteration_id: str) -> Iteration | None:
        return next((one for one in self.iterations if one.id == iteration_id), None)


def experiment_address(project: str, environment: str, key: str) -> tuple[str, str, str]:
    """Where the store keeps an experiment: keys are unique in an environment."""
    return ("experiment", project, f"{environment}/{key}")
