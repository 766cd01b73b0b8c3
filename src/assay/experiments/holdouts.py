"""Holdouts: units that all experiments of a holdout leave alone, so that their sum can be measured.

A holdout is a flag with an experiment of its own (held out or not) and a segment of the units held out. A flag and a
segment with the same key and salt have the same hash, so the two agree on every unit.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from assay.errors import InvalidRequest
from assay.experiments.experiment import PERCENT
from assay.experiments.layers import of_kind
from assay.flags.segment import Segment, SegmentRule

HoldoutStatus = Literal["created", "enabled", "running", "ended"]


class Holdout(msgspec.Struct, frozen=True, rename="camel"):
    """A holdout of an environment. `flag_key` is its flag's, its segment's and its base experiment's."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    environment_key: str
    flag_key: str
    holdout_amount: str
    randomization_unit: str
    salt: str
    created_at: int
    updated_at: int
    description: str = ""
    ended_at: int | None = None

    @property
    def weight(self) -> int:
        """The share held out, in thousandths of a percent; nobody is once it has ended."""
        return 0 if self.ended_at is not None else int(Decimal(self.holdout_amount) * 1000)


def check_holdout(holdout: Holdout) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    amount = holdout.holdout_amount
    if not PERCENT.fullmatch(amount) or not 0 < int(Decimal(amount) * 1000) < 100_000:
        raise InvalidRequest(
            f'holdoutamount is a percentage as text, above "0" and below "100", not {amount[:40]!r}'
        )
    if not holdout.name:
        raise InvalidRequest("a holdout's name is not empty")


def holdout_address(project: str, environment: str, key: str) -> tuple[str, str, str]:
    return ("holdout", project, f"{environment}/{key}")


def keeper(holdout: Holdout) -> str:
    return f"the holdout {holdout.key}"


def held_out(holdout: Holdout) -> Segment:
    """The segment of the units that are held out."""
    return Segment(
        key=holdout.flag_key,
        name=f"Holdout {holdout.name}",
        creation_date=holdout.created_at,
        salt=holdout.salt,
        rules=(
            SegmentRule(
                clauses=(of_kind(holdout.randomization_unit),),
                weight=holdout.weight,
                rollout_context_kind=holdout.randomization_unit,
                id="held-out",
            ),
        ),
        kept_by=keeper(holdout),
    )
