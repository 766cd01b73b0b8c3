"""From a flag-scoped experiment's results to what its page shows: the anytime verdict, figures, tables, health."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup

from assay.analysis.estimates import IS_BASELINE, MINIMUM_LIFT, POWER
from assay.analysis.experiment_results import MetricLabel
from assay.analysis.results import AnytimeComparison, Estimated, FlagExperimentResults, Health, VariationTotal
from assay.dashboard.figures import (
    Axis,
    Bounds,
    Line,
    axis_figure,
    common_axis,
    interval_figure,
    trend_figure,
)
from assay.dashboard.numbers import p_value, percent, whole
from assay.dashboard.results_view import ArmRow, CheckRow, Share, TableFigure
from assay.dashboard.running import MISMATCH_P_VALUE
from assay.dashboard.verdicts import (
    Headline,
    Tone,
    effect_words,
    figure,
    interval_words,
    lift_words,
    sentence,
    values_words,
)
from assay.experiments.metric import Metric
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.sample_ratio import SampleRatio


@dataclass(frozen=True, slots=True)
class FlagResultsView:
    """Everything the page shows of results, as text and figures."""

    headline: Headline
    units: str
    shares: tuple[Share, ...]
    scale: Markup
    rows: tuple[ArmRow, ...]
    overall: str
    needed: str
    trend: TableFigure | None
    checks: tuple[CheckRow, ...]
    faults: tuple[CheckRow, ...]
    counted_through_ms: int | None
    better: str


@dataclass(frozen=True, slots=True)
class Named:
    """What results don't hold: the variations' names, the baseline, the metric."""

    names: tuple[str, ...]
    baseline: int
    metric: Metric

    @property
    def label(self) -> MetricLabel:
        """The metric as other pages word its figures."""
        one = self.metric
        return MetricLabel(
            one.key, one.name, one.version, "primary", one.value_of, "mean", one.lower_is_better, one.unit
        )


def flag_results_view(results: FlagExperimentResults, named: Named) -> FlagResultsView:
    axis = common_axis(
        [
            (one.lift_interval.lower, one.lift_interval.upper)
            for one in results.anytime.comparisons
            if isinstance(one, AnytimeComparison) and isinstance(one.lift_interval, Interval)
        ]
    )
    checks = tuple(_checks(results))
    exposed = sum(total.exposed for total in results.totals)
    return FlagResultsView(
        headline=_headline(results, named, checks),
        units=whole(exposed),
        shares=tuple(
            Share(index, name, whole(total.exposed), percent(total.exposed / max(1, exposed)), "")
            for index, (name, total) in enumerate(zip(named.names, results.totals, strict=True))
        ),
        scale=axis_figure(axis),
        rows=tuple(_row(results, named, index, axis) for index in range(len(named.names))),
        overall=_overall(results, named),
        needed=_needed(results.totals),
        trend=_trend(results, named),
        checks=checks,
        faults=tuple(check for check in checks if check.tone in ("bad", "warn")),
        counted_through_ms=results.counted_through_ms,
        better="lower is better" if named.metric.lower_is_better else "higher is better",
    )


def _verdict(compared: AnytimeComparison | NotEstimable, named: Named) -> tuple[str, Tone]:
    if isinstance(compared, NotEstimable):
        return ("baseline" if compared == IS_BASELINE else f"can't be said: {compared.reason}"), "quiet"
    if not compared.is_significant:
        return "not yet", "quiet"
    is_gain = (compared.effect > 0) != named.metric.lower_is_better
    return ("better", "good") if is_gain else ("worse", "bad")


def _row(results: FlagExperimentResults, named: Named, index: int, axis: Axis) -> ArmRow:
    total, compared = results.totals[index], results.anytime.comparisons[index]
    is_baseline, label = index == named.baseline, named.label
    verdict, tone = _verdict(compared, named)
    row = ArmRow(
        index=index,
        name=named.names[index],
        is_baseline=is_baseline,
        units=whole(total.exposed),
        value=figure(total.measured.rate, label),
        value_interval=values_words(total.measured.interval, label),
        verdict=verdict,
        tone=tone,
        drawn=interval_figure(axis, None, None, "quiet", f"{named.names[index]}: {verdict}"),
    )
    if is_baseline or isinstance(compared, NotEstimable):
        return row
    interval, lift = compared.lift_interval, compared.lift
    said = f"{label.name}, {row.name}: lift {lift_words(lift)}, {interval_words(interval)}, {verdict}"
    bounds: Bounds | None = (interval.lower, interval.upper) if isinstance(interval, Interval) else None
    point = lift if isinstance(lift, float) else None
    return replace(
        row,
        drawn=interval_figure(axis, bounds, point, tone, said),
        lift=lift_words(lift),
        lift_interval=interval_words(interval),
        effect=effect_words(compared.effect, label),
        p_value=p_value(compared.p_value),
        fixed=lift_words(total.lift),
        fixed_p_value=_p_words(total.p_value),
    )


def _headline(results: FlagExperimentResults, named: Named, checks: tuple[CheckRow, ...]) -> Headline:
    """What it says; a decisive fault comes before every number."""
    broken = next((check for check in checks if check.tone == "bad"), None)
    if broken:
        return Headline("Don't trust these numbers yet", broken.advice, "bad")
    if not results.buckets:
        text = "The first evaluation of the flag by an SDK will show here within seconds."
        return Headline("Waiting for the first units", text, "accent")
    sign = -1 if named.metric.lower_is_better else 1
    found = [
        (sign * one.effect, index, one)
        for index, one in enumerate(results.anytime.comparisons)
        if isinstance(one, AnytimeComparison) and index != named.baseline
    ]
    certain = [entry for entry in found if entry[2].is_significant]
    if certain:
        gain, index, compared = max(certain, key=lambda entry: entry[0])
        if gain > 0:
            return Headline(f"{named.names[index]} is better", _evidence(named, compared), "good")
        if len(certain) == len(found):
            names = " and ".join(named.names[index] for _, index, _ in certain)
            words = f"{names} {'is' if len(certain) == 1 else 'are'} worse"
            return Headline(words, _evidence(named, compared), "bad")
    return Headline("Not yet", f"{named.metric.name}: no verdict so far. {_needed(results.totals)}", "accent")


def _evidence(named: Named, compared: AnytimeComparison) -> str:
    text = f"{named.metric.name} {lift_words(compared.lift)}"
    if isinstance(compared.lift_interval, Interval):
        text += f" ({interval_words(compared.lift_interval)})"
    else:
        text = f"{named.metric.name} {effect_words(compared.effect, named.label)}"
    return f"{text}, valid however often you look."


def _overall(results: FlagExperimentResults, named: Named) -> str:
    """The fixed-horizon test over all variations: what the first clients were told."""
    overall = results.overall
    if isinstance(overall.p_value, NotEstimable):
        return f"Over all variations, at a fixed horizon: {overall.p_value.reason}."
    text = f"Over all variations, at a fixed horizon: p-value {p_value(overall.p_value)}"
    if not overall.sample_size_met:
        return f"{text}; a winner is named when every variation has its sample size."
    if overall.winner is None:
        return f"{text}; no variation has won."
    return f"{text}; {named.names[overall.winner]} has won."


def _needed(totals: tuple[VariationTotal, ...]) -> str:
    sizes = [total.sample_size for total in totals if not isinstance(total.sample_size, NotEstimable)]
    if not sizes:
        return ""
    size = max(sizes)
    missing = sum(max(0, size - total.exposed) for total in totals)
    wanted = f"to find a lift of {percent(MINIMUM_LIFT, 0)} with {percent(POWER, 0)} power"
    each = f"{whole(size)} units in each variation {wanted}"
    return f"{each}: {whole(missing)} missing." if missing else f"{each}: reached."


def _trend(results: FlagExperimentResults, named: Named) -> TableFigure | None:
    """Lift so far over time, from each bucket's values so far, which stand in the table."""
    if len(results.buckets) < 2:
        return None
    columns = [[row[index].so_far.rate for row in results.series] for index in range(len(named.names))]
    lifts = [
        [_lift(own, base) for own, base in zip(column, columns[named.baseline], strict=True)]
        for column in columns
    ]
    lines = [
        Line(index, name, tuple(lifts[index]), (None,) * len(results.buckets))
        for index, name in enumerate(named.names)
        if index != named.baseline
    ]
    rows = tuple(
        (
            str(at_ms),
            *(_cell(results, named, number, index, lifts[index][number]) for index in range(len(columns))),
        )
        for number, at_ms in enumerate(results.buckets)
    )
    head = ("From", *named.names)
    drawn = trend_figure(results.buckets, lines, f"Lift of {named.metric.name} so far, over time")
    return TableFigure(drawn, head, rows)


