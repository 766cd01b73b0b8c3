"""What an analysis left out or rests on, counted."""

from assay.analysis.results import Health
from assay.experiments.metric import Measure
from assay.warehouse.engine import whole
from assay.warehouse.queries.exposed_units import ExposedUnits
from assay.warehouse.queries.exposures import evaluations
from assay.warehouse.queries.metric_values import event_health

FALLTHROUGH = ""

# By flag version: the places (rule ids, "" for the fallthrough) that a percentage rollout randomizes.
Randomized = dict[int, frozenset[str]]


def health_of(exposed: ExposedUnits, measure: Measure, randomized: Randomized) -> Health:
    """The snapshot keeps the measure's events as `OWN_EVENTS`."""
    rows = exposed.snapshot.columns(evaluations(exposed.scope))
    events = whole(rows["events"]) - whole(rows["unit_missing"])
    places = zip(rows["version"], rows["reason_kind"], rows["rule_id"], rows["in_experiment"], strict=True)
    by_chance = [_by_chance(randomized, int(v), kind, rule, bool(inside)) for v, kind, rule, inside in places]
    ((value_missing, skewed),) = exposed.snapshot.rows(event_health(measure))
    return Health(
        multiple_variations=exposed.left_out,
        unit_missing=int(whole(rows["unit_missing"]).sum()),
        not_randomized=sum(int(n) for n, chance in zip(events, by_chance, strict=True) if not chance),
        value_missing=value_missing if measure.numeric else 0,
        clock_skew=int(whole(rows["skewed"]).sum()) + int(skewed),
    )


def _by_chance(randomized: Randomized, version: int, kind: str, rule: str, in_experiment: bool) -> bool:
    """Whether a percentage rollout chose the variation, by the flag's version where the event names one we know."""
    if in_experiment:
        return True
    places = randomized.get(version)
    if places is None:
        return kind in ("FALLTHROUGH", "RULE_MATCH", "")
    if kind == "RULE_MATCH":
        return rule in places
    return FALLTHROUGH in places if kind == "FALLTHROUGH" else kind == "" and bool(places)
