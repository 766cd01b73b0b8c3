"""Where an experiment stands among others: its share of a layer, and its holdout."""

from assay.api import layers
from assay.dashboard.experiment_form import DesignForm
from assay.dashboard.perform import perform
from assay.dashboard.visit import Visit
from assay.experiments.admission import layer_of
from assay.experiments.experiment import Experiment
from assay.experiments.holdouts import Holdout
from assay.experiments.layers import BUCKETS, Layer


def project_layers(visit: Visit) -> tuple[Layer, ...]:
    return tuple(visit.state.all("layer", visit.project.key).values())


def environment_holdouts(visit: Visit) -> tuple[Holdout, ...]:
    """The holdouts of the page's environment, those that have ended, too."""
    every: list[Holdout] = list(visit.state.all("holdout", visit.project.key).values())
    return tuple(one for one in every if one.environment_key == visit.environment.key)


def share_left(layer: Layer, environment: str, *, but: str = "") -> int:
    """Percent of the layer that are free in the environment; what the experiment `but` holds counts as free."""
    reservations = layer.environments.get(environment, ())
    return BUCKETS - sum(one.reservation_percent for one in reservations if one.experiment_key != but)


def layer_and_share(visit: Visit, experiment: Experiment) -> tuple[str, str]:
    """The key of the experiment's layer and its percent there; empty where it is in none."""
    found = layer_of(project_layers(visit), experiment)
    return (found[0].key, str(found[1].reservation_percent)) if found else ("", "")


def place_in_layer(visit: Visit, experiment: Experiment, typed: DesignForm) -> None:
    """Makes the experiment's share of a layer what was typed."""
    before, wanted = layer_and_share(visit, experiment), (typed.layer, typed.layer_share)
    if before[0] and before[0] != typed.layer:
        change_layer(visit, before[0], {"kind": "removeExperiment", "experimentKey": experiment.key})
    if typed.layer and before != wanted:
        reserve(visit, typed.layer, experiment.key, int(typed.layer_share))


def reserve(visit: Visit, layer: str, experiment: str, percent: int) -> None:
    instruction = {"kind": "updateExperimentReservation", "experimentKey": experiment}
    change_layer(visit, layer, instruction | {"reservationPercent": percent})


def change_layer(visit: Visit, layer: str, instruction: dict[str, object]) -> None:
    body = {"environmentKey": visit.environment.key, "instructions": [instruction]}
    perform(visit, layers.patch_layer, body, project=visit.project.key, layer=layer)
