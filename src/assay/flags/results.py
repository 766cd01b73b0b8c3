"""What evaluating a flag came to, and how client-side SDKs are told."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from assay.flags.wire import WireFlag

Reason = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """One possible answer of a flag, made when the flag is compiled and shared by all who get it: change nothing.

    `variation` is None, and `value` too, where there is an error or nothing to serve. `experiment`: the
    evaluation counts for an experiment, so that SDKs must send its event and its reason. `prerequisites`: the
    direct ones that were evaluated, in order.
    """

    flag: WireFlag
    value: Any
    variation: int | None
    reason: Reason
    experiment: bool = False
    prerequisites: tuple[str, ...] = ()

    @property
    def in_experiment(self) -> bool:
        """Whether a rollout of kind `experiment` decided and counts the unit."""
        return "inExperiment" in self.reason

    @property
    def track_events(self) -> bool:
        """Whether an SDK sends an event for each such evaluation."""
        return self.experiment or bool(self.flag.track_events)

    @cached_property
    def brief(self) -> bytes:
        """The JSON member that client-side SDKs get, open at its end, for `version` to follow."""
        return self._member(self.reason if self.experiment else None)

    @cached_property
    def explained(self) -> bytes:
        """The same with its reason in any case."""
        return self._member(self.reason)

    def _member(self, reason: Reason | None) -> bytes:
        optional = {
            "variation": self.variation,
            "trackEvents": self.track_events or None,
            "trackReason": self.experiment or None,
            "reason": reason,
            "debugEventsUntilDate": self.flag.debug_events_until_date,
            "prerequisites": self.prerequisites or None,
        }
        result = {"value": self.value, "flagVersion": self.flag.version}
        result |= {name: value for name, value in optional.items() if value is not None}
        return msgspec.json.encode({self.flag.key: result})[1:-2]
