"""The results of one metric of one experiment."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from launchdarkly_api.frames import series_frame, totals_frame
from launchdarkly_api.model.experiment_metadata_rep import ExperimentMetadataRep
from launchdarkly_api.model.experiment_stats_rep import ExperimentStatsRep
from launchdarkly_api.model.experiment_time_series_slice import ExperimentTimeSeriesSlice
from launchdarkly_api.model.experiment_totals_rep import ExperimentTotalsRep
from launchdarkly_api.model.link import Link
from launchdarkly_api.schema import Model

if TYPE_CHECKING:
    import pandas as pd


class ResultFrames(NamedTuple):
    """What `to_pandas` returns."""

    totals: "pd.DataFrame"
    series: "pd.DataFrame"


class ExperimentResultsRep(Model):
    """`metadata`, `totals` and each bucket of `series` have one entry per variation, in the same order."""

    wire_names: ClassVar = {"links": "_links"}

    links: dict[str, Link]
    metadata: list[ExperimentMetadataRep]
    totals: list[ExperimentTotalsRep]
    series: list[ExperimentTimeSeriesSlice]
    stats: ExperimentStatsRep
    granularity: str

    def to_pandas(self) -> ResultFrames:
        """`totals`: a row per variation. `series`: a row per bucket and variation. Needs pandas."""
        keys = [entry.get("key") for entry in self.get("metadata", [])]
        return ResultFrames(
            totals_frame(self.get("totals", []), keys), series_frame(self.get("series", []), keys)
        )
