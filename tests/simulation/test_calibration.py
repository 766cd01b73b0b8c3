"""A reduced form of docs/explanation/calibration.md: the promise, at its hardest cells."""

import pytest
from benchmarks.calibration import asos, rules
from benchmarks.calibration.efficiency import efficiencies
from benchmarks.calibration.errors import Cell, ever_called, grid, uneven_grid
from benchmarks.calibration.ratios import alarms
from benchmarks.calibration.report import tolerance

REPLICATIONS = 600
DEFAULT_VIEWS = ("absolute", "relative", "adjusted")

CELLS = [cell for cell in grid() if cell.units < 2_000 or cell.looks == 28]
UNEVEN_CELLS = [cell for cell in uneven_grid() if cell.looks == 28]


def name(cell: Cell) -> str:
    return f"{cell.population.name}, {cell.looks} looks, {cell.smaller} of {cell.units} units"


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_the_default_never_errs_more_than_it_promises(cell: Cell) -> None:
    found = ever_called(cell, replications=REPLICATIONS, seed=1)
    shares = {key: share for key, share in found.ever.items() if key[0] in DEFAULT_VIEWS}
    assert max(shares.values()) <= tolerance(REPLICATIONS) + 0.005, shares


@pytest.mark.slow
@pytest.mark.parametrize("cell", UNEVEN_CELLS, ids=name)
def test_with_a_tenth_of_the_units_the_pooled_floor_keeps_the_promise(cell: Cell) -> None:
    found = ever_called(cell, replications=REPLICATIONS, seed=1)
    shares = {key: share for key, share in found.ever.items() if key[0] in DEFAULT_VIEWS}
    assert max(shares.values()) <= tolerance(REPLICATIONS) + 0.005, shares
    if "1 %" in cell.population.name:
        assert found.ever["raw", "horizon"] > 0.15


@pytest.mark.slow
def test_a_relative_test_by_the_delta_method_breaks_on_sparse_revenue() -> None:
    """The field's best known engine, sequential option on, looked at daily."""
    sparse = next(c for c in CELLS if "revenue" in c.population.name and (c.looks, c.units) == (28, 200))
    found = ever_called(sparse, replications=REPLICATIONS, seed=2)
    assert found.ever["gbstats relative", "gbstats"] > 0.2
    assert found.ever["raw", "peeking"] > 0.1


@pytest.mark.slow
def test_fifty_looks_at_a_declared_horizon_keep_the_power_and_the_width() -> None:
    found = {one.name: one for one in efficiencies(replications=3_000, seed=1)}
    fixed, horizon = found["fixed test, one look"], found["**default, horizon declared**"]
    assert horizon.power >= 0.765
    assert horizon.width <= 1.13
    assert found["**default, no horizon, right forecast**"].width <= 1.55
    assert horizon.simulated[0] == pytest.approx(horizon.power, abs=0.03)
    assert fixed.simulated[0] == pytest.approx(0.8, abs=0.03)


@pytest.mark.slow
def test_the_sample_ratio_is_safe_to_watch_and_finds_what_a_day_would_miss() -> None:
    fine = alarms(0.5, level=0.01, replications=1_000, seed=1)
    leak = alarms(0.51, level=0.01, replications=300, seed=1)
    assert fine.sequential <= 0.01 + 0.005
    assert fine.pearson > 0.05
    assert leak.sequential > 0.9


def test_what_is_called_gbstats_is_its_published_width() -> None:
    """Documented: 1.703 times the fixed interval at 100,000 units when tuned at 5,000."""
    import numpy as np

    assert rules.gbstats_sequential(np.array([1e5]))[0] / rules.PEEKING == pytest.approx(1.703, abs=1e-3)


@pytest.mark.skipif(not asos.SNAPSHOTS.exists(), reason="the ASOS data lie beside the project, not in it")
def test_real_experiments_cry_wolf_to_a_peeking_test_and_not_to_the_default() -> None:
    found = asos.cries()
    assert found.series == 381
    assert found.peeking == pytest.approx(0.59, abs=0.02)
    assert found.at_the_end == pytest.approx(0.28, abs=0.02)
    assert found.traps > 0.2
    assert found.forecast < found.at_the_end + 0.02
    assert found.horizon < found.peeking - 0.15
