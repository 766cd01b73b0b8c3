"""An interval on a metric's own scale."""

from launchdarkly_api.schema import Model


class ConfidenceIntervalRep(Model):
    """Its two ends."""

    upper: float
    lower: float
