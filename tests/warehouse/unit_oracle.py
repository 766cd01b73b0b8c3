"""What a unit's value is, in plain Python over plain events: the rules a unit at a time, to hold the SQL against."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import msgspec

from assay.experiments.event_filter import ContextAttribute, EventProperty, Filter, Group
from assay.experiments.metric import Measure, Metric
from assay.flags.clauses import Scope, compile_clause
from assay.flags.context import parse_context
from assay.flags.operators import compile_test
from assay.flags.wire import WireClause
from assay.warehouse.queries.exposures import ExposureScope

DAY_MS = 86_400_000
Value = Fraction | None


@dataclass(frozen=True)
class Seen:
    """One event as it was accepted, with the number of its payload and the time taken for it."""

    seq: int
    at_ms: int
    event: dict[str, Any]


@dataclass
class Unit:
    """An exposed unit, and the exposures that made it one."""

    variation: int
    first_ms: int
    exposures: list[Seen] = field(default_factory=list)


def accepted(payloads: Iterable[tuple[int, list[dict[str, Any]]]]) -> list[Seen]:
    return [Seen(seq, int(event["creationDate"]), event) for seq, events in payloads for event in events]


def contexts(event: dict[str, Any]) -> dict[str, dict[str, Any] | None]:
    """The contexts of an event by kind; None where only the key is told."""
    context = event.get("context")
    if context is None:
        return dict.fromkeys(event.get("contextKeys") or {})
    if context["kind"] != "multi":
        return {context["kind"]: context}
    return {kind: part for kind, part in context.items() if kind != "kind"}


def key_of(event: dict[str, Any], kind: str) -> str | None:
    told = contexts(event).get(kind)
    if told is not None:
        key: str = told["key"]
        return key
    return (event.get("contextKeys") or {}).get(kind)


def exposed(events: list[Seen], scope: ExposureScope) -> tuple[dict[str, Unit], int]:
    """The units by key, in its order, and how many were left out for several variations."""
    own: dict[str, list[Seen]] = {}
    for seen in events:
        key = key_of(seen.event, scope.unit_kind)
        if key is not None and _exposes(seen, scope):
            own.setdefault(key, []).append(seen)
    units, left_out = {}, 0
    for key, exposures in sorted(own.items()):
        variations = {seen.event["variation"] for seen in exposures}
        if len(variations) > 1:
            left_out += 1
        else:
            units[key] = Unit(variations.pop(), min(seen.at_ms for seen in exposures), exposures)
    return units, left_out


def _exposes(seen: Seen, scope: ExposureScope) -> bool:
    event = seen.event
    if event["kind"] != "feature" or event["key"] != scope.flag or seen.seq <= scope.after_seq:
        return False
    if event.get("variation") is None or event["variation"] >= scope.variations or seen.at_ms >= scope.end_ms:
        return False
    reason = event.get("reason") or {}
    if scope.in_experiment_only and not reason.get("inExperiment"):
        return False
    if scope.rule == "fallthrough" and reason.get("kind") != "FALLTHROUGH":
        return False
    if scope.rule not in ("", "fallthrough") and reason.get("ruleId") != scope.rule:
        return False
    version = event.get("version")
    if scope.versions is None or version is None:
        return seen.at_ms >= scope.start_ms
    first, end = scope.versions
    return version >= first and (end is None or version < end)


def own_events(events: list[Seen], scope: ExposureScope, measure: Measure, key: str) -> list[Seen]:
    """The events of a measure about a unit, whenever they happened."""
    return [
        seen
        for seen in events
        if seen.event["kind"] == measure.kind
        and seen.event["key"] == measure.event_key
        and key_of(seen.event, scope.unit_kind) == key
        and seen.seq > scope.after_seq
        and (measure.filters is None or passes(seen.event, measure.filters))
    ]


def in_window(seen: Seen, scope: ExposureScope, measure: Measure, first_ms: int) -> bool:
    since = seen.at_ms - first_ms
    until = measure.window_end
    return seen.at_ms < scope.end_ms and since >= measure.window_start and (until is None or since < until)


def passes(event: dict[str, Any], tree: Filter) -> bool:
    if isinstance(tree, Group):
        results = [passes(event, part) for part in tree.values]
        return (all(results) if tree.op in ("all", "and") else any(results)) is not tree.negate
    if isinstance(tree, EventProperty):
        value = walk(event.get("data"), tree.path or ())
        test = compile_test(tree.op, list(tree.values))
        fits = any(map(test, value)) if isinstance(value, list) else test(value)
        return value is not None and fits is not tree.negate
    return _clause_passes(event, tree)


def _clause_passes(event: dict[str, Any], leaf: ContextAttribute) -> bool:
    """What a flag's clause would say of the context that the event tells."""
    told = contexts(event).get(leaf.context_kind)
    if told is None:
        key = (event.get("contextKeys") or {}).get(leaf.context_kind)
        if key is None or leaf.path != ("key",):
            return False
        told = {"key": key}
    clause = WireClause(
        attribute=leaf.attribute,
        op=leaf.op,
        values=list(leaf.values),
        context_kind=leaf.context_kind,
        negate=leaf.negate,
    )
    context = parse_context({**told, "kind": leaf.context_kind})
    return compile_clause(clause)(Scope(context, {}, {}))


