"""The river in code: exposures, metric values, moments, estimates, results."""

from dataclasses import dataclass

from assay.analysis.anytime import anytime
from assay.analysis.estimates import Arm, measured_so_far, measured_within, overall, totals
from assay.analysis.health import Randomized, health_of
from assay.analysis.results import FlagExperimentResults, VariationBucket
from assay.analysis.windows import EARLIEST_MS, Window, granularity_of
from assay.errors import InvalidRequest
from assay.experiments.metric import Measure, Metric
from assay.stats.estimate import NotEstimable
from assay.stats.moments import Moments
from assay.warehouse.engine import Engine
from assay.warehouse.queries.arrivals import exposure_arrivals
from assay.warehouse.queries.exposed_units import OWN_EVENTS, ExposedUnits, exposed_units, keep_events
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.metric_values import event_extent, metric_seen
from assay.warehouse.queries.timeline import Slice, timeline


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to be analysed: a metric on a flag's variations, against a baseline, in a window."""

    environment_id: str
    flag: str
    variations: int
    baseline: int
    metric: Metric
    unit_kind: str
    window: Window
    after_seq: int
    randomized: Randomized
    shares: tuple[float, ...] | NotEstimable


@dataclass(frozen=True, slots=True)
class Extent:
    """Where there is data: its buckets, and when the latest of it arrived."""

    granularity: str
    bucket_ms: int
    buckets: range
    received_ms: int | None


def analyse(promise: Promise, engine: Engine) -> FlagExperimentResults:
    """The results of a flag-scoped experiment: the same inputs always give the same.

    Raises `InvalidRequest` where the metric asks for more than flag-scoped experiments can give.
    """
    measure = _measure(promise.metric)
    with engine.snapshot() as snapshot:
        exposed = exposed_units(snapshot, _scope(promise))
        keep_events(exposed, measure, OWN_EVENTS)
        extent = _extent(exposed, measure)
        slices = timeline(exposed, measure, extent.buckets, extent.bucket_ms)
        health = health_of(exposed, measure, promise.randomized)
        ((seen_ms,),) = snapshot.rows(metric_seen(promise.environment_id, measure))
    arms = [_arm(own) for own in slices]
    rows = totals(promise.metric, arms, promise.baseline)
    return FlagExperimentResults(
        window=promise.window,
        granularity=extent.granularity,
        buckets=tuple(bucket * extent.bucket_ms for bucket in extent.buckets),
        totals=rows,
        series=_series(promise.metric, slices),
        overall=overall(promise.metric, arms, rows, promise.baseline),
        anytime=anytime(
            [[piece.so_far for piece in own] for own in slices], promise.baseline, promise.shares
        ),
        health=health,
        metric_seen_ms=seen_ms,
        counted_through_ms=extent.received_ms,
    )


def _measure(metric: Metric) -> Measure:
    if not metric.plain:
        raise InvalidRequest(
            f"the metric {metric.key!r} asks for more than an experiment of a flag can give: make an experiment "
            "of its own"
        )
    return metric.measure


def _scope(promise: Promise) -> ExposureScope:
    return ExposureScope(
        environment=promise.environment_id,
        flag=promise.flag,
        unit_kind=promise.unit_kind,
        variations=promise.variations,
        start_ms=max(promise.window.start_ms, EARLIEST_MS),
        end_ms=promise.window.end_ms,
        after_seq=promise.after_seq,
    )


def _extent(exposed: ExposedUnits, measure: Measure) -> Extent:
    """From the first exposure to the last event inside the window; nothing without exposures."""
    scope, snapshot = exposed.scope, exposed.snapshot
    seen = exposure_arrivals(snapshot, scope)
    first, last, received = seen.first_ms, seen.last_ms, seen.received_ms
    if first is None or last is None or received is None:
        word, width = granularity_of(scope.start_ms, scope.end_ms)
        return Extent(word, width, range(0), None)
    ((last_event, event_received),) = snapshot.rows(event_extent(scope, measure))
    if last_event is not None:
        last, received = max(last, last_event), max(received, event_received)
    word, width = granularity_of(first, last)
    return Extent(word, width, range(first // width, last // width + 1), received)


def _arm(own: list[Slice]) -> Arm:
    if not own:
        return Arm(0.0, 0, Moments(0, 0.0, 0.0))
    return Arm(own[-1].total, sum(piece.events for piece in own), own[-1].so_far)


def _series(metric: Metric, slices: list[list[Slice]]) -> tuple[tuple[VariationBucket, ...], ...]:
    columns = [_variation_series(metric, own) for own in slices]
    return tuple(zip(*columns, strict=True))


def _variation_series(metric: Metric, own: list[Slice]) -> list[VariationBucket]:
    series, count = [], 0
    for piece in own:
        within = measured_within(metric, piece, count)
        count += piece.events
        series.append(VariationBucket(within, measured_so_far(metric, Arm(piece.total, count, piece.so_far))))
    return series
