"""From an iteration's results to what its page shows: rows, figures and tables, every number as text."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup

from assay.analysis.experiment_results import (
    IS_BASELINE,
    Check,
    Compared,
    Comparisons,
    Covariate,
    FailedMetric,
    IterationResults,
    MetricResults,
    Needed,
    Trend,
)
from assay.analysis.plans import AnalysisPlan
from assay.dashboard.figures import (
    Axis,
    Bounds,
    Line,
    axis_figure,
    common_axis,
    histogram_figure,
    interval_figure,
    trend_figure,
)
from assay.dashboard.numbers import chance, p_value, percent, plain, whole
from assay.dashboard.verdicts import (
    Headline,
    Tone,
    advice,
    check_name,
    compared_words,
    decisive_test,
    effect_words,
    figure,
    headline,
    interval_words,
    lift_words,
    needed_words,
    sentence,
    values_words,
)
from assay.stats.bayesian import Standing
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.multiplicity import Scope

ROLES = {"primary": "primary", "secondary": "", "guardrail": "guardrail"}
STATUS_TONES = {"ok": "good", "warning": "warn", "failed": "bad", "unknown": ""}


@dataclass(frozen=True, slots=True)
class ArmRow:
    """A treatment in the main table; the baseline has nothing that compares. `p_value` is corrected."""

    index: int
    name: str
    is_baseline: bool
    units: str
    value: str
    value_interval: str
    verdict: str
    tone: Tone
    drawn: Markup
    lift: str = ""
    lift_interval: str = ""
    effect: str = ""
    p_value: str = ""
    fixed: str = ""
    fixed_p_value: str = ""


@dataclass(frozen=True, slots=True)
class TableFigure:
    """A figure and the table that holds its numbers."""

    drawn: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A metric: `failure` where nothing can be said of it, and then nothing else."""

    key: str
    name: str
    role: str
    better: str
    group: str
    rows: tuple[ArmRow, ...] = ()
    needed: str = ""
    covariate: str = ""
    trend: TableFigure | None = None
    trend_missing: str = ""
    histogram: TableFigure | None = None
    bayesian: tuple[tuple[str, ...], ...] = ()
    slices: tuple[tuple[str, tuple[ArmRow, ...]], ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class CheckRow:
    name: str
    metric: str
    status: str
    tone: str
    figure: str
    advice: str
    looked_at: str


@dataclass(frozen=True, slots=True)
class Share:
    """How a treatment's units compare with its planned share."""

    index: int
    name: str
    units: str
    share: str
    planned: str


@dataclass(frozen=True, slots=True)
class ResultsView:
    headline: Headline
    units: str
    shares: tuple[Share, ...]
    scale: Markup
    blocks: tuple[Block, ...]
    checks: tuple[CheckRow, ...]
    faults: tuple[CheckRow, ...]
    decisions: tuple[tuple[str, str, tuple[str, ...]], ...]
    counted_through_ms: int | None
    plan: str
    queries: tuple[tuple[str, str], ...]
    methods: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    definitions: tuple[tuple[str, str], ...]


def results_view(results: IterationResults) -> ResultsView:
    """Everything the page shows of results, as text and figures."""
    measured = [one for one in results.metrics if isinstance(one, MetricResults)]
    axis = common_axis([bounds for one in measured for bounds in _lift_bounds(one.comparisons, results.plan)])
    checks = tuple(_check_row(results, check) for check in results.checks)
    order, said = {"primary": 0, "guardrail": 2}, headline(results)
    blocks = sorted(results.metrics, key=lambda one: order.get(one.label.role, 1))
    return ResultsView(
        headline=said,
        units=whole(sum(results.exposed)),
        shares=tuple(_shares(results)),
        scale=axis_figure(axis),
        blocks=tuple(_block(results, one, axis) for one in blocks),
        checks=checks,
        faults=tuple(row for row in checks if row.tone in ("bad", "warn") and row.advice != said.text),
        decisions=tuple(_decisions(results)),
        counted_through_ms=results.counted_through_ms,
        plan=plan_words(results.plan, several=len(results.arms) > 2),
        queries=tuple(_queries(results)),
        methods=tuple(results.provenance.methods.items()),
        versions=tuple(results.provenance.versions.items()),
        definitions=tuple((one.label.key, str(one.label.version)) for one in results.metrics),
    )


def plan_words(plan: AnalysisPlan, *, several: bool) -> str:
    """What was decided beforehand, in a sentence or three."""
    level = percent(1 - plan.alpha, 0 if round(100 * plan.alpha, 6).is_integer() else 1)
    if plan.horizon is None:
        text = f"Open-ended: {level} intervals that hold however often one looks."
    elif plan.always_valid:
        text = f"Planned for {whole(plan.horizon)} units, with {level} intervals that hold at every look before, too."
    else:
        text = f"Planned for {whole(plan.horizon)} units; the verdict counts at that horizon only."
    correction = {
        "bonferroni": "Bonferroni's correction",
        "benjamini-hochberg": "Benjamini and Hochberg's procedure",
    }
    if plan.correction in correction and (several or plan.scope is not Scope.VARIATIONS):
        text += f" {correction[plan.correction]} over {plan.scope.value.replace('-', ' ')}."
    return text


def _shares(results: IterationResults) -> Iterator[Share]:
    everybody = max(1, sum(results.exposed))
    for index, (arm, units) in enumerate(zip(results.arms, results.exposed, strict=True)):
        yield Share(index, arm.name, whole(units), percent(units / everybody), percent(arm.share))


def _lift_bounds(comparisons: Comparisons, plan: AnalysisPlan) -> Iterator[Bounds]:
    for one in comparisons:
        if isinstance(one, Compared):
            interval = decisive_test(one, plan).lift_interval
            if isinstance(interval, Interval):
                yield interval.lower, interval.upper


def _block(results: IterationResults, one: MetricResults | FailedMetric, axis: Axis) -> Block:
    label = one.label
    better = "lower is better" if label.lower_is_better else "higher is better"
    name = f"{label.group} · {label.step}. {label.name}" if label.step else label.name
    if isinstance(one, FailedMetric):
        return Block(
            label.key, name, ROLES[label.role], better, label.group, failure=sentence(one.reason.reason)
        )
    trend = None if isinstance(one.trend, NotEstimable) else _trend(results, one, one.trend)
    return Block(
        key=label.key,
        name=name,
        role=ROLES[label.role],
        better=better,
        group=label.group,
        rows=_rows(results, one, one.comparisons, axis),
        needed=_needed(one, results.plan),
        covariate=_covariate(one.covariate),
        trend=trend,
        trend_missing=sentence(one.trend.reason) if isinstance(one.trend, NotEstimable) else "",
        histogram=None if isinstance(one.histogram, NotEstimable) else _histogram(results, one),
        bayesian=tuple(_bayesian(results, one)),
        slices=tuple((own.value, _sliced(results, one, index, axis)) for index, own in enumerate(one.slices)),
    )


def _rows(
    results: IterationResults, one: MetricResults, comparisons: Comparisons, axis: Axis
) -> tuple[ArmRow, ...]:
    return tuple(
        _row(results, one, index=index, compared=compared, axis=axis, slice_index=None)
        for index, compared in enumerate(comparisons)
    )


def _sliced(results: IterationResults, one: MetricResults, number: int, axis: Axis) -> tuple[ArmRow, ...]:
    return tuple(
        _row(results, one, index=index, compared=compared, axis=axis, slice_index=number)
        for index, compared in enumerate(one.slices[number].comparisons)
    )


def _row(
    results: IterationResults,
    one: MetricResults,
    *,
    index: int,
    compared: Compared | NotEstimable,
    axis: Axis,
    slice_index: int | None,
) -> ArmRow:
    label, arm = one.label, results.arms[index]
    figures = one.arms[index] if slice_index is None else one.slices[slice_index].arms[index]
    verdict, tone = compared_words(compared, label, minimum_lift=results.plan.minimum_lift)
    row = ArmRow(
        index=index,
        name=arm.name,
        is_baseline=arm.is_baseline,
        units=whole(figures.units),
        value=figure(figures.value, label),
        value_interval=values_words(figures.interval, label),
        verdict=verdict,
        tone=tone,
        drawn=interval_figure(axis, None, None, "quiet", f"{arm.name}: {verdict}"),
    )
    return (
        row
        if isinstance(compared, NotEstimable)
        else _with_comparison(row, results.plan, one, compared, axis)
    )


def _with_comparison(
    row: ArmRow, plan: AnalysisPlan, one: MetricResults, compared: Compared, axis: Axis
) -> ArmRow:
    interval = decisive_test(compared, plan).lift_interval
    said = f"{one.label.name}, {row.name}: lift {lift_words(compared.lift)}, {interval_words(interval)}"
    drawn = interval_figure(
        axis, _bounds(interval), _number(compared.lift), row.tone, f"{said}, {row.verdict}"
    )
    return replace(
        row,
        drawn=drawn,
        lift=lift_words(compared.lift),
        lift_interval=interval_words(interval),
        effect=effect_words(compared.effect, one.label),
        p_value=_p_words(compared.corrected_p_value),
        fixed=interval_words(compared.fixed.lift_interval),
        fixed_p_value=_p_words(compared.fixed.p_value),
    )


def _p_words(value: float | NotEstimable) -> str:
    return "–" if isinstance(value, NotEstimable) else p_value(value)


def _needed(one: MetricResults, plan: AnalysisPlan) -> str:
    """What is missing for a verdict on the treatments that have none."""
    open_ones = [
        needed
        for needed, compared in zip(one.needed, one.comparisons, strict=True)
        if needed != IS_BASELINE and not _decided(compared)
    ]
    known = [needed for needed in open_ones if isinstance(needed, Needed)]
    if known:
        return needed_words(max(known, key=lambda needed: needed.missing), plan)
    return needed_words(open_ones[0], plan) if open_ones else ""


def _decided(one: Compared | NotEstimable) -> bool:
    return isinstance(one, Compared) and one.verdict.word in ("better", "worse")


def _covariate(covariate: Covariate | NotEstimable) -> str:
    if isinstance(covariate, NotEstimable):
        return f"No adjustment: {covariate.reason}."
    removed = [value for value in covariate.variance_removed if isinstance(value, float)]
    if not removed:
        return ""
    low, high = percent(min(removed), 0), percent(max(removed), 0)
    share = low if low == high else f"{low} to {high}"
    return (
        f"What units did before their first exposure explains {share} of the variance; "
        "the comparison is adjusted for it."
    )


def _trend(results: IterationResults, one: MetricResults, trend: Trend) -> TableFigure | None:
    if len(trend.points) < 2:
        return None
    times = [point.at_ms for point in trend.points]
    treatments = [index for index, arm in enumerate(results.arms) if not arm.is_baseline]
    lines = [
        Line(
            colour=index,
            name=results.arms[index].name,
            points=tuple(_number(point.lifts[index]) for point in trend.points),
            bands=tuple(_bounds(point.lift_bands[index]) for point in trend.points),
        )
        for index in treatments
    ]
    head = ("Until", *(f"{results.arms[index].name}: lift" for index in treatments))
    rows = tuple(
        (
            str(point.at_ms),
            *(f"{lift_words(point.lifts[i])} ({interval_words(point.lift_bands[i])})" for i in treatments),
        )
        for point in trend.points
    )
    return TableFigure(trend_figure(times, lines, f"Lift of {one.label.name} over time"), head, rows)


def _histogram(results: IterationResults, one: MetricResults) -> TableFigure | None:
    """Nothing for conversions: their two values stand in the first table."""
    histogram = one.histogram
    if isinstance(histogram, NotEstimable) or one.label.kind == "conversion":
        return None
    head = ("Value", *(arm.name for arm in results.arms))
    rows = tuple(
        (f"{plain(low, 3)} to {plain(high, 3)}", *(whole(own[number]) for own in histogram.counts))
        for number, (low, high) in enumerate(zip(histogram.edges, histogram.edges[1:], strict=False))
    )
    drawn = histogram_figure(histogram.edges, histogram.counts, f"Values of {one.label.name} by treatment")
    return TableFigure(drawn, head, rows)


def _bayesian(results: IterationResults, one: MetricResults) -> Iterator[tuple[str, ...]]:
    for arm, standing in zip(results.arms, one.bayesian, strict=True):
        if isinstance(standing, Standing):
            beats = standing.probability_beats_baseline
            lift = standing.lift
            yield (
                arm.name,
                values_words(standing.interval, one.label),
                "baseline"
                if lift is None
                else "–"
                if isinstance(lift, NotEstimable)
                else interval_words(lift.interval),
                chance(standing.probability_best),
                "baseline" if beats is None else chance(beats),
                figure(standing.expected_loss, one.label, 3),
            )


def _check_row(results: IterationResults, check: Check) -> CheckRow:
    shown = ""
    if check.figure is not None:
        shown = plain(check.figure, 3)
        if check.threshold is not None:
            shown += f" (threshold {plain(check.threshold, 3)})"
    names = {one.label.key: one.label.name for one in results.metrics}
    name = check_name(check)
    tone = STATUS_TONES[check.status]
    metric = names.get(check.metric, check.metric)
    return CheckRow(name, metric, check.status, tone, shown, advice(check), sentence(check.looked_at))


def _decisions(results: IterationResults) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for arm, decision in zip(results.arms, results.decisions, strict=True):
        if not isinstance(decision, NotEstimable):
            yield arm.name, decision.verdict.value, tuple(sentence(reason) for reason in decision.reasons)


def _queries(results: IterationResults) -> Iterator[tuple[str, str]]:
    for purpose, texts in results.provenance.queries.items():
        for number, text in enumerate(texts, 1):
            name = purpose if len(texts) == 1 else f"{purpose}, {number} of {len(texts)}"
            yield name, text.sql


def _number(value: float | NotEstimable) -> float | None:
    return value if isinstance(value, float) else None


def _bounds(interval: Interval | NotEstimable) -> Bounds | None:
    return (interval.lower, interval.upper) if isinstance(interval, Interval) else None
