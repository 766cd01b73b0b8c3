"""Layers: experiments that no unit takes part in together, since each has buckets of its own.

A layer spreads units over a hundred buckets by a hash of its own, so that who is in an experiment says nothing about
the treatment there, now or in the experiment after it. SDKs learn of it by segments. A segment's hash is of its key
and salt, joined by a dot; `_boundary` cuts one text at different dots, so that segments with different keys share a
hash, and the one of 30 percent lies within the one of 50.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from assay.errors import Conflict, InvalidRequest
from assay.experiments.experiment import LayerSnapshot
from assay.flags.model import Clause
from assay.flags.segment import Segment, SegmentRule

BUCKETS = 100
Range = tuple[int, int]


class Reservation(msgspec.Struct, frozen=True, rename="camel"):
    """The buckets of an experiment, as half-open ranges of 0 to 100."""

    experiment_id: str
    experiment_key: str
    flag_key: str
    reservation_percent: int
    ranges: tuple[Range, ...]


class Layer(msgspec.Struct, frozen=True, rename="camel"):
    """A layer of a project; for each environment's key the reservations there, of one randomization unit."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    description: str
    created_at: int
    randomization_unit: str = ""
    environments: dict[str, tuple[Reservation, ...]] = {}

    def reservation(self, environment: str, experiment_key: str) -> Reservation | None:
        reservations = self.environments.get(environment, ())
        return next((one for one in reservations if one.experiment_key == experiment_key), None)


def layer_address(project: str, key: str) -> tuple[str, str, str]:
    return ("layer", project, key)


def reserved(layer: Layer, environment: str, wanted: Reservation, unit: str) -> Layer:
    """The layer with the experiment's reservation made or resized; nobody else's buckets change.

    Raises `Conflict` where too little is left, `InvalidRequest` where the unit is not the layer's.
    """
    others = [
        one for one in layer.environments.get(environment, ()) if one.experiment_key != wanted.experiment_key
    ]
    if not 1 <= wanted.reservation_percent <= BUCKETS:
        raise InvalidRequest(f"reservationPercent is a whole number from 1 to {BUCKETS}")
    left = BUCKETS - sum(one.reservation_percent for one in others)
    if wanted.reservation_percent > left:
        raise Conflict(
            f"{left} percent of the layer {layer.key!r} are left in {environment}; free some first"
        )
    alone = not others and all(not rest for name, rest in layer.environments.items() if name != environment)
    if layer.randomization_unit not in ("", unit) and not alone:
        raise InvalidRequest(
            f"the experiments of the layer {layer.key!r} randomize {layer.randomization_unit!r}, not {unit!r}"
        )
    before = layer.reservation(environment, wanted.experiment_key)
    taken = {bucket for one in others for bucket in _buckets(one.ranges)}
    held = [bucket for bucket in _buckets(before.ranges if before else ()) if bucket not in taken]
    free = [bucket for bucket in range(BUCKETS) if bucket not in taken and bucket not in held]
    ranges = _ranges([*held, *free][: wanted.reservation_percent])
    reservations = (*others, replace(wanted, ranges=ranges))
    return replace(
        layer, randomization_unit=unit, environments=layer.environments | {environment: reservations}
    )


def without_reservation(layer: Layer, environment: str, experiment_key: str) -> Layer:
    """The layer with the experiment's buckets free."""
    rest = tuple(
        one for one in layer.environments.get(environment, ()) if one.experiment_key != experiment_key
    )
    return replace(layer, environments=layer.environments | {environment: rest})


def snapshot(layer: Layer, environment: str, mine: Reservation) -> LayerSnapshot:
    """The shares of the layer as they are."""
    total = sum(one.reservation_percent for one in layer.environments[environment])
    return LayerSnapshot(layer.key, layer.name, mine.reservation_percent, total - mine.reservation_percent)


def share_key(layer: Layer, reservation: Reservation) -> str:
    """The key of the segment that holds the reservation's units."""
    return f"layer-{layer.id}-{reservation.experiment_id}"


def keeper(layer: Layer) -> str:
    return f"the layer {layer.key}"


def layer_segments(layer: Layer, environment: str) -> list[Segment]:
    """Every segment that the layer needs in an environment, those that others ask for first."""
    reservations = layer.environments.get(environment, ())
    edges = {edge for one in reservations for pair in one.ranges for edge in pair} - {0, BUCKETS}
    return [_boundary(layer, edge) for edge in sorted(edges)] + [_share(layer, one) for one in reservations]


def _boundary(layer: Layer, edge: int) -> Segment:
    """The units in the buckets below `edge`, by the hash that all segments of the layer share."""
    return Segment(
        key=_boundary_key(layer, edge),
        name=f"Layer {layer.name}: the first {edge} percent",
        creation_date=layer.created_at,
        salt=".".join("x" * (BUCKETS - edge)),
        rules=(
            SegmentRule(
                clauses=(of_kind(layer.randomization_unit),),
                weight=edge * 1000,
                rollout_context_kind=layer.randomization_unit,
                id=f"below-{edge}",
            ),
        ),
        kept_by=keeper(layer),
    )


def _share(layer: Layer, reservation: Reservation) -> Segment:
    rules = tuple(
        SegmentRule(
            clauses=(
                of_kind(layer.randomization_unit),
                *((_below(layer, end, negate=False),) if end < BUCKETS else ()),
                *((_below(layer, start, negate=True),) if start > 0 else ()),
            ),
            id=f"{start}-{end}",
        )
        for start, end in reservation.ranges
    )
    return Segment(
        key=share_key(layer, reservation),
        name=f"Layer {layer.name}: the share of {reservation.experiment_key}",
        creation_date=layer.created_at,
        salt=reservation.experiment_id,
        rules=rules,
        kept_by=keeper(layer),
    )


def of_kind(unit: str) -> Clause:
    """Whoever has a context of the kind."""
    return Clause("kind", "in", (unit,), id=f"kind-{unit}")


def _below(layer: Layer, edge: int, *, negate: bool) -> Clause:
    return Clause("", "segmentMatch", (_boundary_key(layer, edge),), negate=negate, id=f"{edge}-{negate}")


def _boundary_key(layer: Layer, edge: int) -> str:
    return f"layer-{layer.id}" + ".x" * edge


def _buckets(ranges: Iterable[Range]) -> list[int]:
    return [bucket for start, end in ranges for bucket in range(start, end)]


def _ranges(buckets: list[int]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for bucket in sorted(buckets):
        if ranges and ranges[-1][1] == bucket:
            ranges[-1] = (ranges[-1][0], bucket + 1)
        else:
            ranges.append((bucket, bucket + 1))
    return tuple(ranges)
