"""Semantic patches of a flag to start from."""

import itertools
from typing import Any

import pytest

from assay.errors import InvalidRequest
from assay.flags.instructions import apply_instructions
from assay.flags.model import Flag, FlagConfig
from flags.flags import config, flag


def after(before: Flag, *instructions: Any, environment: str | None = "production") -> Flag:
    """What the instructions make of a flag at the time 1000; new ids are new-0, new-1, …"""
    numbers = itertools.count()
    return apply_instructions(
        before,
        environment,
        list(instructions),
        flags={"flag": before, "other": flag(key="other")},
        now_ms=1000,
        new_id=lambda: f"new-{next(numbers)}",
    )


def production(*instructions: Any, before: FlagConfig | None = None) -> FlagConfig:
    environments = {"production": before or config(), "test": config()}
    return after(flag(environments=environments), *instructions).environments["production"]


def refusal(
    *instructions: Any, environment: str | None = "production", before: FlagConfig | None = None
) -> str:
    environments = {"production": before or config(), "test": config()}
    with pytest.raises(InvalidRequest) as refused:
        after(flag(environments=environments), *instructions, environment=environment)
    return str(refused.value)
