"""Numbers read as people write them, and none of them is ever a word of a machine."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.dashboard.numbers import chance, p_value, percent, plain, signed, signed_percent, whole

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (12.3456, "12.35"),
        (-3.2, "−3.2"),
        (1234567.0, f"1{THIN}234{THIN}567"),
        (0.00012345, "0.0001234"),
        (1e-9, "1.000 × 10^−9"),
        (2.5e18, "2.500 × 10^18"),
    ],
)
def test_figures_have_four_significant_digits(value: float, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0814, f"8.1{THIN}%"),
        (-0.0042, f"−0.42{THIN}%"),
        (1.35, f"135{THIN}%"),
        (0.0, f"0.00{THIN}%"),
        (-0.00001, f"0.00{THIN}%"),
        (25_000.0, f"2{THIN}500{THIN}000{THIN}%"),
    ],
)
def test_fractions_become_percentages_with_fewer_decimals_the_larger_they_are(
    value: float, text: str
) -> None:
    assert percent(value) == text


def test_signs_are_said_where_they_tell_a_direction() -> None:
    assert signed_percent(0.0814) == f"+8.1{THIN}%"
    assert signed_percent(-0.0814) == f"−8.1{THIN}%"
    assert signed_percent(0.0) == signed_percent(0.000001) == f"0.00{THIN}%"
    assert (signed(2.5), signed(-2.5)) == ("+2.5", "−2.5")


def test_whole_numbers_have_thin_spaces() -> None:
    assert (whole(1234567), whole(-12), whole(999)) == (f"1{THIN}234{THIN}567", "−12", "999")


def test_a_chance_never_claims_certainty() -> None:
    assert (chance(1.0), chance(0.0)) == (f"> 99.9{THIN}%", f"< 0.1{THIN}%")
    assert chance(0.42) == f"42.0{THIN}%"


def test_p_values_below_any_use_are_not_spelled_out() -> None:
    assert (p_value(1e-12), p_value(0.0123), p_value(0.4567)) == ("< 0.0001", "0.0123", "0.46")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_is_shown_as_a_machine_word(value: float) -> None:
    for text in (plain(value), percent(value), signed_percent(value)):
        assert not any(word in text.lower() for word in ("nan", "inf", "none", "e+", "e-"))
    if math.isfinite(value) and abs(value) < 1e300:
        assert "-" not in whole(value)