def walk(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def made(events: list[Seen], measure: Measure) -> Value:
    """The value that events make; None where none counts."""
    found = [_value_of(seen.event, measure) for seen in events]
    counted = [value for value in found if value is not None]
    if not counted:
        return None
    if measure.value_of == "count_distinct":
        return Fraction(len(set(counted)))
    if measure.value_of in ("conversion", "count"):
        return Fraction(1 if measure.value_of == "conversion" else len(counted))
    total = sum(map(Fraction, counted), Fraction(0))
    return total / len(counted) if measure.value_of == "average" else total


def _value_of(event: dict[str, Any], measure: Measure) -> Any:
    if not measure.property_name:
        return event.get("metricValue") if measure.numeric else 1
    path = (
        measure.property_name.strip("/").split("/")
        if "/" in measure.property_name
        else [measure.property_name]
    )
    value = walk(event.get("data"), path)
    if value is None:
        return None
    if measure.numeric:
        return value if type(value) in (int, float) and abs(value) <= 1e30 else None
    return msgspec.json.encode(value)


@dataclass(frozen=True)
class Row:
    """What one exposed unit has; None where there is no value."""

    variation: int
    value: Value
    denominator: Value
    covariate: Value
    slice: str | None


def rows(
    events: list[Seen], scope: ExposureScope, metric: Metric, *, days: int, slice_by: str | None
) -> Iterator[Row]:
    """One for each exposed unit by key, before defaults and winsorizing."""
    for key, unit in exposed(events, scope)[0].items():
        measures = [metric.measure, *([metric.below] if metric.below else [])]
        values = []
        for measure in measures:
            own = own_events(events, scope, measure, key)
            values.append(made([s for s in own if in_window(s, scope, measure, unit.first_ms)], measure))
        before = [
            seen
            for seen in own_events(events, scope, metric.measure, key)
            if unit.first_ms - days * DAY_MS <= seen.at_ms < unit.first_ms
        ]
        told = None if slice_by is None else _slice(unit, scope, slice_by)
        yield Row(
            unit.variation,
            values[0],
            values[-1] if metric.below else None,
            made(before, metric.measure),
            told,
        )


def _slice(unit: Unit, scope: ExposureScope, attribute: str) -> str | None:
    found = []
    for seen in unit.exposures:
        value = (contexts(seen.event).get(scope.unit_kind) or {}).get(attribute)
        if value is not None:
            found.append(
                (seen.at_ms, value if isinstance(value, str) else msgspec.json.encode(value).decode())
            )
    return min(found)[1] if found else None


def winsorized(values: list[Value], default: Value, measure: Measure) -> list[Value]:
    """With the default where there is none, and the rest no further out than the percentiles."""
    filled = [default if value is None else value for value in values]
    counted = sorted(
        filled_value
        for value, filled_value in zip(values, filled, strict=True)
        if filled_value is not None and (value is not None or measure.winsor_imputed)
    )
    low, high = (_percentile(counted, percent) for percent in (measure.winsor_lower, measure.winsor_upper))
    result: list[Value] = []
    for value, filled_value in zip(values, filled, strict=True):
        if filled_value is None or (value is None and not measure.winsor_imputed):
            result.append(filled_value)
        else:
            at_least = filled_value if low is None else max(filled_value, low)
            result.append(at_least if high is None else min(at_least, high))
    return result


def _percentile(ordered: list[Fraction], percent: float | None) -> Fraction | None:
    """The smallest value that at least this share of the values doesn't exceed."""
    if percent is None or not ordered:
        return None
    share = Fraction(percent) / 100
    return next(
        value
        for rank, value in enumerate(ordered, 1)
        if Fraction(rank, len(ordered)) >= min(share, Fraction(1))
    )


def funnel(events: list[Seen], scope: ExposureScope, metrics: Sequence[Metric]) -> list[int]:
    steps = []
    for key, unit in exposed(events, scope)[0].items():
        reached, passed = unit.first_ms, 0
        for metric in metrics:
            times = [
                seen.at_ms
                for seen in own_events(events, scope, metric.measure, key)
                if in_window(seen, scope, metric.measure, unit.first_ms) and seen.at_ms >= reached
            ]
            if not times:
                break
            reached, passed = min(times), passed + 1
        steps.append(passed)
    return steps


def event_rows(events: list[Seen], scope: ExposureScope, metric: Metric) -> list[tuple[int, float, str]]:
    """The events that a percentile is of: variation, value, unit key."""
    found = []
    for key, unit in exposed(events, scope)[0].items():
        own = own_events(events, scope, metric.measure, key)
        counted = [seen for seen in own if in_window(seen, scope, metric.measure, unit.first_ms)]
        values = [_value_of(seen.event, metric.measure) for seen in counted]
        found += [(unit.variation, float(value), key) for value in values if value is not None]
    return sorted(found, key=lambda row: (row[2], row[1]))
