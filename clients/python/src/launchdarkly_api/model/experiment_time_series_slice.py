"""One time bucket."""

from typing import ClassVar

from launchdarkly_api.model.experiment_time_series_variation_slices import ExperimentTimeSeriesVariationSlices
from launchdarkly_api.schema import Model


class ExperimentTimeSeriesSlice(Model):
    """`time` is the start of the bucket in epoch milliseconds."""

    wire_names: ClassVar = {"time": "Time", "variation_data": "VariationData"}

    time: int
    variation_data: ExperimentTimeSeriesVariationSlices
