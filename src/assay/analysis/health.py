"""What an analysis left out or rests on, counted."""

from assay.analysis.results import Health
from assay.warehouse.engine import Engine, whole
from assay.warehouse.queries.exposures import evaluations, units_in_several_variations
from assay.warehouse.queries.metric_values import MetricScope, event_health

FALLTHROUGH = ""

# By flag version: the places (rule ids, "" for the fallthrough) that a percentage rollout randomizes.
Randomized = dict[int, frozenset[str]]


def health_of(engine: Engine, wanted: MetricScope, randomized: Randomized) -> Health:
    rows = engine.columns(evaluations(wanted.scope))
    events = whole(rows["events"]) - whole(rows["unit_missing"])
    places = zip(rows["version"], rows["reason_kind"], rows["rule_id"], rows["in_experiment"], strict=True)
    by_chance = [_by_chance(randomized, int(v), kind, rule, bool(inside)) for v, kind, rule, inside in places]
    ((several,),) = engine.rows(units_in_several_variations(wanted.scope))
    ((value_missing, skewed),) = engine.rows(event_health(wanted))
    numeric = wanted.value_of in ("sum", "average")
    return Health(
        multiple_variations=several,
        unit_missing=int(whole(rows["unit_missing"]).sum()),
        not_randomized=sum(int(n) for n, chance in zip(events, by_chance, strict=True) if not chance),
        value_missing=value_missing if numeric else 0,
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
