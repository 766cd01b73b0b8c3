"""Families of comparisons: which alpha each one gets, so that an interval and a corrected p-value agree."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.analysis.plans import AnalysisPlan, Correction
from assay.stats.moments import Floats, Integers
from assay.stats.multiplicity import Scope, benjamini_hochberg, bonferroni

Number = TypeVar("Number", np.float64, np.int64)

# The least alpha for which boundaries are known.
LEAST_ALPHA = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Arrays of shape (metrics, treatments): each comparison's `alpha`, its corrected p-value, its family's size."""

    alpha: Floats
    p_value: Floats
    family_size: Integers


def shared_alpha(p_values: Floats, plan: AnalysisPlan) -> Shares:
    """What is left of alpha for each comparison; `p_values[metrics, treatments]`, NaN where there is none.

    Bonferroni's is alpha / m. Under Benjamini–Hochberg with R of m selected it is R · alpha / m, at least
    alpha / m: the intervals at that alpha leave out 0 exactly for the selected. On p-values 1/e of a sequence
    that is the e-BH procedure. Source: Benjamini & Yekutieli (2005), JASA 100:71; Wang & Ramdas (2022).
    """
    by_family = _families(p_values, plan.scope)
    sizes = np.broadcast_to(np.count_nonzero(~np.isnan(by_family), axis=-1, keepdims=True), by_family.shape)
    corrected, alpha = _corrected(by_family, np.maximum(sizes, 1), plan.correction, plan.alpha)
    alpha = np.maximum(alpha, LEAST_ALPHA)
    shape, scope = p_values.shape, plan.scope
    return Shares(_back(alpha, shape, scope), _back(corrected, shape, scope), _back(sizes, shape, scope))


def _corrected(
    p_values: Floats, sizes: NDArray[np.int64], method: Correction, alpha: float
) -> tuple[Floats, Floats]:
    if method == "none":
        return p_values, np.full(p_values.shape, alpha)
    if method == "bonferroni":
        return bonferroni(p_values), alpha / sizes
    corrected = benjamini_hochberg(p_values)
    selected = np.count_nonzero(corrected <= alpha, axis=-1, keepdims=True)
    return corrected, np.broadcast_to(np.maximum(selected, 1), sizes.shape) * alpha / sizes


def _families(table: Floats, scope: Scope) -> Floats:
    if scope is Scope.VARIATIONS:
        return table
    return table.T if scope is Scope.METRICS else table.reshape(1, -1)


def _back(table: NDArray[Number], shape: tuple[int, ...], scope: Scope) -> NDArray[Number]:
    return table.T if scope is Scope.METRICS else table.reshape(shape)
