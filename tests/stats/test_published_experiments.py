"""Real randomized experiments give their published differences; the data lie beside the repository or not."""

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from assay.stats.adjustment import adjusted_estimates, post_stratified_estimates, variance_factor
from assay.stats.contrasts import contrasts, effect, mean_estimates
from assay.stats.estimate import Effect, Interval, Lift
from assay.stats.fixed_horizon import pearson_chi_square, welch_effect, welch_lift
from assay.stats.moments import JointMoments, Moments
from assay.stats.proportions import ProportionComparison, compare_proportions
from assay.stats.quantiles import Sample, quantile_estimate
from assay.stats.ratio import ratio_estimates

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="two of the data sets carry no licence and aren't part of the repository"
)

Rows = list[dict[str, str]]


def rows(name: str) -> Rows:
    packed = DATA / name / "units.csv.gz"
    if packed.exists():
        with gzip.open(packed, "rt", newline="") as file:
            return list(csv.DictReader(file))
    with (DATA / name / "units.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def column(units: Iterable[dict[str, str]], variation: str, name: str) -> np.ndarray:
    return np.array([float(unit[name]) for unit in units if unit["variation"] == variation])


@pytest.fixture(scope="module")
def cookie_cats() -> Rows:
    return rows("cookie_cats")


@pytest.fixture(scope="module")
def hillstrom() -> Rows:
    return rows("hillstrom")


def test_resumes_with_white_names_are_called_back_half_as_often_again() -> None:
    """Bertrand & Mullainathan (2004), AER 94:991-1013, table 1: 9.65, 6.45, 1.50, 3.20."""
    units = rows("resume_audit")
    counts = [column(units, name, "received_callback") for name in ("white", "black")]
    result = compare_proportions(
        (int(counts[0].sum()), int(counts[1].sum())), (len(counts[0]), len(counts[1]))
    )
    assert isinstance(result, ProportionComparison)
    assert [100 * c.mean() for c in counts] == pytest.approx([9.65, 6.45], abs=5e-3)
    assert 100 * result.effect == pytest.approx(3.20, abs=5e-3)
    relative = welch_lift(Moments.of(counts[0]), Moments.of(counts[1]))
    assert isinstance(relative, Lift)
    assert relative.value == pytest.approx(0.50, abs=5e-3)
    assert result.p_value == pytest.approx(0.0000398, rel=0.01)


def test_a_later_gate_keeps_fewer_players_of_cookie_cats(cookie_cats: Rows) -> None:
    """Widely published: after 7 days 19.02 % against 18.20 %, p = 0.0016; after one 44.82 % and 44.23 %."""
    seven = [Moments.of(column(cookie_cats, gate, "retention_7")) for gate in ("gate_30", "gate_40")]
    one = [Moments.of(column(cookie_cats, gate, "retention_1")) for gate in ("gate_30", "gate_40")]
    assert [100 * m.mean for m in (*seven, *one)] == pytest.approx([19.02, 18.20, 44.82, 44.23], abs=5e-3)
    result = welch_effect(seven[1], seven[0])
    assert isinstance(result, Effect)
    assert result.p_value == pytest.approx(0.0016, abs=5e-5)


def test_the_players_did_not_arrive_in_equal_shares(cookie_cats: Rows) -> None:
    """44,700 against 45,489: chi-square p = 0.0086."""
    counts = [sum(unit["variation"] == gate for unit in cookie_cats) for gate in ("gate_30", "gate_40")]
    total = sum(counts)
    half = sum((count - total / 2) ** 2 / (total / 2) for count in counts)
    assert counts == [44_700, 45_489]
    assert half == pytest.approx(6.90, abs=0.01)


def test_one_player_doubles_the_error_of_the_rounds(cookie_cats: Rows) -> None:
    rounds = [column(cookie_cats, gate, "sum_gamerounds") for gate in ("gate_30", "gate_40")]
    raw = welch_effect(Moments.of(rounds[1]), Moments.of(rounds[0]))
    without = welch_effect(Moments.of(rounds[1]), Moments.of(rounds[0][rounds[0] < 40_000]))
    assert isinstance(raw, Effect)
    assert isinstance(without, Effect)
    assert raw.estimate.standard_error == pytest.approx(1.307, abs=5e-4)
    assert raw.estimate.standard_error > 1.9 * without.estimate.standard_error


def test_mail_doubles_the_visits_and_more_than_doubles_the_spend(hillstrom: Rows) -> None:
    """Hillstrom's challenge (2008): visits 18.3 %, 15.1 %, 10.6 %; dollars per head 1.42, 1.08, 0.65."""
    names = ("mens", "womens", "none")
    visits = [column(hillstrom, name, "visit") for name in names]
    spend = [Moments.of(column(hillstrom, name, "spend")) for name in names]
    assert [100 * v.mean() for v in visits] == pytest.approx([18.3, 15.1, 10.6], abs=0.05)
    assert [s.mean for s in spend] == pytest.approx([1.42, 1.08, 0.65], abs=5e-3)
    result = welch_lift(spend[0], spend[2])
    assert isinstance(result, Lift)
    assert isinstance(result.interval, Interval)
    assert result.interval.lower > 0.5
    chi = pearson_chi_square([int(v.sum()) for v in visits], [len(v) for v in visits])
    assert not hasattr(chi, "reason")


def test_spend_per_visit_has_its_units_as_clusters(hillstrom: Rows) -> None:
    """The ratio among visitors, against the same ratio's spread under 400 resamplings of the customers."""
    spend, visit = column(hillstrom, "mens", "spend"), column(hillstrom, "mens", "visit")
    estimate = ratio_estimates(JointMoments.stack([JointMoments.of(spend, denominator=visit)]))
    rng = np.random.default_rng(1)
    draws = rng.multinomial(len(spend), np.full(len(spend), 1 / len(spend)), 400)
    resampled = (draws @ spend) / (draws @ visit)
    assert estimate.value[0] == pytest.approx(spend.sum() / visit.sum())
    assert estimate.squared_error[0] ** 0.5 == pytest.approx(resampled.std(ddof=1), rel=0.1)


def test_what_customers_spent_before_explains_little_of_what_they_spend(hillstrom: Rows) -> None:
    parts = [
        JointMoments.of(
            column(hillstrom, name, "spend"),
            covariates=[column(hillstrom, name, "history"), column(hillstrom, name, "recency")],
        )
        for name in ("none", "mens")
    ]
    moments = JointMoments.stack(parts)
    plain, adjusted = effect(mean_estimates(moments)), effect(adjusted_estimates(moments))
    assert isinstance(plain, Effect)
    assert isinstance(adjusted, Effect)
    assert plain.estimate.value == pytest.approx(0.770, abs=5e-4)
    assert abs(adjusted.estimate.value - plain.estimate.value) < plain.estimate.standard_error / 3
    factor = variance_factor(adjusted_estimates(moments), mean_estimates(moments))
    assert ((factor > 0.99) & (factor < 1)).all()


def test_strata_of_past_spend_change_the_effect_by_little(hillstrom: Rows) -> None:
    segments = sorted({unit["history_segment"] for unit in hillstrom})
    moments = JointMoments.stack(
        [
            _stacked([Moments.of(column(_within(hillstrom, segment), name, "visit")) for segment in segments])
            for name in ("none", "mens")
        ]
    )
    result = contrasts(post_stratified_estimates(moments))
    assert result.effect.item() == pytest.approx(0.183 - 0.106, abs=2e-3)
    assert result.standard_error.item() == pytest.approx(0.0034, abs=2e-4)


def test_the_median_player_plays_as_many_rounds_behind_either_gate(cookie_cats: Rows) -> None:
    """DataCamp's project: medians 17 and 16."""
    medians = [
        quantile_estimate(Sample(column(cookie_cats, gate, "sum_gamerounds")), 0.5)
        for gate in ("gate_30", "gate_40")
    ]
    assert [getattr(median, "value", None) for median in medians] == [17.0, 16.0]


def _within(units: Rows, segment: str) -> Rows:
    return [unit for unit in units if unit["history_segment"] == segment]


def _stacked(samples: list[Moments]) -> JointMoments:
    return JointMoments.of_one(samples)
