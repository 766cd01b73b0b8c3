"""What the demo prints of the results that its client read."""

from types import SimpleNamespace
from typing import Any

import pytest

from assay.demo.live import _print_results


class Total(dict[str, Any]):
    """A model of the official client: optional fields by name, the others as attributes too."""

    cumulative_confidence_interval = SimpleNamespace(lower=0.3712, upper=0.4288)
    cumulative_impression_count = 1200
    cumulative_count = 480
    cumulative_conversion_rate = 0.4
    min_sample_size = 5000


def printed(capsys: pytest.CaptureFixture[str], *totals: Total, **stats: Any) -> list[str]:
    metadata = [{"key": "plain"}, {"key": "bold"}]
    _print_results("purchase", SimpleNamespace(metadata=metadata, totals=totals, stats=stats))
    return capsys.readouterr().out.splitlines()


def test_the_baseline_has_no_lift_and_no_p_value(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, Total(), Total(improvement=0.123, p_value=0.0312))
    baseline, other = lines[3:5]
    assert baseline.split() == ["plain", "1200", "480", "0.4000", "0.3712", "–", "0.4288", "baseline", "5000"]
    assert other.split()[-3:] == ["+12.3%", "0.0312", "5000"]


def test_a_small_p_value_is_not_printed_as_none_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, Total(), Total(improvement=-0.05, p_value=1e-9))
    assert "< 0.0001" in lines[4]
    assert "-5.0%" in lines[4]


def test_a_winner_is_named_by_its_value_even_if_it_is_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    totals = Total(), Total(improvement=0.1, p_value=0.01)
    assert printed(capsys, *totals)[-1] == "Winner: none yet"
    assert printed(capsys, *totals, winning_variation_idx=0)[-1] == "Winner: plain"
    assert printed(capsys, *totals, winning_variation_idx=1)[-1] == "Winner: bold"


def test_results_of_other_variations_than_the_totals_are_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="shorter"):
        printed(capsys, Total())
