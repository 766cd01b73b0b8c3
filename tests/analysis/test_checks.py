"""Health checks at their thresholds: by hand, from counts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from analysis.iterations import label
from analysis.promises import promise
from assay.analysis.checks import (
    DAY_MS,
    MISMATCH,
    Arrived,
    Evaluations,
    exposure_checks,
    imbalance_checks,
    metric_checks,
)
from assay.analysis.experiment_results import Check
from assay.analysis.iterations import IterationPromise
from assay.stats.estimate import NotEstimable
from assay.stats.sample_ratio import sample_ratio
from assay.warehouse.queries.arrivals import ExposureArrivals, MetricArrivals

AS_OF = promise().as_of_ms or 0
CAME = ExposureArrivals(events=1000, first_ms=AS_OF - DAY_MS, last_ms=AS_OF, received_ms=AS_OF, late=0)
SEEN = Evaluations(total=1000, unit_missing=0, at_the_rule=1000, not_in_experiment=0, skewed=0)
ARRIVED = Arrived((500, 500), 0, CAME, SEEN, sample_ratio((500, 500), (0.5, 0.5)))
NOBODY = Arrived((0, 0), 0, ExposureArrivals(0, None, None, None, 0), SEEN, sample_ratio((0, 0), (0.5, 0.5)))
METRIC = MetricArrivals(
    events=1000,
    last_ms=AS_OF,
    received_ms=AS_OF,
    unit_missing=0,
    of_exposed=1000,
    before_exposure=0,
    value_missing=0,
    clock_skew=0,
    late=0,
)


def only(checks: Iterator[Check], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    return found


def of_exposures(name: str, arrived: Arrived, of: IterationPromise | None = None) -> Check:
    return only(exposure_checks(of or promise(), arrived), name)


def of_metric(name: str, **counts: int) -> Check:
    return only(metric_checks(label(), replace(METRIC, **counts)), name)


def test_a_sound_iteration_fails_no_check_and_names_no_cause() -> None:
    checks = [*exposure_checks(promise(), ARRIVED), *metric_checks(label(), METRIC)]
    assert {check.status for check in checks} == {"ok"}
    assert {check.cause + check.remedy for check in checks} == {""}
    assert len({(check.name, check.metric) for check in checks}) == len(checks)


@pytest.mark.parametrize(
    ("name", "most", "one_more"),
    [
        ("metric_unit_missing", {"unit_missing": 50}, {"unit_missing": 51}),
        ("metric_clock_skew", {"clock_skew": 10}, {"clock_skew": 11}),
        ("late_events", {"late": 100}, {"late": 101}),
    ],
)
def test_a_metrics_share_is_a_warning_from_just_above_its_threshold(
    name: str, most: dict[str, int], one_more: dict[str, int]
) -> None:
    assert of_metric(name, **most).status == "ok"
    found = of_metric(name, **one_more)
    assert (found.status, found.figure) == ("warning", next(iter(one_more.values())) / 1000)
    assert found.cause
    assert found.metric == "metric"


def test_the_flags_shares_are_warnings_from_just_above_their_thresholds() -> None:
    for name, most, more in (
        ("unit_missing", replace(SEEN, unit_missing=50), replace(SEEN, unit_missing=51)),
        ("clock_skew", replace(SEEN, skewed=10), replace(SEEN, skewed=11)),
    ):
        assert of_exposures(name, replace(ARRIVED, evaluations=most)).status == "ok"
        assert of_exposures(name, replace(ARRIVED, evaluations=more)).status == "warning"
    for late, status in ((100, "ok"), (101, "warning")):
        came = replace(CAME, late=late)
        assert of_exposures("late_exposures", replace(ARRIVED, exposures=came)).status == status


def test_units_left_out_are_a_share_of_all_that_were_seen() -> None:
    found = of_exposures("multiple_variations", replace(ARRIVED, exposed=(495, 495), left_out=10))
    assert (found.status, found.figure) == ("ok", 0.01)
    found = of_exposures("multiple_variations", replace(NOBODY, left_out=3))
    assert (found.status, found.figure) == ("warning", 1.0)


def test_nothing_to_tell_it_from_is_unknown_and_not_ok() -> None:
    nothing = Evaluations(0, 0, 0, 0, 0)
    checks = list(exposure_checks(promise(), replace(NOBODY, evaluations=nothing)))
    assert {check.name: check.status for check in checks if check.status != "unknown"} == {
        "flag_on": "ok",
        "exposures_arriving": "failed",
    }
    assert len(checks) == 8


@pytest.mark.parametrize(
    ("exposed", "status"), [((1000, 1000), "ok"), ((1060, 940), "ok"), ((1200, 800), "failed")]
)
def test_the_sample_ratio_fails_where_it_is_sure_and_shows_both_shares(
    exposed: tuple[int, int], status: str
) -> None:
    ratio = sample_ratio(exposed, (0.5, 0.5))
    found = of_exposures("sample_ratio", replace(ARRIVED, exposed=exposed, sample_ratio=ratio))
    assert found.status == status
    assert found.figure is not None
    assert (found.figure >= MISMATCH) == (status == "failed")
    assert ("arm 0 60.00% of 50.00%, arm 1 40.00% of 50.00%" in found.cause) == (status == "failed")


def test_a_sample_ratio_that_cannot_be_told_is_unknown_with_the_reason() -> None:
    found = of_exposures("sample_ratio", replace(ARRIVED, sample_ratio=NotEstimable("one arm")))
    assert (found.status, found.cause, found.figure) == ("unknown", "one arm", None)


@pytest.mark.parametrize(
    ("last_ms", "days", "status"),
    [
        (AS_OF - DAY_MS, 1.0, "ok"),
        (AS_OF - DAY_MS - 864_000, 1.01, "warning"),
        (AS_OF + 5 * DAY_MS, 0.0, "ok"),
    ],
)
def test_exposures_are_quiet_after_more_than_a_day(last_ms: int, days: float, status: str) -> None:
    quiet = replace(ARRIVED, exposures=replace(CAME, last_ms=last_ms))
    found = of_exposures("exposures_arriving", quiet)
    assert found.status == status
    assert found.figure == pytest.approx(days)
    over = replace(promise(), as_of_ms=None, is_over=True)
    assert of_exposures("exposures_arriving", quiet, over).status == "ok"


@pytest.mark.parametrize(
    ("is_on", "runs", "status"), [(True, True, "ok"), (False, True, "failed"), (False, False, "ok")]
)
def test_a_flag_must_be_on_only_while_the_iteration_runs(is_on: bool, runs: bool, status: str) -> None:
    of = replace(promise(), flag_is_on=is_on, as_of_ms=AS_OF if runs else None)
    assert of_exposures("flag_on", ARRIVED, of).status == status


@pytest.mark.parametrize(("outside", "status"), [(0, "ok"), (999, "ok"), (1000, "failed")])
def test_in_experiment_fails_only_where_nobody_says_it(outside: int, status: str) -> None:
    found = of_exposures(
        "in_experiment", replace(ARRIVED, evaluations=replace(SEEN, not_in_experiment=outside))
    )
    assert (found.status, found.figure) == (status, outside / 1000)


@pytest.mark.parametrize(
    ("counts", "cause"),
    [
        ({"events": 0, "of_exposed": 0}, "no event of this metric"),
        ({"events": 7, "unit_missing": 7, "of_exposed": 0}, "names a unit of the experiment's kind"),
        ({"events": 7, "unit_missing": 6, "of_exposed": 0}, "is of a unit that was exposed"),
        ({"of_exposed": 3, "before_exposure": 3}, "before its first exposure"),
    ],
)
def test_a_metric_without_an_event_that_counts_is_told_which_of_four_causes_it_has(
    counts: dict[str, int], cause: str
) -> None:
    found = of_metric("metric_seen", **counts)
    assert (found.status, found.figure) == ("failed", 0.0)
    assert cause in found.cause
    assert of_metric("metric_seen", of_exposed=4, before_exposure=3).figure == 1.0


def test_no_metric_no_imbalance_is_no_check_at_all() -> None:
    assert list(imbalance_checks(())) == []
    missing = [check for check in metric_checks(label(), METRIC) if check.name == "value_missing"]
    assert missing == []
    found = of_metric("value_missing", value_missing=1)
    assert (found.status, found.figure) == ("warning", 1.0)
