"""A variation over the whole window."""

from launchdarkly_api.model.confidence_interval_rep import ConfidenceIntervalRep
from launchdarkly_api.schema import Model


class ExperimentTotalsRep(Model):
    """`p_value` and `improvement` (a fraction) are against the baseline, on which they are absent."""

    cumulative_value: float
    cumulative_count: int
    cumulative_impression_count: int
    cumulative_conversion_rate: float
    cumulative_confidence_interval: ConfidenceIntervalRep
    p_value: float
    improvement: float
    min_sample_size: int
