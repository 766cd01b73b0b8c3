"""The variations of one time bucket."""

from launchdarkly_api.model.experiment_time_series_variation_slice import ExperimentTimeSeriesVariationSlice
from launchdarkly_api.schema import ModelList


class ExperimentTimeSeriesVariationSlices(ModelList[ExperimentTimeSeriesVariationSlice]):
    """One per variation, in the order of `totals`; a list that is also its own `.value`."""

    item_type = ExperimentTimeSeriesVariationSlice