def _cell(results: FlagExperimentResults, named: Named, number: int, index: int, lift: float | None) -> str:
    so_far = results.series[number][index].so_far
    text = f"{figure(so_far.rate, named.label)} ({values_words(so_far.interval, named.label)})"
    return text if index == named.baseline or lift is None else f"{text}, lift {lift_words(lift)}"


def _lift(own: Estimated, base: Estimated) -> float | None:
    if isinstance(own, NotEstimable) or isinstance(base, NotEstimable) or base <= 0:
        return None
    return (own - base) / base


def _checks(results: FlagExperimentResults) -> Iterator[CheckRow]:
    yield _sample_ratio(results.anytime.sample_ratio)
    seen = results.metric_seen_ms is not None
    yield _check(
        "Events arrive",
        0 if seen else 1,
        "" if seen else "No event of the metric arrived from anybody. Compare its key with Live events.",
        "Whether any event of the metric arrived.",
        counts=False,
    )
    yield from _counted(results.health)


def _counted(health: Health) -> Iterator[CheckRow]:
    for name, count, advice, looked_at in (
        (
            "Each unit sees one variation",
            health.multiple_variations,
            "They are left out. Shares or rules were changed while it ran, or another application evaluates the flag.",
            "Units that were exposed to several variations.",
        ),
        (
            "Evaluations name the unit",
            health.unit_missing,
            "They count for nobody. The context that the SDK is given lacks the kind that is randomized.",
            "Evaluations without the randomized unit.",
        ),
        (
            "Evaluations are randomized",
            health.not_randomized,
            "A rule or target gave them one variation on purpose: they may differ from others in more than the flag.",
            "Evaluations that no rollout spread.",
        ),
        (
            "Events carry a value",
            health.value_missing,
            "They don't count. The track call passes no metric value.",
            "Events of a numeric metric without a value.",
        ),
        (
            "Clocks are right",
            health.clock_skew,
            "A device's clock is wrong; what it sends counts at the time it says.",
            "Events whose time is far from when they arrived.",
        ),
    ):
        yield _check(name, count, advice, looked_at)


def _check(name: str, count: int, advice: str, looked_at: str, *, counts: bool = True) -> CheckRow:
    status, tone = ("warning", "warn") if count else ("ok", "good")
    return CheckRow(
        name, "", status, tone, whole(count) if counts else "", advice if count else "", looked_at
    )


def _sample_ratio(ratio: SampleRatio | NotEstimable) -> CheckRow:
    name, looked_at = (
        "Units arrive in their planned shares",
        "Units in each variation against the rollout's shares.",
    )
    if isinstance(ratio, NotEstimable):
        return CheckRow(name, "", "unknown", "", "", "", sentence(ratio.reason))
    shown = f"p-value {p_value(ratio.p_value)}"
    if ratio.p_value >= MISMATCH_P_VALUE:
        return CheckRow(name, "", "ok", "good", shown, "", looked_at)
    advice = (
        "Units don't arrive in their planned shares. Something loses units of one variation more than of others: "
        "look at which platforms and which versions of the application send them."
    )
    return CheckRow(name, "", "failed", "bad", shown, advice, looked_at)


def _p_words(value: Estimated) -> str:
    return "–" if isinstance(value, NotEstimable) else p_value(value)
