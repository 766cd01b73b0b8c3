"""The operations of REST API v2: each resource's module ends with its rows of the table."""

from assay.api import (
    environments,
    evaluations,
    experimentation_settings,
    experiments,
    experiments_beta,
    feature_flags,
    holdouts,
    imports,
    layers,
    metric_groups,
    metrics,
    projects,
    segments,
    tags,
    tokens,
    webhooks,
)
from assay.api.call import Operation
from assay.api.openapi import with_description

_RESOURCES: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *environments.OPERATIONS,
    *feature_flags.OPERATIONS,
    *experiments.OPERATIONS,
    *experimentation_settings.OPERATIONS,
    *holdouts.OPERATIONS,
    *layers.OPERATIONS,
    *experiments_beta.OPERATIONS,
    *evaluations.OPERATIONS,
    *metrics.OPERATIONS,
    *metric_groups.OPERATIONS,
    *segments.OPERATIONS,
    *tags.OPERATIONS,
    *tokens.OPERATIONS,
    *webhooks.OPERATIONS,
    *imports.OPERATIONS,
)

OPERATIONS = with_description(_RESOURCES)
