"""Numbers as people read them: significant digits, signs, thin spaces; nothing that is no number."""

import math

MINUS = "−"
THIN = "\u202f"


def whole(value: float) -> str:
    """12 345, with thin spaces."""
    return f"{round(value):,}".replace(",", THIN).replace("-", MINUS)


def plain(value: float, digits: int = 4) -> str:
    """A figure to `digits` significant digits, without an exponent where that is readable."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "beyond measure"
    size = math.floor(math.log10(abs(value)))
    if size >= 15 or size < -6:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa.replace('-', MINUS)} × 10^{int(power)}".replace("^-", f"^{MINUS}")
    decimals = max(0, digits - 1 - size)
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", THIN).replace("-", MINUS)


def percent(value: float, decimals: int | None = None) -> str:
    """A fraction as a percentage: 0.0814 is 8.14 %, with fewer decimals the larger it is."""
    if not math.isfinite(value):
        return "beyond measure"
    shown = 100 * value
    if abs(shown) >= 1e6:
        return f"{plain(shown, 3)}{THIN}%"
    if decimals is None:
        decimals = 2 if abs(shown) < 1 else 1 if abs(shown) < 100 else 0
    text = f"{shown:,.{decimals}f}".replace(",", THIN)
    return f"{_without_sign_of_zero(text).replace('-', MINUS)}{THIN}%"


def signed_percent(value: float, decimals: int | None = None) -> str:
    """The same with a plus where it is positive."""
    text = percent(value, decimals)
    return f"+{text}" if 0 < value < math.inf and text.strip(f"0.{THIN}%") else text


def signed(value: float, digits: int = 3) -> str:
    text = plain(value, digits)
    return f"+{text}" if 0 < value < math.inf else text


def span(low: str, high: str) -> str:
    """An interval in words: "1.2 % to 3.4 %"."""
    return f"{low} to {high}"


def p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def chance(value: float) -> str:
    """A probability that never claims certainty."""
    if value > 0.999:
        return f"> 99.9{THIN}%"
    return f"< 0.1{THIN}%" if value < 0.001 else percent(value, 1)


def _without_sign_of_zero(text: str) -> str:
    return text.removeprefix("-") if not text.strip(f"-0.{THIN}") else text
