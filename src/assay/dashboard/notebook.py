"""A notebook that explains an experiment, and computes its fixed-horizon figures again from the exported values."""

import json
import pprint
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.analysis.experiment_results import FailedMetric, IterationResults, MetricResults
from assay.analysis.exports import result_rows
from assay.analysis.iterations import IterationPromise, Measured
from assay.dashboard.results_view import plan_words
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.metric import Metric

_CODE = Path(__file__).with_name("recomputed.py")

# What a notebook compares, of a row of the results' export.
_FIGURES = ("units", "total", "value", "effect", "standard_error", "lift", "alpha", "verdict", "reason")
_FIXED = ("fixed_lower", "fixed_upper", "fixed_p_value", "fixed_lift_lower", "fixed_lift_upper")
_AT_EVERY_LOOK = ("sequential_lower", "sequential_upper", "sequential_p_value", "corrected_p_value")


def notebook(
    experiment: Experiment, iteration: Iteration, promise: IterationPromise, results: IterationResults
) -> bytes:
    """The notebook as JSON of nbformat 4. It reads the files that the page offers as NDJSON, by their names."""
    cells = [
        _prose(*_about(experiment, iteration, results)),
        _code(_CODE.read_text()),
        _prose(
            "## What Assay says",
            "",
            "Every figure of every metric and treatment, as it was when this file was made.",
        ),
        _code(_embedded(promise, results)),
    ]
    metrics = {one.metric.key: one.metric for one in promise.questions if isinstance(one, Measured)}
    for number, one in enumerate(results.metrics):
        cells += _metric_cells(number, one, metrics.get(one.label.key), experiment.key)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python"}
    return json.dumps(
        {
            "cells": cells,
            "metadata": {"kernelspec": kernel, "language_info": language},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    ).encode()


def values_file(experiment: str, metric: str) -> str:
    """What the export of a metric's values is called."""
    return f"{experiment}-metric-values-{metric}.ndjson"


def _about(experiment: Experiment, iteration: Iteration, results: IterationResults) -> Iterator[str]:
    yield f"# {_one_line(experiment.name)}"
    yield ""
    if iteration.hypothesis:
        yield f"> {_one_line(iteration.hypothesis)}"
        yield ""
    treatments = ", ".join(
        f"{_one_line(arm.name)} ({units} units{', the baseline' if arm.is_baseline else ''})"
        for arm, units in zip(results.arms, results.exposed, strict=True)
    )
    yield f"Units (`{_one_line(iteration.randomization_unit)}`) were randomized to {treatments}."
    yield plan_words(results.plan, several=len(results.arms) > 2)
    yield ""
    yield "This notebook needs numpy and scipy, and beside it the values of each metric as NDJSON, which the"
    yield "experiment's page offers under “Take it away”. It computes units, values, effects, lifts, fixed-horizon"
    yield "intervals and p-values again, in a way of its own, and stops where"
    yield "one differs from Assay's by more than 1e-9."
    yield "While the experiment runs, download notebook and values together: new events change both."


def _metric_cells(
    number: int, one: MetricResults | FailedMetric, metric: Metric | None, experiment: str
) -> Iterator[dict[str, Any]]:
    yield _prose(f"## {_one_line(one.label.name)}", "", *_role(one))
    left_out = _left_out(one, metric)
    if left_out:
        yield _prose(f"Not computed again here: {left_out}.")
    else:
        yield _code(
            f"print(*check(METRICS[{number}], read({values_file(experiment, one.label.key)!r})), sep='\\n')\n"
        )


def _role(one: MetricResults | FailedMetric) -> Iterator[str]:
    better = "less is better" if one.label.lower_is_better else "more is better"
    yield f"`{one.label.key}`, version {one.label.version} of its definition, {one.label.role}, {better}."


def _left_out(one: MetricResults | FailedMetric, metric: Metric | None) -> str:
    if isinstance(one, FailedMetric):
        return one.reason.reason
    if metric is None:
        return "a funnel's steps follow from several metrics' events, which the export doesn't hold"
    if metric.value_of == "percentile":
        return "a percentile's interval takes the order of all values within units"
    measures = [metric.measure, *([metric.below] if metric.below else [])]
    if any(own.winsor_lower is not None or own.winsor_upper is not None for own in measures):
        return "its values are winsorized, and the export holds them as they were before"
    return ""


def _embedded(promise: IterationPromise, results: IterationResults) -> str:
    """METRICS, a literal: the rows of the results' export by metric."""
    metrics = {one.metric.key: one.metric for one in promise.questions if isinstance(one, Measured)}
    rows = result_rows(results)
    found = []
    for one in results.metrics:
        own = [row for row in rows if (row["metric"], row.get("step")) == (one.label.key, one.label.step)]
        metric = metrics.get(one.label.key)
        found.append(
            {
                "key": one.label.key,
                "name": one.label.name,
                "estimator": one.label.estimator,
                "covariate_default": _covariate_default(metric),
                "treatments": [_treatment(row) for row in own if "treatment_id" in row],
            }
        )
    text = pprint.pformat(found, width=110, sort_dicts=False)
    return f"nan = float('nan')\nMETRICS = {text}\n"


def _covariate_default(metric: Metric | None) -> float:
    if metric is None or metric.event_default.disabled:
        return float("nan")
    return metric.event_default.value


def _treatment(row: dict[str, Any]) -> dict[str, Any]:
    named = {"id": row["treatment_id"], "name": row["treatment"], "baseline": row["baseline"]}
    figures = (*_FIGURES, *_FIXED, *_AT_EVERY_LOOK)
    return named | {name: row[name] for name in figures if name in row}


def _one_line(text: str) -> str:
    """Harmless in Markdown: no line of its own, no markup."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#!|$>~" else sign for sign in flat)


def _prose(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text}
