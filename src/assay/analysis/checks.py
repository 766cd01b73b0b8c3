"""Health checks: whether what came in can bear the result, and where it can't, why and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.analysis.experiment_results import Arm, Check, MetricLabel, MetricResults
from assay.analysis.iterations import IterationPromise
from assay.stats.estimate import NotEstimable
from assay.stats.sample_ratio import SampleRatio
from assay.warehouse.queries.arrivals import ExposureArrivals, MetricArrivals

DAY_MS = 86_400_000

MISMATCH = 0.99
IMBALANCE = 0.001
SEVERAL_VARIATIONS = 0.01
UNIT_MISSING = 0.05
SKEWED = 0.01
LATE = 0.1
QUIET_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class Evaluations:
    """The flag's evaluations by the versions that carried the iteration, and what of them doesn't expose."""

    total: int
    unit_missing: int
    at_the_rule: int
    not_in_experiment: int
    skewed: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the checks look at: units by arm and those left out, events, and whether units came in their shares."""

    exposed: tuple[int, ...]
    left_out: int
    exposures: ExposureArrivals
    evaluations: Evaluations
    sample_ratio: SampleRatio | NotEstimable


def exposure_checks(promise: IterationPromise, arrived: Arrived) -> Iterator[Check]:
    """Those of the flag and its exposures."""
    yield _flag_on(promise)
    yield _arriving(promise, arrived.exposures)
    yield _sample_ratio(promise.arms, arrived)
    yield _share(
        "multiple_variations",
        "units seen in several variations, which are left out, of all units",
        arrived.left_out,
        sum(arrived.exposed) + arrived.left_out,
        threshold=SEVERAL_VARIATIONS,
        cause="units change variation: keys are shared or change, or another rule or target serves them too",
        remedy="see that one person keeps one key, and that nothing but the experiment's rule serves the flag",
    )
    seen = arrived.evaluations
    yield _share(
        "unit_missing",
        f"evaluations without a context of kind {promise.scope.unit_kind}",
        seen.unit_missing,
        seen.total,
        threshold=UNIT_MISSING,
        cause="the code evaluates the flag with contexts that lack the randomization unit",
        remedy=f"give the SDK a context of kind {promise.scope.unit_kind}, or a multi-kind one that holds it",
    )
    yield _in_experiment(seen)
    yield _skew("clock_skew", seen.skewed, seen.total)
    yield _late("late_exposures", arrived.exposures.late, arrived.exposures.events)


def metric_checks(label: MetricLabel, came: MetricArrivals) -> Iterator[Check]:
    """Those of one metric's events."""
    yield _seen(label, came)
    yield _share(
        "metric_unit_missing",
        "the metric's events without a context of the randomization unit's kind",
        came.unit_missing,
        came.events,
        threshold=UNIT_MISSING,
        cause="track() is called with another kind of context than the flag is evaluated with",
        remedy="give track() the same context as variation()",
        metric=label.key,
    )
    if came.value_missing:
        yield Check(
            "value_missing",
            "warning",
            "events of exposed units without a number",
            float(came.value_missing),
            0.0,
            "track() is called without a metric value, or with one that is no finite number",
            "pass the number as the metric value",
            label.key,
        )
    yield _skew("metric_clock_skew", came.clock_skew, came.of_exposed, label.key)
    yield _late("late_events", came.late, came.of_exposed, label.key)


def imbalance_checks(metrics: tuple[MetricResults, ...]) -> Iterator[Check]:
    """Whether the arms were alike before they were exposed."""
    for found in metrics:
        if isinstance(found.covariate, NotEstimable):
            continue
        p_value = found.covariate.imbalance_p_value
        if isinstance(p_value, NotEstimable):
            continue
        fails = p_value < IMBALANCE
        yield Check(
            "pre_period_imbalance",
            "warning" if fails else "ok",
            "the metric before the exposure, treatments against the baseline: the smallest p-value, corrected",
            p_value,
            IMBALANCE,
            "the arms differed before the experiment: the units are not assigned at random, or by rare chance"
            if fails
            else "",
            "look at the sample ratio, and start a new iteration that reshuffles the units" if fails else "",
            found.label.key,
        )


def _flag_on(promise: IterationPromise) -> Check:
    runs = promise.as_of_ms is not None
    if promise.flag_is_on or not runs:
        return Check("flag_on", "ok", "whether the flag is on while the iteration runs")
    return Check(
        "flag_on",
        "failed",
        "whether the flag is on while the iteration runs",
        cause="the flag is off, so that nobody is assigned a treatment",
        remedy="turn the flag on, or stop the iteration",
    )


