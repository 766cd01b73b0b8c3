"""The test of an experiment as a whole."""

from launchdarkly_api.schema import Model


class ExperimentStatsRep(Model):
    """`winning_variation_idx` is absent while there is no winner."""

    p_value: float
    chi2: float
    winning_variation_idx: int
    min_sample_size_met: bool
