"""The operations of REST API v2: each resource's module ends with its rows of the table."""

from assay.api import (
    context_kinds,
    contexts,
    dependent_flags,
    environments,
    evaluations,
    experiment_results,
    experimentation_settings,
    experiments,
    experiments_beta,
    expiring_targets,
    feature_flags,
    flag_copies,
    flag_defaults,
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
    *flag_copies.OPERATIONS,
    *flag_defaults.OPERATIONS,
    *dependent_flags.OPERATIONS,
    *expiring_targets.OPERATIONS,
    *experiments.OPERATIONS,
    *experiment_results.OPERATIONS,
    *experimentation_settings.OPERATIONS,
    *holdouts.OPERATIONS,
    *layers.OPERATIONS,
    *experiments_beta.OPERATIONS,
    *evaluations.OPERATIONS,
    *metrics.OPERATIONS,
    *metric_groups.OPERATIONS,
    *segments.OPERATIONS,
    *contexts.OPERATIONS,
    *context_kinds.OPERATIONS,
    *tags.OPERATIONS,
    *tokens.OPERATIONS,
    *webhooks.OPERATIONS,
    *imports.OPERATIONS,
)

OPERATIONS = with_description(_RESOURCES)
