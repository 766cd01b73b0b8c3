"""Tables for whoever wants to analyse elsewhere, written to files by the engine, so that size costs no memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.analysis.experiment_results import Arm, Compared, FailedMetric, IterationResults, MetricResults
from assay.analysis.iterations import IterationPromise
from assay.experiments.metric import Metric
from assay.stats.estimate import Interval, NotEstimable
from assay.warehouse.engine import Engine, FileFormat, Query
from assay.warehouse.queries.exposed_units import ExposedUnits, exposed_units, exposure_rows
from assay.warehouse.queries.unit_values import event_value_rows, unit_value_rows

# A cell that begins so would be a formula to a spreadsheet; in CSV it gets an apostrophe in front.
_FORMULA = r"^[=+\-@\t\r\n]"

_RESULT_COLUMNS = {
    **dict.fromkeys(
        ("metric", "metric_name", "role", "kind", "metric_group", "treatment_id", "treatment"), "varchar"
    ),
    **dict.fromkeys(("step", "units", "family_size", "units_needed", "units_missing"), "bigint"),
    "baseline": "boolean",
    **dict.fromkeys(
        ("total", "value", "value_lower", "value_upper", "deviation", "adjusted_value"), "double"
    ),
    **dict.fromkeys(("effect", "standard_error", "lift", "alpha"), "double"),
    **dict.fromkeys(("sequential_lower", "sequential_upper", "sequential_p_value"), "double"),
    **dict.fromkeys(("sequential_lift_lower", "sequential_lift_upper", "corrected_p_value"), "double"),
    **dict.fromkeys(("fixed_lower", "fixed_upper", "fixed_p_value"), "double"),
    **dict.fromkeys(("fixed_lift_lower", "fixed_lift_upper"), "double"),
    "verdict": "varchar",
    "reason": "varchar",
}


def write_exposures(promise: IterationPromise, engine: Engine, path: Path, file_format: FileFormat) -> None:
    """One row per exposed unit: its key, treatment and first exposure."""
    columns = "r.first_exposed_at as first_exposed_ms"
    with engine.snapshot() as snapshot:
        exposed_units(snapshot, promise.scope)
        rows = _with_treatments(exposure_rows(), promise.arms, columns, file_format)
        snapshot.write(rows, path, file_format)


def write_metric_values(
    promise: IterationPromise, metric: Metric, engine: Engine, path: Path, file_format: FileFormat
) -> None:
    """One row per exposed unit with a value (of a percentile: per event), as it was before winsorizing.

    A unit without events has the metric's default, or is left out where the metric says so.
    """
    with engine.snapshot() as snapshot:
        exposed = exposed_units(snapshot, promise.scope)
        snapshot.write(_metric_values(promise, metric, exposed, file_format), path, file_format)


def _metric_values(
    promise: IterationPromise, metric: Metric, exposed: ExposedUnits, file_format: FileFormat
) -> Query:
    default, left_out = metric.event_default.value, metric.event_default.disabled
    columns = "r.first_exposed_at as first_exposed_ms, "
    if metric.value_of == "percentile":
        rows = event_value_rows(exposed, metric)
        return _with_treatments(rows, promise.arms, columns + "r.own as value", file_format)
    days = promise.plan.covariate_days
    rows = unit_value_rows(exposed, metric, covariate_days=days)
    columns += "coalesce(r.own, $default_value) as value"
    columns += ", coalesce(r.below, 0) as denominator" if metric.below else ""
    columns += ", r.before as covariate" if days else ""
    seen = "r.own is not null" + (" or r.below is not null" if metric.below else "")
    query = _with_treatments(rows, promise.arms, columns, file_format, where=seen if left_out else "true")
    return Query(query.sql, {**query.parameters, "default_value": default})


def write_results(results: IterationResults, engine: Engine, path: Path, file_format: FileFormat) -> None:
    """One row per metric and treatment, the baseline's without a comparison."""
    lines = path.with_name("rows.ndjson")
    lines.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in result_rows(results)))
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in _RESULT_COLUMNS.items())
    names = ", ".join(
        _text(f'r."{name}"', file_format, name) if kind == "varchar" else f'r."{name}"'
        for name, kind in _RESULT_COLUMNS.items()
    )
    rows = f"select {names} from read_ndjson($rows, columns = {{{kinds}}}) r"
    with engine.snapshot() as snapshot:
        snapshot.write(Query(rows, {"rows": str(lines)}), path, file_format)


