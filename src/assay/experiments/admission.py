"""Which units an iteration may take when it starts: its share of a layer, and nobody of its holdout."""

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.experiments.drafts import Surroundings
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.holdouts import Holdout
from assay.experiments.layers import Layer, Reservation, share_key, snapshot


def admitting(draft: Iteration, experiment: Experiment, around: Surroundings) -> Iteration:
    """The draft with the segments that limit who takes part."""
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    found = layer_of(around.layers, experiment)
    if found is not None:
        layer, mine = found
        _check_unit(draft, f"the layer {layer.key!r}", layer.randomization_unit)
        inside = (share_key(layer, mine),)
        draft = replace(draft, layer_snapshot=snapshot(layer, experiment.environment_key, mine))
    holdout = holdout_of(around.holdouts, experiment)
    if holdout is not None and holdout.ended_at is None:
        _check_unit(draft, f"the holdout {holdout.key!r}", holdout.randomization_unit)
        outside = (holdout.flag_key,)
    return replace(draft, inside=inside, outside=outside)


def layer_of(layers: tuple[Layer, ...], experiment: Experiment) -> tuple[Layer, Reservation] | None:
    """The layer that the experiment has a reservation in, with that."""
    for layer in layers:
        found = layer.reservation(experiment.environment_key, experiment.key)
        if found is not None:
            return layer, found
    return None


def holdout_of(holdouts: tuple[Holdout, ...], experiment: Experiment) -> Holdout | None:
    """The experiment's holdout; `InvalidRequest` where its environment has none with that id."""
    if not experiment.holdout_id:
        return None
    for holdout in holdouts:
        if holdout.id == experiment.holdout_id and holdout.environment_key == experiment.environment_key:
            return holdout
    raise InvalidRequest(
        f"there is no holdout with the _id {experiment.holdout_id[:60]!r} in this environment"
    )


def _check_unit(draft: Iteration, what: str, unit: str) -> None:
    if draft.randomization_unit != unit:
        raise InvalidRequest(
            f"{what} is about units of kind {unit!r}, but the iteration randomizes {draft.randomization_unit!r}"
        )
