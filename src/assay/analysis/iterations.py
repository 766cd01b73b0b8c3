"""From an experiment to the promise that an analysis of one of its iterations keeps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from assay.analysis.comparisons import Design
from assay.analysis.experiment_results import Arm, Role
from assay.analysis.plans import AnalysisPlan, analysis_plan
from assay.errors import InvalidRequest, NotFound
from assay.experiments.experiment import Experiment, FlagUse, Iteration, MeasuredBy
from assay.experiments.metric import Metric
from assay.experiments.rollout import telling_flag, treatment_weights, variation_of
from assay.store.state import State
from assay.warehouse.queries.exposures import NO_BEGINNING, ExposureScope

NO_END = 2**62
HOUR_MS = 3_600_000

# An iteration of the store's: project, environment and experiment key, and an iteration's id or "" for the current.
Place = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric that the iteration is measured by, in the version that it pinned; `group`: the group that names it."""

    metric: Metric
    role: Role
    group: str = ""


@dataclass(frozen=True, slots=True)
class Funnel:
    """A funnel that the iteration is measured by, and its steps."""

    key: str
    name: str
    role: Role
    steps: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A metric (or group) that doesn't exist any more."""

    key: str
    role: Role
    reason: str


Question = Measured | Funnel | Missing


@dataclass(frozen=True, slots=True)
class IterationPromise:
    """What is to be analysed: who is exposed to which arm, by which metrics, judged by which plan.

    `as_of_ms`: while it runs, when the hour in which it is asked began, or it itself; `is_over`: it has stopped, and
    its whole time is looked at.
    """

    iteration_id: str
    scope: ExposureScope
    arms: tuple[Arm, ...]
    plan: AnalysisPlan
    questions: tuple[Question, ...]
    started_ms: int
    ended_ms: int | None
    is_over: bool
    as_of_ms: int | None
    flag_is_on: bool
    slice_by: str | None = None

    @property
    def design(self) -> Design:
        """What every comparison shares."""
        baseline = next(index for index, arm in enumerate(self.arms) if arm.is_baseline)
        return Design(self.plan, tuple(arm.share for arm in self.arms), baseline)

    @property
    def identity(self) -> bytes:
        """Equal for equal promises, whatever they are made of."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the asker wants of an iteration: a part of its time, and an attribute to slice by."""

    start_ms: int | None = None
    end_ms: int | None = None
    slice_by: str | None = None


def iteration_promise(
    state: State, place: Place, *, now_ms: int, narrowing: Narrowing | None = None
) -> IterationPromise:
    """Raises `NotFound` for what doesn't exist or never started, `InvalidRequest` for what can't be analysed."""
    asked = narrowing or Narrowing()
    project, environment_key, key, iteration_id = place
    environment = state.environment(project, environment_key)
    experiment = state.experiment(project, environment_key, key)
    iteration = _iteration(experiment, iteration_id)
    flag_key, use = _flag_use(iteration)
    flag = state.flag(project, flag_key)
    positions = use.positions or {one.id: number for number, one in enumerate(flag.variations)}
    end = _end(iteration, asked)
    return IterationPromise(
        iteration_id=iteration.id,
        scope=ExposureScope(
            environment=environment.id,
            flag=flag_key,
            unit_kind=iteration.randomization_unit,
            variations=max(positions.values(), default=-1) + 1,
            start_ms=iteration.started_at or 0,
            end_ms=NO_END if end is None else end,
            after_seq=0,
            versions=(use.first_version or 0, use.end_version),
            rule=use.rule_id,
            in_experiment_only=True,
            from_ms=NO_BEGINNING if asked.start_ms is None else asked.start_ms,
        ),
        arms=_arms(iteration, flag_key, positions),
        plan=analysis_plan(iteration, experiment.analysis_config),
        questions=tuple(_questions(state, project, iteration)),
        started_ms=iteration.started_at or 0,
        ended_ms=end,
        is_over=iteration.status == "stopped" and asked.start_ms is None and end == iteration.ended_at,
        as_of_ms=None if end is not None else max(now_ms // HOUR_MS * HOUR_MS, iteration.started_at or 0),
        flag_is_on=flag.environments[environment_key].on,
        slice_by=asked.slice_by,
    )


def _iteration(experiment: Experiment, iteration_id: str) -> Iteration:
    found = experiment.iteration(iteration_id) if iteration_id else experiment.current
    if found is None and iteration_id:
        raise NotFound(f"Unknown iteration {iteration_id[:60]!r}")
    if found is None or found.status == "not_started":
        raise NotFound(f"The experiment {experiment.key!r} has not been started, so it has no results yet")
    return found


def _flag_use(iteration: Iteration) -> tuple[str, FlagUse]:
    """The flag whose evaluations expose: the first on which each treatment has a variation of its own."""
    key = telling_flag(iteration)
    if key is None:
        raise InvalidRequest("the iteration has no flag that tells its treatments apart")
    return key, iteration.flags[key]


def _end(iteration: Iteration, asked: Narrowing) -> int | None:
    ends = [end for end in (iteration.ended_at, asked.end_ms) if end is not None]
    if asked.start_ms is not None and asked.end_ms is not None and asked.end_ms < asked.start_ms:
        raise InvalidRequest("to lies before from")
    return min(ends) if ends else None


def _arms(iteration: Iteration, flag_key: str, positions: Mapping[str, int]) -> tuple[Arm, ...]:
    """The treatments that get units; the first of them stands in for a baseline that is none of them."""
    weights = treatment_weights(iteration.treatments)
    kept = [one for one in iteration.treatments if weights[one.id] > 0]
    total = sum(weights[one.id] for one in kept)
    if not kept:
        raise InvalidRequest("no treatment gets any units")
    baseline = next((one for one in kept if one.baseline), kept[0])
    return tuple(
        Arm(
            id=one.id,
            name=one.name,
            variation=positions.get(variation_of(one, flag_key), -1),
            share=weights[one.id] / total,
            is_baseline=one is baseline,
        )
        for one in kept
    )


def _questions(state: State, project: str, iteration: Iteration) -> Iterator[Question]:
    """What is asked of the metrics, in the iteration's order, the primary one first; each metric once."""
    seen: set[str] = set()
    for one in sorted(iteration.metrics, key=lambda one: not one.primary):
        for question in _asked(state, project, one):
            key = question.metric.key if isinstance(question, Measured) else f"group/{question.key}"
            if key not in seen:
                seen.add(key)
                yield question


def _asked(state: State, project: str, one: MeasuredBy) -> Iterator[Question]:
    role: Role = "primary" if one.primary else "guardrail" if one.guardrail else "secondary"
    try:
        if not one.is_group:
            yield Measured(state.metric_at(project, one.key, one.version), role)
            return
        group = state.metric_group_at(project, one.key, one.version)
        metrics = tuple(state.metric_at(project, member.key, member.version) for member in group.metrics)
    except NotFound as error:
        yield Missing(one.key, role, str(error))
        return
    if group.kind == "funnel":
        yield Funnel(group.key, group.name, role, metrics)
        return
    for metric in metrics:
        yield Measured(metric, role, group.key)