def result_rows(results: IterationResults) -> list[dict[str, Any]]:
    """The same as dictionaries; what can't be estimated is left out."""
    return [
        {name: value for name, value in row.items() if value is not None}
        for metric in results.metrics
        for row in _rows(metric, results.arms)
    ]


def _rows(metric: MetricResults | FailedMetric, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    label = metric.label
    common: dict[str, Any] = {
        "metric": label.key,
        "metric_name": label.name,
        "role": label.role,
        "kind": label.kind,
        "metric_group": label.group or None,
        "step": label.step,
    }
    if isinstance(metric, FailedMetric):
        return [common | {"reason": metric.reason.reason}]
    rows = []
    for index, (arm, own) in enumerate(zip(arms, metric.arms, strict=True)):
        row = common | {"treatment_id": arm.id, "treatment": arm.name, "baseline": arm.is_baseline}
        row |= {"units": own.units, "total": _known(own.total), "value": _known(own.value)}
        row |= _ends("value", own.interval)
        row |= {"deviation": _known(own.deviation), "adjusted_value": _known(own.adjusted)}
        rows.append(row | _comparison(metric, index))
    return rows


def _comparison(metric: MetricResults, index: int) -> dict[str, Any]:
    one, needed = metric.comparisons[index], metric.needed[index]
    if not isinstance(one, Compared):
        return {"reason": one.reason}
    row: dict[str, Any] = {
        "effect": one.effect,
        "standard_error": _known(one.standard_error),
        "lift": _known(one.lift),
        "alpha": one.alpha,
        "family_size": one.family_size,
        "sequential_p_value": _known(one.sequential.p_value),
        "corrected_p_value": _known(one.corrected_p_value),
        "fixed_p_value": _known(one.fixed.p_value),
        "verdict": one.verdict.word,
        "reason": one.verdict.reason,
    }
    for name, test in (("sequential", one.sequential), ("fixed", one.fixed)):
        row |= _ends(name, test.interval) | _ends(f"{name}_lift", test.lift_interval)
    if not isinstance(needed, NotEstimable):
        row |= {"units_needed": needed.units, "units_missing": needed.missing}
    return row


def _ends(name: str, interval: Interval | NotEstimable) -> dict[str, float]:
    if isinstance(interval, NotEstimable):
        return {}
    return {f"{name}_lower": interval.lower, f"{name}_upper": interval.upper}


def _known(figure: float | NotEstimable) -> float | None:
    return None if isinstance(figure, NotEstimable) else figure


def _with_treatments(
    rows: Query, arms: Sequence[Arm], columns: str, file_format: FileFormat, where: str = "true"
) -> Query:
    """The rows of units in some arm, with the unit's key and treatment first, in the order of the keys."""
    known = [arm for arm in arms if arm.variation >= 0]
    values = ", ".join(f"({arm.variation}, $arm_{index}, $name_{index})" for index, arm in enumerate(known))
    given: Mapping[str, str] = {
        name: text
        for index, arm in enumerate(known)
        for name, text in ((f"arm_{index}", arm.id), (f"name_{index}", arm.name))
    }
    texts = ", ".join(
        _text(name, file_format, alias)
        for name, alias in (
            ("r.unit_key", "unit_key"),
            ("t.id", "treatment_id"),
            ("t.name", "treatment"),
        )
    )
    order = "r.unit_key, value" if " as value" in columns else "r.unit_key"
    sql = f"""select {texts}, {columns}
from ({rows.sql}) r
join (values {values or "(-1, '', '')"}) t(variation, id, name) on t.variation = r.variation
where {where}
order by {order}"""
    return Query(sql, {**rows.parameters, **given})


def _text(name: str, file_format: FileFormat, alias: str) -> str:
    """A column of texts, harmless to a spreadsheet where it will be CSV."""
    if file_format != "csv":
        return f'{name} as "{alias}"'
    return f"""case when regexp_matches({name}, '{_FORMULA}') then '''' || {name} else {name} end as "{alias}\""""
