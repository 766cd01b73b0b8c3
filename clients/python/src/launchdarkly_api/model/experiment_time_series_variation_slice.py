"""A variation in one time bucket."""

from launchdarkly_api.model.confidence_interval_rep import ConfidenceIntervalRep
from launchdarkly_api.schema import Model


class ExperimentTimeSeriesVariationSlice(Model):
    """What the bucket added, and where the totals stood at its end."""

    value: float
    count: int
    cumulative_value: float
    cumulative_count: int
    conversion_rate: float
    cumulative_conversion_rate: float
    confidence_interval: ConfidenceIntervalRep
    cumulative_confidence_interval: ConfidenceIntervalRep
