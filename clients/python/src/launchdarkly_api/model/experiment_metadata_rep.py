"""What a variation is."""

from typing import Any

from launchdarkly_api.schema import Model


class ExperimentMetadataRep(Model):
    """One per variation, in the order of `totals`: `key` is the variation's value, of any JSON type."""

    key: Any
