"""What an analysis says, as values: nothing here knows how it is shown."""

from dataclasses import dataclass

from assay.analysis.windows import Window
from assay.stats.default_rule import DefaultRule
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.sample_ratio import SampleRatio

Estimated = float | NotEstimable
MaybeInterval = Interval | NotEstimable


@dataclass(frozen=True, slots=True)
class Measured:
    """A variation's metric over some time. `value` and `rate` are in the metric's unit; `rate` is per unit."""

    value: float
    count: int
    rate: Estimated
    interval: MaybeInterval


@dataclass(frozen=True, slots=True)
class VariationTotal:
    """A variation over the whole window; the baseline has neither lift nor p-value."""

    exposed: int
    measured: Measured
    lift: Estimated
    p_value: Estimated
    sample_size: int | NotEstimable


@dataclass(frozen=True, slots=True)
class VariationBucket:
    """A variation in one bucket, and from the window's start to the bucket's end."""

    within: Measured
    so_far: Measured


@dataclass(frozen=True, slots=True)
class Overall:
    """The test over all variations, and the winner's index where there is one."""

    p_value: Estimated
    chi_square: Estimated
    winner: int | None
    sample_size_met: bool


@dataclass(frozen=True, slots=True)
class AnytimeComparison:
    """A treatment against the baseline. `e_value` is of the last look, `p_value` the smallest of all looks."""

    effect: float
    interval: Interval
    lift: Estimated
    lift_interval: MaybeInterval
    p_value: float
    log_e_value: float

    @property
    def is_significant(self) -> bool:
        """Whether the effect's interval leaves out 0 now; the same statistic gives both."""
        return not self.interval.lower < 0 < self.interval.upper


@dataclass(frozen=True, slots=True)
class Anytime:
    """By variation, the baseline's entry saying that it is one; and whether units arrived in their shares."""

    rule: DefaultRule
    comparisons: tuple[AnytimeComparison | NotEstimable, ...]
    sample_ratio: SampleRatio | NotEstimable


@dataclass(frozen=True, slots=True)
class Health:
    """What the numbers leave out or rest on: counts of units (`multiple_variations`) and of events."""

    multiple_variations: int
    unit_missing: int
    not_randomized: int
    value_missing: int
    clock_skew: int


@dataclass(frozen=True, slots=True)
class FlagExperimentResults:
    """Results of one metric on one flag in one environment.

    `buckets` are the start times of the slices; `series[b][v]` is variation `v` in bucket `b`. The latest
    event that could count was received at `counted_through_ms`; None without any.
    """

    window: Window
    granularity: str
    buckets: tuple[int, ...]
    totals: tuple[VariationTotal, ...]
    series: tuple[tuple[VariationBucket, ...], ...]
    overall: Overall
    anytime: Anytime
    health: Health
    metric_seen_ms: int | None
    counted_through_ms: int | None
