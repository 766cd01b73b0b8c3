"""A promise of an iteration's analysis, for tests that load tables themselves."""

from typing import Any

from analysis.iterations import plan
from assay.analysis.experiment_results import Arm
from assay.analysis.iterations import NO_END, IterationPromise, Measured
from assay.experiments.metric import Metric
from assay.warehouse.queries.exposures import ExposureScope

BASE_MS = 1_799_000_000_000
VERSION = 5


def metric(key: str = "metric", **fields: Any) -> Metric:
    return Metric("id", key, key, "custom", 0, **{"event_key": "metric", **fields})


def promise(
    *metrics: Metric, arms: int = 2, plans: dict[str, Any] | None = None, **fields: Any
) -> IterationPromise:
    """A running iteration with even arms at the fallthrough; `fields` are those of its one metric."""
    asked = metrics or (metric(**fields),)
    return IterationPromise(
        iteration_id="iteration",
        scope=ExposureScope(
            environment="env",
            flag="flag",
            unit_kind="user",
            variations=arms,
            start_ms=BASE_MS,
            end_ms=NO_END,
            after_seq=0,
            versions=(VERSION, None),
            rule="fallthrough",
            in_experiment_only=True,
        ),
        arms=tuple(Arm(f"id-{i}", f"arm {i}", i, 1 / arms, i == 0) for i in range(arms)),
        plan=plan(**(plans or {})),
        questions=tuple(Measured(one, "secondary" if i else "primary") for i, one in enumerate(asked)),
        started_ms=BASE_MS,
        ended_ms=None,
        is_over=False,
        as_of_ms=BASE_MS + 86_400_000,
        flag_is_on=True,
    )
