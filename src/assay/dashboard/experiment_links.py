"""Where a flag or a metric is used: the experiments of a project, with their pages."""

from dataclasses import dataclass

from assay.dashboard.addresses import place_address
from assay.dashboard.visit import Visit
from assay.experiments.experiment import FALLTHROUGH, Experiment
from assay.experiments.ownership import owned_rules
from assay.flags.model import FlagConfig


@dataclass(frozen=True, slots=True)
class RuleOwner:
    """An experiment that runs at a flag's rule; `place`: which rule that is, in words."""

    rule_id: str
    place: str
    name: str
    href: str


def rule_owners(visit: Visit, flag_key: str, config: FlagConfig) -> tuple[RuleOwner, ...]:
    """Experiments that own rules of the flag in the page's environment."""
    here = [one for one in _experiments(visit) if one.environment_key == visit.environment.key]
    places = {rule.id: f"rule {number}" for number, rule in enumerate(config.rules, 1)}
    places[FALLTHROUGH] = "the default rule"
    return tuple(
        RuleOwner(
            rule_id=one.rule_id,
            place=places.get(one.rule_id, "a rule"),
            name=one.experiment.name,
            href=visit.here("experiments", one.experiment.key),
        )
        for one in owned_rules(here, flag_key)
    )


def experiments_measuring(visit: Visit, metric_key: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses of the project's experiments, archived ones left out, that the metric measures."""
    return tuple(
        (one.name, place_address(visit.project.key, one.environment_key, "experiments", one.key))
        for one in _experiments(visit)
        if not one.archived and one.type != "holdout" and _measures(one, metric_key)
    )


def _experiments(visit: Visit) -> list[Experiment]:
    return list(visit.state.all("experiment", visit.project.key).values())


def _measures(experiment: Experiment, metric_key: str) -> bool:
    shown = [one for one in (experiment.current, experiment.draft) if one is not None]
    return any(one.key == metric_key and not one.is_group for it in shown for one in it.metrics)
