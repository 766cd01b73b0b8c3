"""Results as pandas frames; pandas is imported when a frame is asked for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from launchdarkly_api.model.confidence_interval_rep import ConfidenceIntervalRep
from launchdarkly_api.model.experiment_time_series_slice import ExperimentTimeSeriesSlice
from launchdarkly_api.model.experiment_time_series_variation_slice import ExperimentTimeSeriesVariationSlice
from launchdarkly_api.model.experiment_totals_rep import ExperimentTotalsRep
from launchdarkly_api.schema import Model

if TYPE_CHECKING:
    import pandas as pd

_DTYPES: Mapping[type, str] = {float: "float64", int: "Int64"}


def totals_frame(totals: Sequence[ExperimentTotalsRep], keys: Sequence[Any]) -> "pd.DataFrame":
    """A row per variation; its columns are the same whatever the server left out."""
    rows = [_row(entry, index, keys) for index, entry in enumerate(totals)]
    return _frame(rows, {"variation": "Int64", "key": "object"} | _columns(ExperimentTotalsRep))


def series_frame(series: Sequence[ExperimentTimeSeriesSlice], keys: Sequence[Any]) -> "pd.DataFrame":
    """A row per bucket and variation; `time` is UTC."""
    rows = [
        {"time": bucket.get("time")} | _row(entry, index, keys)
        for bucket in series
        for index, entry in enumerate(bucket.get("variation_data", []))
    ]
    columns = {"time": "Int64", "variation": "Int64", "key": "object"}
    frame = _frame(rows, columns | _columns(ExperimentTimeSeriesVariationSlice))
    import pandas as pd  # noqa: PLC0415

    frame["time"] = pd.to_datetime(frame["time"], unit="ms", utc=True)
    return frame


def _frame(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415

    # Column by column: a frame of mixed rows would pass counts through floats and lose digits.
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=dtype) for name, dtype in columns.items()}
    )


def _columns(model: type[Model]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name, hint in model.field_types.items():
        ends = [f"{name}_lower", f"{name}_upper"] if hint is ConfidenceIntervalRep else [name]
        columns |= dict.fromkeys(ends, _DTYPES.get(hint, "float64"))
    return columns


def _row(entry: Model, index: int, keys: Sequence[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"variation": index, "key": keys[index] if index < len(keys) else None}
    for name, value in entry.to_dict().items():
        row |= {f"{name}_{end}": value[end] for end in value} if isinstance(value, dict) else {name: value}
    return row
