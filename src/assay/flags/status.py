"""A flag's place in its life, from what is known of its configuration and of the requests for it."""

from dataclasses import dataclass
from typing import Literal

from assay.flags.model import Flag, FlagConfig

RECENT_MS = 7 * 86_400_000

Status = Literal["new", "active", "launched", "inactive"]


@dataclass(frozen=True, slots=True)
class Requests:
    """When a flag was last evaluated, in how many different ways in the recent past, and the default seen in code."""

    last_requested_ms: int
    outcomes: int
    code_default: str | None = None


def status_of(flag: Flag, config: FlagConfig, requests: Requests | None, now_ms: int) -> Status:
    """`requests` is None for a flag that was never asked for; its outcomes are those of the last seven days.

    new: made in the last seven days, never requested. inactive: not requested in the last seven days. launched:
    requested, on, with one outcome for everybody and no change for seven days. active: every other requested one.
    """
    recently = now_ms - RECENT_MS
    if requests is None and flag.creation_date >= recently:
        return "new"
    if requests is None or requests.last_requested_ms < recently:
        return "inactive"
    settled = config.on and config.last_modified < recently
    return "launched" if settled and requests.outcomes == 1 else "active"
