"""What an analysis of an iteration says, as values: nothing here knows how it is shown.

Arms are in the iteration's order, and every tuple "by arm" has one entry for each; the baseline's own entry in a
comparison says that it is the baseline. Effects are in the metric's unit, lifts fractions of the baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assay.analysis.plans import AnalysisPlan
from assay.analysis.results import Estimated, MaybeInterval
from assay.stats.bayesian import Standing
from assay.stats.decision import Decision
from assay.stats.estimate import NotEstimable
from assay.stats.sample_ratio import SampleRatio

IS_BASELINE = NotEstimable("it is the baseline")

Estimator = Literal["mean", "ratio", "percentile"]
Role = Literal["primary", "secondary", "guardrail"]
Word = Literal["better", "worse", "no_difference_larger_than", "not_yet", "not_estimable"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A treatment of the iteration; `share` is its planned part of the units of all treatments."""

    id: str
    name: str
    variation: int
    share: float
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """A metric in one arm: `units` with a value, their `total`, and its value as seen.

    `value` is a mean, rate, ratio or percentile, `interval` its fixed-horizon one; `adjusted` is the value at the
    covariate's common mean, where there is one. `deviation` is of the units' values.
    """

    units: int
    total: Estimated
    value: Estimated
    interval: MaybeInterval
    deviation: Estimated
    adjusted: Estimated


@dataclass(frozen=True, slots=True)
class Test:
    """One statistic's intervals of effect and lift and its p-value."""

    interval: MaybeInterval
    lift_interval: MaybeInterval
    p_value: Estimated


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says in a word, and why. `bound` is of the lift, or of the effect where there is none."""

    word: Word
    reason: str
    bound: float | None = None
    bound_of: Literal["lift", "effect"] | None = None


@dataclass(frozen=True, slots=True)
class Needed:
    """Units over all treatments for the plan's power to find its minimum lift, and what of them is missing.

    `days` at the pace of the units so far.
    """

    units: int
    missing: int
    days: int | NotEstimable


@dataclass(frozen=True, slots=True)
class Compared:
    """A treatment against the baseline. `alpha` is this comparison's, one of `family_size`.

    `sequential` holds at every look, and `log_e_value` is the same statistic's; `fixed` counts at a planned
    horizon only. `corrected_p_value` is that of the verdict's statistic within its family.
    """

    effect: float
    standard_error: Estimated
    lift: Estimated
    sequential: Test
    log_e_value: Estimated
    fixed: Test
    alpha: float
    family_size: int
    corrected_p_value: Estimated
    verdict: Verdict


Comparisons = tuple[Compared | NotEstimable, ...]


@dataclass(frozen=True, slots=True)
class Covariate:
    """What the pre-period covariate did, by arm; `imbalance` is the arm's mean minus the common one."""

    correlation: tuple[Estimated, ...]
    deviation_ratio: tuple[Estimated, ...]
    imbalance: tuple[float, ...]
    variance_removed: tuple[Estimated, ...]
    imbalance_p_value: Estimated


@dataclass(frozen=True, slots=True)
class Point:
    """A comparison by arm as of the end of a bucket, over the units first exposed until then."""

    at_ms: int
    units: tuple[int, ...]
    values: tuple[Estimated, ...]
    lifts: tuple[Estimated, ...]
    effects: tuple[Estimated, ...]
    lift_bands: tuple[MaybeInterval, ...]
    effect_bands: tuple[MaybeInterval, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """The comparison over time: `granularity` of the buckets, and a point at each one's end."""

    granularity: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bins of the units' values; bin i holds [edges[i], edges[i+1]), the last one its end too. `counts` by arm."""

    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class SliceResults:
    """The comparison within one value of a context attribute; slices share alpha."""

    value: str
    arms: tuple[ArmFigures, ...]
    comparisons: Comparisons


@dataclass(frozen=True, slots=True)
class MetricLabel:
    """Which metric: `version` of its definition in use; of a funnel's steps, `step` counts from 1."""

    key: str
    name: str
    version: int
    role: Role
    kind: str
    estimator: Estimator
    lower_is_better: bool
    unit: str = ""
    group: str = ""
    step: int | None = None


@dataclass(frozen=True, slots=True)
class MetricResults:
    """One metric in all arms. `peeking_errors` by arm: how often the Bayesian rule would name a winner without an
    effect, looked at as often as the trend has points.
    """

    label: MetricLabel
    arms: tuple[ArmFigures, ...]
    comparisons: Comparisons
    needed: tuple[Needed | NotEstimable, ...]
    covariate: Covariate | NotEstimable
    bayesian: tuple[Standing | NotEstimable, ...]
    bayesian_model: Literal["beta", "normal"]
    trend: Trend | NotEstimable
    histogram: Histogram | NotEstimable
    slices: tuple[SliceResults, ...]
    peeking_errors: tuple[Estimated, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedMetric:
    """A metric about which nothing can be said, and why; it costs the others nothing."""

    label: MetricLabel
    reason: NotEstimable


@dataclass(frozen=True, slots=True)
class Check:
    """A health check: what it looked at, its figure beside the threshold, and where it fails, cause and remedy."""

    name: str
    status: Literal["ok", "warning", "failed", "unknown"]
    looked_at: str
    figure: float | None = None
    threshold: float | None = None
    cause: str = ""
    remedy: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query that was asked, and the names of its parameters."""

    sql: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How it was computed: the queries by what they are for, the methods, and what computed it."""

    queries: Mapping[str, tuple[QueryText, ...]]
    methods: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IterationResults:
    """All metrics of one iteration. `end_ms` is absent while it runs; then everything that has arrived counts.

    `exposed` by arm; `decisions` by arm, from the primary metrics and the guardrails. The latest event that
    could count was received at `counted_through_ms`; None without any. `seen_ms`: each metric's latest event, by key.
    """

    iteration_id: str
    start_ms: int
    end_ms: int | None
    as_of_ms: int | None
    counted_through_ms: int | None
    arms: tuple[Arm, ...]
    exposed: tuple[int, ...]
    plan: AnalysisPlan
    sample_ratio: SampleRatio | NotEstimable
    metrics: tuple[MetricResults | FailedMetric, ...]
    seen_ms: Mapping[str, int]
    decisions: tuple[Decision | NotEstimable, ...]
    checks: tuple[Check, ...]
    provenance: Provenance
