"""Every class of operations."""

from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi as ExperimentsBetaApi
