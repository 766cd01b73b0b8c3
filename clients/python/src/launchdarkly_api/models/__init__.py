"""Every model."""

from launchdarkly_api.model.confidence_interval_rep import ConfidenceIntervalRep
from launchdarkly_api.model.experiment_metadata_rep import ExperimentMetadataRep
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep
from launchdarkly_api.model.experiment_stats_rep import ExperimentStatsRep
from launchdarkly_api.model.experiment_time_series_slice import ExperimentTimeSeriesSlice
from launchdarkly_api.model.experiment_time_series_variation_slice import ExperimentTimeSeriesVariationSlice
from launchdarkly_api.model.experiment_time_series_variation_slices import ExperimentTimeSeriesVariationSlices
from launchdarkly_api.model.experiment_totals_rep import ExperimentTotalsRep
from launchdarkly_api.model.link import Link

__all__ = [
    "ConfidenceIntervalRep",
    "ExperimentMetadataRep",
    "ExperimentResultsRep",
    "ExperimentStatsRep",
    "ExperimentTimeSeriesSlice",
    "ExperimentTimeSeriesVariationSlice",
    "ExperimentTimeSeriesVariationSlices",
    "ExperimentTotalsRep",
    "Link",
]
