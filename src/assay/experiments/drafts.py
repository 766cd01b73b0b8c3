"""From what a caller plans to a draft iteration, and whether it could ever run."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from assay.errors import InvalidRequest, OptimisticLock
from assay.experiments.experiment import PERCENT, FlagUse, Iteration, MeasuredBy, Parameter, Plan, Treatment
from assay.experiments.holdouts import Holdout
from assay.experiments.layers import Layer
from assay.experiments.rollout import rule_of, telling_flag
from assay.experiments.units import ExperimentationSettings
from assay.flags.model import Flag

MOST_TREATMENTS = 50

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class TreatmentInput(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    allocation_percent: str
    parameters: tuple[Parameter, ...]
    baseline: bool = False


class MetricInput(msgspec.Struct, frozen=True, rename="camel"):
    key: str
    is_group: bool = False
    primary: bool = False


class FlagInput(msgspec.Struct, frozen=True, rename="camel"):
    rule_id: str
    flag_config_version: Whole
    not_in_experiment_variation_id: str | None = None


class PlanInput(msgspec.Struct, frozen=True, rename="camel"):
    """What Assay adds to the iteration of other clients: the plan, and which metrics are guardrails."""

    horizon_units: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    power: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.8
    minimum_lift: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 0.05
    covariate_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 7
    guardrails: tuple[str, ...] | None = None


class IterationInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The body that plans an iteration; what is null or absent takes its default."""

    hypothesis: str
    metrics: tuple[MetricInput, ...]
    treatments: tuple[TreatmentInput, ...]
    flags: dict[str, FlagInput]
    can_reshuffle_traffic: bool | None = None
    primary_single_metric_key: str | None = None
    primary_funnel_key: str | None = None
    randomization_unit: str | None = None
    reallocation_frequency_millis: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    covariate_id: str | None = None
    attributes: tuple[str, ...] | None = None
    assay: PlanInput | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an experiment is planned and run among.

    `metrics` has the versions of the project's metrics, `groups` kind and version of its metric groups.
    """

    environment: str
    flags: Mapping[str, Flag]
    metrics: Mapping[str, int]
    groups: Mapping[str, tuple[str, int]]
    settings: ExperimentationSettings
    layers: tuple[Layer, ...]
    holdouts: tuple[Holdout, ...]
    now_ms: int
    new_id: Callable[[], str]
    new_seed: Callable[[], int]


def drafted(
    planned: IterationInput, around: Surroundings, *, kind: Literal["experiment", "mab", "holdout"]
) -> Iteration:
    """A draft of what is planned; `InvalidRequest` where it could not run as it is."""
    flags = {key: _flag_use(use) for key, use in planned.flags.items()}
    draft = Iteration(
        id=around.new_id(),
        hypothesis=planned.hypothesis,
        created_at=around.now_ms,
        can_reshuffle_traffic=planned.can_reshuffle_traffic is not False,
        randomization_unit=planned.randomization_unit or around.settings.default,
        treatments=tuple(_treatment(one) for one in planned.treatments),
        metrics=_metrics(planned, around),
        flags=flags,
        attributes=planned.attributes or (),
        reallocation_frequency_millis=planned.reallocation_frequency_millis,
        covariate_id=planned.covariate_id or "",
        plan=_plan(planned.assay or PlanInput()),
    )
    if kind == "mab" and not draft.reallocation_frequency_millis:
        raise InvalidRequest("an experiment of type mab needs reallocationFrequencyMillis")
    check_runnable(draft, around)
    return draft


def planned_again(iteration: Iteration) -> dict[str, Any]:
    """The body that plans an iteration anew as it was, without what only names its primary metric."""
    metrics = [{"key": one.key, "isGroup": one.is_group, "primary": one.primary} for one in iteration.metrics]
    assay = msgspec.to_builtins(iteration.plan)
    assay["guardrails"] = [one.key for one in iteration.metrics if one.guardrail]
    return {
        "hypothesis": iteration.hypothesis,
        "metrics": metrics,
        "treatments": [msgspec.to_builtins(one) for one in iteration.treatments],
        "flags": {key: msgspec.to_builtins(use) for key, use in iteration.flags.items()},
        "canReshuffleTraffic": iteration.can_reshuffle_traffic,
        "randomizationUnit": iteration.randomization_unit,
        "reallocationFrequencyMillis": iteration.reallocation_frequency_millis,
        "covariateId": iteration.covariate_id,
        "attributes": list(iteration.attributes),
        "assay": assay,
    }


def check_versions(flags: Mapping[str, FlagInput], around: Surroundings) -> None:
    """Raises `OptimisticLock` where a flag is no longer the one that was planned with."""
    for key, use in flags.items():
        flag = _flag(around, key)
        version = flag.environments[around.environment].version
        if use.flag_config_version != version:
            raise OptimisticLock(
                f"the flag {key!r} is at version {version} in {around.environment}, not at "
                f"{use.flag_config_version}: read its environments.{around.environment}.version again"
            )


def check_runnable(iteration: Iteration, around: Surroundings) -> None:
    """Raises `InvalidRequest` where flags, treatments or unit don't fit together."""
    if iteration.randomization_unit not in around.settings.names:
        raise InvalidRequest(
            f"the randomizationUnit {iteration.randomization_unit!r} is none of "
            f"{', '.join(around.settings.names)}; add it to the project's experimentation-settings"
        )
    if not iteration.flags:
        raise InvalidRequest("flags names the flag, or the flags, whose rule the experiment uses")
    for key, use in iteration.flags.items():
        _check_use(_flag(around, key), use, around.environment)
    _check_treatments(iteration, around)


