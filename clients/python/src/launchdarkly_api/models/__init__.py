"""Every model."""

from launchdarkly_api.model.confidence_interval_rep import ConfidenceIntervalRep as ConfidenceIntervalRep
from launchdarkly_api.model.experiment_metadata_rep import ExperimentMetadataRep as ExperimentMetadataRep
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep as ExperimentResultsRep
from launchdarkly_api.model.experiment_stats_rep import ExperimentStatsRep as ExperimentStatsRep
from launchdarkly_api.model.experiment_time_series_slice import (
    ExperimentTimeSeriesSlice as ExperimentTimeSeriesSlice,
)
from launchdarkly_api.model.experiment_time_series_variation_slice import (
    ExperimentTimeSeriesVariationSlice as ExperimentTimeSeriesVariationSlice,
)
from launchdarkly_api.model.experiment_time_series_variation_slices import (
    ExperimentTimeSeriesVariationSlices as ExperimentTimeSeriesVariationSlices,
)
from launchdarkly_api.model.experiment_totals_rep import ExperimentTotalsRep as ExperimentTotalsRep
from launchdarkly_api.model.link import Link as Link
