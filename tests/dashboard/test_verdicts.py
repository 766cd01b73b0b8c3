"""What the page concludes in words is what the statistics said, and a broken experiment concludes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.iterations import plan
from assay.analysis.experiment_results import (
    IS_BASELINE,
    Arm,
    ArmFigures,
    Check,
    Compared,
    IterationResults,
    MetricLabel,
    MetricResults,
    Needed,
    Provenance,
    Verdict,
)
from assay.analysis.experiment_results import (
    Test as OneTest,
)
from assay.dashboard.results_view import plan_words, results_view
from assay.dashboard.verdicts import advice, compared_words, figure, headline, needed_words, sentence
from assay.stats.estimate import Interval, NotEstimable

LABEL = MetricLabel("revenue", "Revenue", 3, "primary", "sum", "mean", lower_is_better=False, unit="€")
NOTHING = NotEstimable("there is nothing yet")
FIGURES = ArmFigures(900, 90.0, 0.1, Interval(0.08, 0.12, 0.95), 0.3, NOTHING)


def compared(word: Any = "better", lift: float = 0.081, low: float = 0.032, high: float = 0.132) -> Compared:
    test = OneTest(Interval(low, high, 0.95), Interval(low, high, 0.95), 0.004)
    bound = 0.132 if word == "no_difference_larger_than" else None
    verdict = Verdict(word, "because", bound, "lift" if bound else None)
    return Compared(0.008, 0.002, lift, test, 3.0, test, 0.05, 1, 0.004, verdict)


def found(
    *comparisons: Compared | NotEstimable, checks: tuple[Check, ...] = (), **changes: Any
) -> IterationResults:
    arms = (
        Arm("a", "Never", 0, 0.5, is_baseline=True),
        *(Arm(str(n), f"New {n}", n, 0.5, is_baseline=False) for n in range(1, len(comparisons) + 1)),
    )
    metric = MetricResults(
        label=LABEL,
        arms=(FIGURES,) * len(arms),
        comparisons=(IS_BASELINE, *comparisons),
        needed=(IS_BASELINE, *(Needed(4000, 1200, 9) for _ in comparisons)),
        covariate=NOTHING,
        bayesian=(NOTHING,) * len(arms),
        bayesian_model="normal",
        trend=NOTHING,
        histogram=NOTHING,
        slices=(),
    )
    results = IterationResults(
        iteration_id="i",
        start_ms=0,
        end_ms=None,
        as_of_ms=None,
        counted_through_ms=1,
        arms=arms,
        exposed=(900,) * len(arms),
        plan=plan(),
        sample_ratio=NOTHING,
        metrics=(metric,),
        seen_ms={},
        decisions=(NOTHING,) * len(arms),
        checks=checks,
        provenance=Provenance({}, {}, {}),
    )
    return replace(results, **changes)


def test_the_best_of_several_better_treatments_is_named_with_its_interval() -> None:
    said = headline(found(compared(), replace(compared(lift=0.2, low=0.1, high=0.3), effect=0.02)))
    assert (said.title, said.tone) == ("New 2 is better", "good")
    assert "Revenue +20.0" in said.text
    assert "valid however often you look" in said.text


def test_one_worse_among_others_is_not_the_whole_story() -> None:
    assert headline(found(compared("worse"), compared("not_yet"))).title == "Not yet"
    both = headline(found(compared("worse"), compared("worse")))
    assert (both.title, both.tone) == ("New 1 and New 2 are worse", "bad")


def test_a_bound_is_a_conclusion_too() -> None:
    said = headline(found(compared("no_difference_larger_than"), plan=plan(minimum_lift=0.15)))
    assert said.title.startswith("No difference larger than ±13.2")


def test_without_a_verdict_the_page_says_what_is_missing() -> None:
    said = headline(found(compared("not_yet")))
    assert said.title == "Not yet"
    assert "of 4\u202f000 units are missing" in said.text
    assert "about 9 days" in said.text


def test_a_sample_ratio_mismatch_overshadows_a_winner() -> None:
    broken = Check("sample_ratio", "failed", "shares", 0.999, 0.99, "units get lost", "find out where")
    said = headline(found(compared(), checks=(broken,)))
    assert (said.title, said.tone) == ("Don't trust these numbers yet", "bad")
    assert said.text == "Units get lost. Find out where."
    assert results_view(found(compared(), checks=(broken,))).faults == ()


def test_a_fault_of_less_weight_stands_beside_the_verdict() -> None:
    late = Check("late_events", "warning", "delays", 0.2, 0.1, "events come late", "wait a day")
    view = results_view(found(compared(), checks=(late,)))
    assert view.headline.title == "New 1 is better"
    assert [row.advice for row in view.faults] == ["Events come late. Wait a day."]


def test_an_experiment_without_units_waits() -> None:
    said = headline(found(compared(), exposed=(0, 0)))
    assert (said.title, said.tone) == ("Waiting for the first units", "accent")


@pytest.mark.parametrize(
    ("one", "words", "tone"),
    [
        (compared("better"), "better", "good"),
        (compared("worse"), "worse", "bad"),
        (compared("not_yet"), "not yet", "quiet"),
        (compared("no_difference_larger_than"), "no difference larger than ±13.2\u202f%", "quiet"),
        (compared("not_estimable"), "can't be said: because", "quiet"),
        (IS_BASELINE, "baseline", "quiet"),
        (NOTHING, "can't be said: there is nothing yet", "quiet"),
    ],
)
def test_each_verdict_has_its_words(one: Compared | NotEstimable, words: str, tone: str) -> None:
    assert compared_words(one, LABEL, minimum_lift=0.15) == (words, tone)


def test_a_bound_beyond_the_smallest_lift_worth_finding_concludes_nothing() -> None:
    wide = compared("no_difference_larger_than")
    assert compared_words(wide, LABEL, minimum_lift=0.1) == ("undecided, within ±13.2\u202f%", "quiet")
    assert headline(found(wide, plan=plan(minimum_lift=0.1))).title.startswith("Undecided, within ±13.2")


def test_values_are_in_the_metrics_unit_and_conversions_in_percent() -> None:
    assert figure(12.345, LABEL) == "12.35 €" or figure(12.345, LABEL) == "12.34 €"
    assert figure(0.123, replace(LABEL, kind="conversion")) == "12.3\u202f%"
    assert figure(NOTHING, LABEL) == "–"


def test_what_is_reached_or_unknown_is_said_so() -> None:
    assert needed_words(Needed(4000, 0, 0), plan()).endswith("reached.")
    assert needed_words(NOTHING, plan()).endswith("can't be estimated: there is nothing yet.")
    assert "days" not in needed_words(Needed(4000, 10, NOTHING), plan())


def test_the_view_shows_every_number_as_text_and_nothing_that_is_none() -> None:
    view = results_view(found(compared(), compared("not_yet")))
    (block,) = view.blocks
    assert [row.lift for row in block.rows] == ["", "+8.1\u202f%", "+8.1\u202f%"]
    assert [row.is_baseline for row in block.rows] == [True, False, False]
    assert "None" not in repr([(row.value, row.units, row.lift_interval, row.p_value) for row in block.rows])
    assert 'class="figure interval good"' in block.rows[1].drawn


def test_the_plan_is_said_in_a_sentence() -> None:
    assert plan_words(plan(horizon=None), several=False).startswith("Open-ended: 95\u202f% intervals")
    assert "9\u202f000 units" in plan_words(plan(horizon=9000), several=False)
    fixed = plan_words(plan(horizon=9000, always_valid=False), several=False)
    assert fixed.endswith("at that horizon only.")
    assert "Bonferroni" in plan_words(plan(correction="bonferroni"), several=True)
    assert "Bonferroni" not in plan_words(plan(correction="bonferroni"), several=False)


def test_causes_and_remedies_become_sentences() -> None:
    assert advice(Check("x", "failed", "y", cause="a", remedy="do b.")) == "A. Do b."
    assert sentence("") == ""