def _flag(around: Surroundings, key: str) -> Flag:
    flag = around.flags.get(key)
    if flag is None:
        raise InvalidRequest(f"there is no flag {key!r} in this project")
    return flag


def _check_use(flag: Flag, use: FlagUse, environment: str) -> None:
    if flag.archived:
        raise InvalidRequest(f"the flag {flag.key!r} is archived; restore it first")
    if rule_of(flag.environments[environment], use.rule_id) is None:
        raise InvalidRequest(
            f"the flag {flag.key!r} has no rule {use.rule_id!r} in {environment}: "
            "ruleId is a rule's _id, or fallthrough"
        )
    if use.not_in_experiment_variation_id:
        _check_variation(flag, use.not_in_experiment_variation_id)


def _check_variation(flag: Flag, variation_id: str) -> None:
    if all(variation.id != variation_id for variation in flag.variations):
        raise InvalidRequest(f"the flag {flag.key!r} has no variation with the _id {variation_id!r}")


def _check_treatments(iteration: Iteration, around: Surroundings) -> None:
    treatments = iteration.treatments
    if not 1 <= len(treatments) <= MOST_TREATMENTS:
        raise InvalidRequest(f"an iteration has 1 to {MOST_TREATMENTS} treatments, not {len(treatments)}")
    if sum(one.baseline for one in treatments) != 1:
        raise InvalidRequest("exactly one treatment has baseline: true")
    for one in treatments:
        _check_parameters(one, iteration, around)
    if telling_flag(iteration) is None:
        raise InvalidRequest(
            "nobody could tell the treatments apart: on one flag at least each needs a variation of its own"
        )
    if sum(Decimal(one.allocation_percent) for one in treatments) > 100:
        raise InvalidRequest("the treatments' allocationPercent add up to 100 at most")


def _check_parameters(one: Treatment, iteration: Iteration, around: Surroundings) -> None:
    percent = one.allocation_percent
    if not PERCENT.fullmatch(percent) or Decimal(percent) > 100:
        raise InvalidRequest(f'allocationPercent is a percentage as text, "0" to "100", not {percent[:40]!r}')
    keys = [parameter.flag_key for parameter in one.parameters]
    if sorted(keys) != sorted(iteration.flags):
        raise InvalidRequest(
            f"the treatment {one.name[:100]!r} needs one parameter, flagKey and variationId, for each of flags"
        )
    for parameter in one.parameters:
        _check_variation(_flag(around, parameter.flag_key), parameter.variation_id)


