"""Computes the figures of a metric again from its exported values; the text of this module stands in notebooks."""

# It shares no code with Assay, so that agreement means something.
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

UNITS_PER_COVARIATE = 20


def read(name: str) -> list[dict[str, Any]]:
    """The rows of an NDJSON export that lies beside the notebook."""
    path = Path(name)
    if not path.exists():
        raise SystemExit(
            f"Put {name} beside this notebook: the experiment's page has it under “Take it away”."
        )
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def column(rows: list[dict[str, Any]], name: str, default: float = 0.0) -> Any:
    return np.array([default if row.get(name) is None else row[name] for row in rows], dtype=float)


def arm_of(rows: list[dict[str, Any]], metric: dict[str, Any]) -> dict[str, Any]:
    """One treatment's units: y, x (a column for each covariate) and the value that is shown.

    A ratio becomes the mean of one number a unit by the delta method.
    """
    y, x = column(rows, "value"), column(rows, "covariate", metric["covariate_default"])
    total = y.sum()
    if metric["estimator"] == "ratio" and len(y):
        below = column(rows, "denominator")
        ratio = total / below.sum()
        y = (y - ratio * below) / below.mean() + ratio
    return {"units": len(y), "total": total, "y": y, "x": x, "value": y.mean() if len(y) else 0.0}


def covariates(arms: list[dict[str, Any]]) -> None:
    """None where the past tells no unit from another; two where some units have none: the value, and that it misses."""
    past = np.concatenate([arm["x"] for arm in arms])
    known = np.isfinite(past)
    for arm in arms:
        x = arm["x"]
        if not known.any() or (known.all() and past.min() == past.max()):
            arm["x"] = np.zeros((len(x), 0))
        elif known.all():
            arm["x"] = x[:, None]
        else:
            arm["x"] = np.column_stack([np.where(np.isfinite(x), x, 0.0), np.isnan(x)])


def fit(x: Any, y: Any) -> tuple[Any, int, Any]:
    """Slopes of a regression of y on the columns of x, their number, and the inverse of x'x, all centred."""
    x, y = x - x.mean(axis=0), y - y.mean()
    scale = np.sqrt((x**2).sum(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    slopes, _, rank, _ = np.linalg.lstsq(x / scale, y, rcond=3e-5)
    return slopes / scale, int(rank), np.linalg.pinv(x.T @ x, rcond=1e-9) if x.shape[1] else np.zeros((0, 0))


def adjust(arms: list[dict[str, Any]]) -> None:
    """Each treatment's mean at the covariates' common mean, by a regression of its own (Lin 2013), with its error."""
    x, y = np.concatenate([arm["x"] for arm in arms]), np.concatenate([arm["y"] for arm in arms])
    n, k = x.shape
    common, together = x.mean(axis=0), fit(x, y)
    shared = (x - common).T @ (x - common) / (n * (n - 1))
    enough = all(arm["units"] >= UNITS_PER_COVARIATE * k for arm in arms)
    fits = [fit(arm["x"], arm["y"]) for arm in arms]
    alike = all(own[1] == together[1] for own in fits)
    for arm, own in zip(arms, fits, strict=True):
        slopes, rank, inverse = own if alike else (together[0], 0, np.zeros((k, k)))
        if not enough:
            slopes, rank, inverse = np.zeros(k), 0, np.zeros((k, k))
        distance = arm["x"].mean(axis=0) - common if k else np.zeros(0)
        left = arm["y"] - arm["y"].mean() - (arm["x"] - arm["x"].mean(axis=0)) @ slopes
        freedom = arm["units"] - 1 - rank
        error = (left @ left) / freedom * (1 / arm["units"] + distance @ inverse @ distance)
        arm |= {"adjusted": arm["value"] - slopes @ distance, "error": error, "freedom": freedom}
        arm |= {"slopes": slopes, "shared": shared}


def compare(treatment: dict[str, Any], baseline: dict[str, Any], alpha: float) -> dict[str, float]:
    """Effect, lift, Welch's test and Fieller's interval of the lift."""
    shared, own = baseline["shared"], baseline["slopes"]
    tilt = treatment["slopes"] - own
    base, effect = baseline["adjusted"], treatment["adjusted"] - baseline["adjusted"]
    errors = treatment["error"] + baseline["error"]
    variance = errors + tilt @ shared @ tilt
    base_variance = baseline["error"] + own @ shared @ own
    covariance = (own @ shared @ tilt - baseline["error"]) * (-1 if base < 0 else 1)
    parts = [(arm["error"] / errors) ** 2 / arm["freedom"] for arm in (treatment, baseline)]
    freedom = 1 / sum(parts)
    t, error = stats.t.ppf(1 - alpha / 2, freedom), np.sqrt(variance)
    found = {
        "effect": effect,
        "standard_error": error,
        "fixed_lower": effect - t * error,
        "fixed_upper": effect + t * error,
        "fixed_p_value": 2 * stats.t.sf(abs(effect) / error, freedom),
    }
    if base == 0:
        return found
    size = abs(base)
    a, b = size**2 - t**2 * base_variance, size * effect - t**2 * covariance
    root = np.sqrt(max(b**2 - a * (effect**2 - t**2 * variance), 0.0))
    found["lift"] = effect / size
    return found | ({"fixed_lift_lower": (b - root) / a, "fixed_lift_upper": (b + root) / a} if a > 0 else {})


def same(name: str, ours: float, theirs: float) -> None:
    if not np.isclose(ours, theirs, rtol=1e-9, atol=1e-9):
        raise AssertionError(f"{name}: computed here {ours!r}, by Assay {theirs!r}")


def check(metric: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Computes a metric again and compares: what agrees, in words; an error where a figure differs."""
    expected = metric["treatments"]
    arms = [arm_of([row for row in rows if row["treatment_id"] == one["id"]], metric) for one in expected]
    for arm, one in zip(arms, expected, strict=True):
        same(
            f"{one['name']}, units (new ones since? then download both files again)",
            arm["units"],
            one["units"],
        )
        for figure in ("total", "value"):
            if one.get(figure) is not None:
                same(f"{one['name']}, {figure}", arm[figure], one[figure])
    said = [f"{metric['name']}: units, totals and values agree."]
    if min(arm["units"] for arm in arms) < 2:
        return [*said, "  A treatment has fewer than two units; there is nothing to compare yet."]
    covariates(arms)
    adjust(arms)
    base = next(arm for arm, one in zip(arms, expected, strict=True) if one["baseline"])
    for arm, one in zip(arms, expected, strict=True):
        if not one["baseline"] and one.get("fixed_p_value") is not None:
            found = compare(arm, base, one["alpha"])
            for figure in found.keys() & one.keys():
                same(f"{one['name']}, {figure}", found[figure], one[figure])
            shown = ", ".join(f"{figure} {value:.6g}" for figure, value in found.items())
            said.append(f"  {one['name']} agrees: {shown}.")
    return said
