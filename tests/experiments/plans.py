"""Flags, drafts and surroundings to try experiments with, without a server."""

import itertools
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.experiments.drafts import IterationInput, Surroundings, drafted
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.holdouts import Holdout
from assay.experiments.instructions import apply_instructions
from assay.experiments.layers import Layer
from assay.experiments.units import ExperimentationSettings, RandomizationUnit
from assay.flags.model import Flag
from flags.flags import config, flag

NOW_MS = 1_800_000_000_000
UNITS = ExperimentationSettings((RandomizationUnit("user", default=True), RandomizationUnit("device")))


def flag_on(key: str = "flag", variations: int = 4, **changes: Any) -> Flag:
    """On in production at version 1."""
    return flag(variations, key=key, environments={"production": config(on=True, **changes)})


def around(
    *flags: Flag,
    now_ms: int = NOW_MS,
    first_seed: int = 1,
    layers: tuple[Layer, ...] = (),
    holdouts: tuple[Holdout, ...] = (),
) -> Surroundings:
    """What experiments run among; ids and seeds count up."""
    ids, seeds = itertools.count(1), itertools.count(first_seed)
    return Surroundings(
        environment="production",
        flags={one.key: one for one in flags or (flag_on(),)},
        metrics={"m": 1, "n": 4},
        groups={"funnel": ("funnel", 2), "group": ("standard", 1)},
        settings=UNITS,
        layers=layers,
        holdouts=holdouts,
        now_ms=now_ms,
        new_id=lambda: f"i{first_seed}-{next(ids)}",
        new_seed=lambda: next(seeds),
    )


def plan(*percents: str, flags: tuple[str, ...] = ("flag",), **changes: Any) -> dict[str, Any]:
    """An iteration's body: treatment number n gets variation number n of every flag."""
    treatments = [
        {
            "name": f"treatment {number}",
            "baseline": number == 0,
            "allocationPercent": percent,
            "parameters": [{"flagKey": key, "variationId": f"id-{number}"} for key in flags],
        }
        for number, percent in enumerate(percents or ("50", "50"))
    ]
    return {
        "hypothesis": "h",
        "metrics": [{"key": "m"}],
        "primarySingleMetricKey": "m",
        "treatments": treatments,
        "flags": {key: {"ruleId": "fallthrough", "flagConfigVersion": 1} for key in flags},
    } | changes


def draft(body: dict[str, Any], among: Surroundings | None = None) -> Iteration:
    return drafted(msgspec.convert(body, IterationInput), among or around(), kind="experiment")


def experiment(*percents: str, **changes: Any) -> Experiment:
    """With a draft of these percentages."""
    made = Experiment("e", "exp", "Exp", "production", NOW_MS)
    return replace(made, iterations=(draft(plan(*percents, **changes)),))


def instructed(
    before: Experiment, *instructions: dict[str, Any], among: Surroundings | None = None
) -> Experiment:
    return apply_instructions(before, among or around(), list(instructions))


def running(*percents: str, among: Surroundings | None = None, **changes: Any) -> Experiment:
    """Started."""
    among = among or around()
    made = Experiment("e", "exp", "Exp", "production", NOW_MS)
    made = replace(made, iterations=(draft(plan(*percents, **changes), among),))
    return instructed(made, {"kind": "startIteration"}, among=among)
