"""The river of an iteration: exposures, unit values, moments, estimates, and what they say all together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.analysis.arms import UnitTable
from assay.analysis.checks import Arrived, Evaluations, exposure_checks, imbalance_checks, metric_checks
from assay.analysis.comparisons import OUT_OF_RANGE
from assay.analysis.decisions import decisions
from assay.analysis.experiment_results import (
    Check,
    Estimator,
    FailedMetric,
    IterationResults,
    MetricLabel,
    MetricResults,
    Provenance,
    Role,
)
from assay.analysis.iterations import Funnel, IterationPromise, Measured, Missing, Question
from assay.analysis.judging import Moment, judged
from assay.analysis.measuring import EventTable, measured_events, measured_units
from assay.analysis.measuring import Measured as MeasuredMetric
from assay.analysis.needs import Pace
from assay.analysis.provenance import METHODS, RecordedSnapshot, versions
from assay.analysis.trends import Buckets, buckets_of
from assay.experiments.experiment import FALLTHROUGH
from assay.experiments.metric import Metric
from assay.stats.estimate import NotEstimable
from assay.stats.moments import InvalidMomentsError
from assay.stats.sample_ratio import SampleRatio, sample_ratio
from assay.warehouse.engine import Engine, Snapshot, whole
from assay.warehouse.queries.arrivals import (
    ExposureArrivals,
    MetricArrivals,
    exposure_arrivals,
    metric_arrivals,
)
from assay.warehouse.queries.exposed_units import OWN_EVENTS, ExposedUnits, exposed_units
from assay.warehouse.queries.exposures import evaluations
from assay.warehouse.queries.unit_values import (
    event_values,
    funnel_steps,
    step_events,
    unit_values,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """One question: its metrics (a funnel's steps), or why there are none; and what came in for them."""

    metrics: tuple[MeasuredMetric | FailedMetric, ...]
    arrivals: tuple[tuple[MetricLabel, MetricArrivals], ...]


def analyse_iteration(promise: IterationPromise, engine: Engine) -> IterationResults:
    """The results of all metrics of an iteration: the same inputs always give the same."""
    with engine.snapshot() as snapshot:
        recorded = RecordedSnapshot(snapshot)
        exposed = exposed_units(recorded, promise.scope, slice_by=promise.slice_by)
        arrived = _arrived(promise, exposed)
        queries = {"exposures": recorded.taken()}
        buckets = _buckets(arrived.exposures)
        answered = []
        for question in promise.questions:
            answered.append(_answered(question, promise, exposed, buckets))
            queries[_purpose(question)] = recorded.taken()
    metrics = _judged_all(answered, promise, arrived)
    found = tuple(one for one in metrics if isinstance(one, MetricResults))
    came = [pair for one in answered for pair in one.arrivals]
    checks = [*exposure_checks(promise, arrived), *_checks(came), *imbalance_checks(found)]
    received = [arrived.exposures.received_ms, *(one.received_ms for _, one in came)]
    return IterationResults(
        iteration_id=promise.iteration_id,
        start_ms=_start(promise),
        end_ms=promise.ended_ms,
        as_of_ms=promise.as_of_ms,
        counted_through_ms=max((at for at in received if at is not None), default=None),
        arms=promise.arms,
        exposed=arrived.exposed,
        plan=promise.plan,
        sample_ratio=arrived.sample_ratio,
        metrics=metrics,
        seen_ms={label.key: one.last_ms for label, one in came if one.last_ms is not None},
        decisions=decisions(promise.design, metrics, checks),
        checks=tuple(checks),
        provenance=Provenance(queries, METHODS, versions()),
    )


def _start(promise: IterationPromise) -> int:
    return max(promise.started_ms, promise.scope.from_ms)


def _purpose(question: Question) -> str:
    if isinstance(question, Measured):
        return f"metric:{question.metric.key}"
    return f"{'group' if isinstance(question, Funnel) else 'metric'}:{question.key}"


def _arrived(promise: IterationPromise, units: ExposedUnits) -> Arrived:
    counts = units.counts()
    exposed = tuple(counts[arm.variation] if arm.variation >= 0 else 0 for arm in promise.arms)
    return Arrived(
        exposed=exposed,
        left_out=units.left_out,
        exposures=exposure_arrivals(units.snapshot, promise.scope),
        evaluations=_evaluations(promise, units.snapshot),
        sample_ratio=_sample_ratio(promise, exposed),
    )


def _sample_ratio(promise: IterationPromise, exposed: tuple[int, ...]) -> SampleRatio | NotEstimable:
    if len(promise.arms) < 2:
        return NotEstimable("there is one arm only")
    shares = np.array([arm.share for arm in promise.arms])
    return sample_ratio(exposed, tuple((shares / shares.sum()).tolist()))


def _evaluations(promise: IterationPromise, snapshot: Snapshot) -> Evaluations:
    rows = snapshot.columns(evaluations(promise.scope))
    events, rule = whole(rows["events"]), promise.scope.rule
    if rule == FALLTHROUGH:
        here = np.array([kind == "FALLTHROUGH" for kind in rows["reason_kind"]], dtype=bool)
    else:
        here = np.array([place == rule for place in rows["rule_id"]], dtype=bool)
    outside = ~np.asarray(rows["in_experiment"], dtype=bool)
    return Evaluations(
        total=int(events.sum()),
        unit_missing=int(whole(rows["unit_missing"]).sum()),
        at_the_rule=int(events[here].sum()),
        not_in_experiment=int(events[here & outside].sum()),
        skewed=int(whole(rows["skewed"]).sum()),
    )


def _buckets(seen: ExposureArrivals) -> Buckets | None:
    if seen.first_ms is None or seen.last_ms is None:
        return None
    return buckets_of(seen.first_ms, seen.last_ms)


def _answered(
    question: Question, promise: IterationPromise, exposed: ExposedUnits, buckets: Buckets | None
) -> _Answered:
    """One question; whatever is wrong with its numbers stays with it."""
    if isinstance(question, Missing):
        label = MetricLabel(question.key, question.key, 0, question.role, "", "mean", False)
        return _Answered((FailedMetric(label, NotEstimable(question.reason)),), ())
    labels = _labels(question)
    try:
        metrics: tuple[MeasuredMetric | FailedMetric, ...] = _measured(
            question, labels, promise, exposed, buckets
        )
    except InvalidMomentsError:
        metrics = tuple(FailedMetric(label, OUT_OF_RANGE) for label in labels)
    return _Answered(metrics, tuple(_came(question, labels, promise, exposed, buckets)))


def _came(
    question: Measured | Funnel,
    labels: tuple[MetricLabel, ...],
    promise: IterationPromise,
    exposed: ExposedUnits,
    buckets: Buckets | None,
) -> Iterator[tuple[MetricLabel, MetricArrivals]]:
    """What came in for what was measured last, whose events the snapshot keeps."""
    since = promise.started_ms if buckets is None else buckets.first * buckets.width_ms
    kept = (
        [(metric, step_events(number)) for number, metric in enumerate(question.steps, 1)]
        if isinstance(question, Funnel)
        else [(question.metric, OWN_EVENTS)]
    )
    for label, (metric, table) in zip(labels, kept, strict=True):
        yield label, metric_arrivals(exposed, metric.measure, table, since)


def _labels(question: Measured | Funnel) -> tuple[MetricLabel, ...]:
    if isinstance(question, Measured):
        return (_label(question.metric, question.role, question.group),)
    last = len(question.steps)
    return tuple(
        # The whole funnel is judged by its last step; the others say where units are lost.
        _label(metric, question.role if step == last else "secondary", question.key, step)
        for step, metric in enumerate(question.steps, 1)
    )


def _label(metric: Metric, role: Role, group: str = "", step: int | None = None) -> MetricLabel:
    estimators: dict[str, Estimator] = {"ratio": "ratio", "percentile": "percentile"}
    kind = metric.value_of
    return MetricLabel(
        key=metric.key,
        name=metric.name,
        version=metric.version,
        role=role,
        kind=kind,
        estimator=estimators.get(kind, "mean"),
        lower_is_better=metric.lower_is_better,
        unit=metric.unit,
        group=group,
        step=step,
    )


def _measured(
    question: Measured | Funnel,
    labels: tuple[MetricLabel, ...],
    promise: IterationPromise,
    exposed: ExposedUnits,
    buckets: Buckets | None,
) -> tuple[MeasuredMetric, ...]:
    if isinstance(question, Funnel):
        return _funnel(question, labels, promise, exposed, buckets)
    metric, arms = question.metric, len(promise.arms)
    if labels[0].estimator == "percentile":
        events = event_values(exposed, metric)
        kept, arm = _by_arm(promise, events.variation)
        table = EventTable(arm, events.unit[kept], events.value[kept], _some(events.slice, kept))
        return (measured_events(labels[0], table, arms, (metric.percentile_value or 50) / 100),)
    found = unit_values(exposed, metric, covariate_days=promise.plan.covariate_days)
    kept, arm = _by_arm(promise, found.variation)
    units = UnitTable(
        arm=arm,
        value=found.value[kept],
        denominator=None if found.denominator is None else found.denominator[kept],
        covariate=None if found.covariate is None else found.covariate[kept],
        first_exposed_ms=found.first_exposed_ms[kept],
        slice=_some(found.slice, kept),
    )
    is_share = metric.value_of == "conversion" and bool(np.isin(units.value, (0.0, 1.0)).all())
    return (measured_units(labels[0], units, arms, buckets=buckets, is_share=is_share),)


def _funnel(
    question: Funnel,
    labels: tuple[MetricLabel, ...],
    promise: IterationPromise,
    exposed: ExposedUnits,
    buckets: Buckets | None,
) -> tuple[MeasuredMetric, ...]:
    """Each step as the share of all exposed units that passed it and all before: whoever was randomized counts."""
    found = funnel_steps(exposed, question.steps)
    kept, arm = _by_arm(promise, found.variation)
    times, names, steps = found.first_exposed_ms[kept], _some(found.slice, kept), found.steps[kept]
    return tuple(
        measured_units(
            label,
            UnitTable(arm, (steps >= step).astype(np.float64), first_exposed_ms=times, slice=names),
            len(promise.arms),
            buckets=buckets,
            is_share=True,
        )
        for step, label in enumerate(labels, 1)
    )


def _by_arm(
    promise: IterationPromise, variation: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The rows of units in some arm, and their arms' positions."""
    position = np.full(promise.scope.variations, -1, dtype=np.int64)
    for index, arm in enumerate(promise.arms):
        if arm.variation >= 0:
            position[arm.variation] = index
    found = position[variation]
    kept = np.flatnonzero(found >= 0)
    return kept, found[kept]


def _some(column: NDArray[np.object_] | None, kept: NDArray[np.intp]) -> NDArray[np.object_] | None:
    return None if column is None else column[kept]


def _judged_all(
    answered: list[_Answered], promise: IterationPromise, arrived: Arrived
) -> tuple[MetricResults | FailedMetric, ...]:
    """Judged all together, and in their order again."""
    metrics = [metric for one in answered for metric in one.metrics]
    seen = arrived.exposures
    elapsed = 0 if seen.first_ms is None or seen.last_ms is None else seen.last_ms - seen.first_ms
    moment = Moment(promise.is_over, Pace(sum(arrived.exposed), elapsed))
    measured = [metric for metric in metrics if isinstance(metric, MeasuredMetric)]
    results = iter(judged(measured, promise.design, moment))
    return tuple(metric if isinstance(metric, FailedMetric) else next(results) for metric in metrics)


def _checks(came: list[tuple[MetricLabel, MetricArrivals]]) -> Iterator[Check]:
    for label, one in came:
        yield from metric_checks(label, one)