def _arriving(promise: IterationPromise, seen: ExposureArrivals) -> Check:
    looked_at = "days since the last exposure"
    if seen.last_ms is None:
        return Check(
            "exposures_arriving",
            "failed",
            looked_at,
            cause="no evaluation of the flag has been counted in this iteration",
            remedy="see that an SDK with this environment's key evaluates the flag, sends events, "
            "and can hold a rollout of kind experiment",
        )
    if promise.as_of_ms is None:
        return Check("exposures_arriving", "ok", looked_at)
    days = max(0.0, (promise.as_of_ms - seen.last_ms) / DAY_MS)
    quiet = days > QUIET_DAYS
    return Check(
        "exposures_arriving",
        "warning" if quiet else "ok",
        looked_at,
        days,
        QUIET_DAYS,
        "exposures came in before, and don't now" if quiet else "",
        "see whether the code still evaluates the flag and its events still arrive" if quiet else "",
    )


def _sample_ratio(arms: tuple[Arm, ...], arrived: Arrived) -> Check:
    looked_at = "probability that units don't arrive in the shares planned; valid at every look"
    ratio = arrived.sample_ratio
    if isinstance(ratio, NotEstimable):
        return Check("sample_ratio", "unknown", looked_at, cause=ratio.reason)
    fails = ratio.mismatch_probability >= MISMATCH
    total = sum(arrived.exposed)
    figures = zip(arms, arrived.exposed, strict=True)
    shares = ", ".join(f"{arm.name} {units / total:.2%} of {arm.share:.2%}" for arm, units in figures)
    return Check(
        "sample_ratio",
        "failed" if fails else "ok",
        looked_at,
        ratio.mismatch_probability,
        MISMATCH,
        f"units arrive in other shares than planned: {shares}" if fails else "",
        "don't trust the results: look for what loses or repeats units in one arm (redirects, crashes, bots, "
        "events sent in one arm only), mend it and start a new iteration"
        if fails
        else "",
    )


def _in_experiment(seen: Evaluations) -> Check:
    looked_at = "evaluations at the experiment's rule that are not in the experiment"
    if seen.at_the_rule and seen.not_in_experiment == seen.at_the_rule:
        return Check(
            "in_experiment",
            "failed",
            looked_at,
            1.0,
            cause="no evaluation says that it is in the experiment",
            remedy="update the SDK: it must send evaluation reasons and know rollouts of kind experiment",
        )
    if not seen.at_the_rule:
        return Check("in_experiment", "unknown", looked_at)
    return Check("in_experiment", "ok", looked_at, seen.not_in_experiment / seen.at_the_rule)


def _seen(label: MetricLabel, came: MetricArrivals) -> Check:
    looked_at = "events of exposed units at or after their exposure"
    counted = came.of_exposed - came.before_exposure
    if counted:
        return Check("metric_seen", "ok", looked_at, float(counted), metric=label.key)
    if not came.events:
        cause = "no event of this metric has come in since the first exposure"
        remedy = "see that the code calls track() with the metric's event key, or that its page is visited"
    elif came.unit_missing == came.events:
        cause = "none of the metric's events names a unit of the experiment's kind"
        remedy = "give track() the same context as variation()"
    elif came.of_exposed:
        cause = "every event of an exposed unit happened before its first exposure"
        remedy = "see that the flag is evaluated before the event can happen"
    else:
        cause = "none of the metric's events is of a unit that was exposed"
        remedy = "see that variation() and track() get the same context key"
    return Check("metric_seen", "failed", looked_at, 0.0, 1.0, cause, remedy, label.key)


def _skew(name: str, skewed: int, total: int, metric: str = "") -> Check:
    return _share(
        name,
        "events from the future, taken at the time they came in",
        skewed,
        total,
        threshold=SKEWED,
        cause="clocks of clients are ahead",
        remedy="set the clocks of the machines that send them",
        metric=metric,
    )


def _late(name: str, late: int, total: int, metric: str = "") -> Check:
    return _share(
        name,
        "events that came in more than a day after they happened",
        late,
        total,
        threshold=LATE,
        cause="devices send events late, or events were imported",
        remedy="expect figures of the last days to move; wait before the last look",
        metric=metric,
    )


def _share(
    name: str,
    looked_at: str,
    part: int,
    total: int,
    *,
    threshold: float,
    cause: str,
    remedy: str,
    metric: str = "",
) -> Check:
    if total == 0:
        return Check(name, "unknown", looked_at, metric=metric)
    share = part / total
    if share <= threshold:
        return Check(name, "ok", looked_at, share, threshold, metric=metric)
    return Check(name, "warning", looked_at, share, threshold, cause, remedy, metric)
