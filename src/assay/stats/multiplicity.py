"""Many comparisons at once: adjusted p-values, what they reject, and intervals for what was selected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import nan

import numpy as np
from numpy.typing import NDArray

from assay.stats.distributions import Array
from assay.stats.estimate import NotEstimable

Entry = float | NotEstimable | None
Correction = Callable[[Array], Array]


class Scope(Enum):
    """Which comparisons form one family, in a table of metrics (rows) by treatments (columns)."""

    VARIATIONS = "variations"
    METRICS = "metrics"
    VARIATIONS_AND_METRICS = "variations-and-metrics"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A comparison within its family of `family_size` tests: `rejected` says `p_value` ≤ alpha."""

    p_value: float
    rejected: bool
    family_size: int


def bonferroni(p_values: Array) -> Array:
    """Adjusted p-values m·p along the last axis, at most 1. NaN marks an absent test, which m leaves out.

    Bounds the family-wise error under any dependence. Source: Dunn (1961), JASA 56:52.
    """
    return np.minimum(p_values * _family_size(p_values), 1.0)


def holm(p_values: Array) -> Array:
    """Step-down adjusted p-values along the last axis, never above Bonferroni's; NaN marks an absent test.

    Bounds the family-wise error under any dependence. Source: Holm (1979), Scand. J. Statist. 6:65.
    """
    order = np.argsort(p_values, axis=-1)
    factors = _family_size(p_values) - np.arange(p_values.shape[-1])
    raised = np.maximum.accumulate(np.take_along_axis(p_values, order, -1) * factors, axis=-1)
    return _put_back(np.minimum(raised, 1.0), order)


def benjamini_hochberg(p_values: Array) -> Array:
    """Step-up adjusted p-values along the last axis: min over j ≥ i of m·p_(j)/j; NaN marks an absent test.

    Bounds the false discovery rate of independent or positively dependent tests.
    Source: Benjamini & Hochberg (1995), JRSS B 57:289, section 3.
    """
    order = np.argsort(p_values, axis=-1)
    factors = _family_size(p_values) / np.arange(1, p_values.shape[-1] + 1)
    scaled = (np.take_along_axis(p_values, order, -1) * factors)[..., ::-1]
    lowered = np.fmin.accumulate(scaled, axis=-1)[..., ::-1]
    return _put_back(np.where(np.isnan(scaled[..., ::-1]), np.nan, np.minimum(lowered, 1.0)), order)


def e_benjamini_hochberg(e_values: Array) -> Array:
    """Adjusted p-values of the e-BH procedure along the last axis: at alpha they reject e_(k) ≥ m/(k·alpha).

    It is Benjamini–Hochberg on 1/e, and holds under any dependence and at any stopping time of the e-values.
    NaN marks an absent test. Source: Wang & Ramdas (2022), JRSS B 84:822, section 4.
    """
    with np.errstate(divide="ignore"):
        return benjamini_hochberg(np.minimum(1.0 / e_values, 1.0))


def correct(
    table: Sequence[Sequence[Entry]],
    correction: Correction,
    *,
    scope: Scope = Scope.VARIATIONS_AND_METRICS,
    alpha: float = 0.05,
) -> list[list[Corrected | NotEstimable | None]]:
    """The table of p-values (e-values for e-BH), each corrected within its family.

    A row for each metric, a column for each treatment against the baseline. An entry that is None or not
    estimable stays as it is and counts in no family. Raises ValueError for what is neither p- nor e-value.
    """
    values = np.array([[_number(entry) for entry in row] for row in table], dtype=np.float64)
    adjusted, sizes = _within_families(values, correction, scope)
    return [
        [
            Corrected(float(p), bool(p <= alpha), int(m)) if isinstance(entry, float | int) else entry
            for entry, p, m in zip(*columns, strict=True)
        ]
        for columns in zip(table, adjusted, sizes, strict=True)
    ]


def bonferroni_level(family_size: int, alpha: float = 0.05) -> float:
    """The level at which each of m intervals must be made for all to cover with probability 1 − alpha."""
    return 1 - alpha / family_size


def selected_level(selected: int, family_size: int, alpha: float = 0.05) -> float | NotEstimable:
    """The level for intervals of the R of m comparisons that Benjamini–Hochberg selected: 1 − R·alpha/m.

    Then the expected share of the selected intervals that miss, the false coverage rate, is at most alpha
    (independent or positively dependent estimates). With intervals from e-values, selected by any rule, it
    holds under any dependence. Source: Benjamini & Yekutieli (2005), JASA 100:71, section 3; Xu, Wang &
    Ramdas (2024), "Post-selection inference for e-value based confidence intervals".
    """
    if not 0 <= selected <= family_size:
        raise ValueError(f"{selected} of {family_size} comparisons can't be selected")
    if selected == 0:
        return NotEstimable("no comparison was selected")
    return 1 - selected * alpha / family_size


def _number(entry: Entry) -> float:
    if entry is None or isinstance(entry, NotEstimable):
        return nan
    if not entry >= 0:
        raise ValueError(f"neither a p-value nor an e-value: {entry}")
    return float(entry)


def _within_families(values: Array, correction: Correction, scope: Scope) -> tuple[Array, NDArray[np.int64]]:
    """Adjusted values and the size of each one's family, both in the table's shape."""
    families = {
        Scope.VARIATIONS: values,
        Scope.METRICS: values.T,
        Scope.VARIATIONS_AND_METRICS: values.reshape(1, -1),
    }[scope]
    adjusted = correction(families)
    sizes = np.broadcast_to(_family_size(families), families.shape)
    if scope is Scope.METRICS:
        return adjusted.T, sizes.T
    return adjusted.reshape(values.shape), sizes.reshape(values.shape)


def _family_size(p_values: Array) -> NDArray[np.int64]:
    return np.asarray(np.count_nonzero(~np.isnan(p_values), axis=-1, keepdims=True))


def _put_back(ordered: Array, order: NDArray[np.int64]) -> Array:
    result = np.empty_like(ordered)
    np.put_along_axis(result, order, ordered, axis=-1)
    return result