def _check_metrics(metrics: tuple[MeasuredBy, ...], around: Surroundings) -> None:
    keys = [(one.key, one.is_group) for one in metrics]
    if len(set(keys)) < len(keys):
        raise InvalidRequest("each metric is listed once")
    for one in metrics:
        known = around.groups if one.is_group else around.metrics
        if one.key not in known:
            what = "metric group" if one.is_group else "metric"
            raise InvalidRequest(f"there is no {what} {one.key!r} in this project; create it first")
        if one.is_group and one.primary and around.groups[one.key][0] != "funnel":
            raise InvalidRequest(f"the metric group {one.key!r} is no funnel; a primary group is one")
        if one.primary and one.guardrail:
            raise InvalidRequest(f"the metric {one.key!r} is either the primary one or a guardrail")


def measured(
    given: tuple[MetricInput, ...],
    primary: str | None,
    around: Surroundings,
    *,
    funnel: str | None = None,
    guardrails: tuple[str, ...] = (),
) -> tuple[MeasuredBy, ...]:
    """The metrics, exactly one of them primary; a primary one that the list leaves out comes first."""
    decides = _primary(given, primary, funnel)
    listed = [
        MeasuredBy(one.key, one.is_group, (one.key, one.is_group) == decides, one.key in guardrails)
        for one in given
    ]
    if decides is not None and not any(one.primary for one in listed):
        listed.insert(0, MeasuredBy(decides[0], decides[1], primary=True))
    unknown = set(guardrails) - {one.key for one in listed}
    if unknown:
        raise InvalidRequest(f"the guardrail {min(unknown)!r} is not among metrics")
    metrics = tuple(listed)
    _check_metrics(metrics, around)
    return metrics


def _metrics(planned: IterationInput, around: Surroundings) -> tuple[MeasuredBy, ...]:
    guardrails = (planned.assay and planned.assay.guardrails) or ()
    single, funnel = planned.primary_single_metric_key, planned.primary_funnel_key
    return measured(planned.metrics, single, around, funnel=funnel, guardrails=guardrails)


def _primary(
    given: tuple[MetricInput, ...], single: str | None, funnel: str | None
) -> tuple[str, bool] | None:
    """The primary metric's key, and whether it is a group."""
    if single and funnel:
        raise InvalidRequest("either primarySingleMetricKey or primaryFunnelKey is given, not both")
    if single or funnel:
        return (single, False) if single else (funnel or "", True)
    marked = [(one.key, one.is_group) for one in given if one.primary]
    if len(marked) > 1:
        raise InvalidRequest("one metric is primary")
    if not marked and given:
        raise InvalidRequest("primarySingleMetricKey, or primaryFunnelKey, says which metric decides")
    return marked[0] if marked else None


def _treatment(given: TreatmentInput) -> Treatment:
    return Treatment(
        name=given.name,
        allocation_percent=given.allocation_percent,
        id=_treatment_id(given.parameters),
        baseline=given.baseline,
        parameters=given.parameters,
    )


def _treatment_id(parameters: tuple[Parameter, ...]) -> str:
    """The variation's id; with several flags a name made of their variations, the same in every iteration."""
    if len(parameters) == 1:
        return parameters[0].variation_id
    named = sorted((one.flag_key, one.variation_id) for one in parameters)
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:24]


def _flag_use(given: FlagInput) -> FlagUse:
    return FlagUse(
        rule_id=given.rule_id,
        flag_config_version=given.flag_config_version,
        not_in_experiment_variation_id=given.not_in_experiment_variation_id or "",
    )


def _plan(given: PlanInput) -> Plan:
    return Plan(given.horizon_units, given.power, given.minimum_lift, given.covariate_days)


def pinned(metrics: tuple[MeasuredBy, ...], around: Surroundings) -> tuple[MeasuredBy, ...]:
    """The metrics with the versions that they have now."""
    return tuple(
        replace(one, version=around.groups[one.key][1] if one.is_group else around.metrics[one.key])
        for one in metrics
    )
