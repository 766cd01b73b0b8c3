"""The operations of REST API v2: each resource's module ends with its rows of the table."""

from assay.api import (
    environments,
    evaluations,
    experimentation_settings,
    experiments,
    experiments_beta,
    feature_flags,
    members,
    metrics,
    other,
    projects,
    roles,
    segments,
    tokens,
)
from assay.api.call import Operation
from assay.api.openapi import with_description

_RESOURCES: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *environments.OPERATIONS,
    *feature_flags.OPERATIONS,
    *experiments.OPERATIONS,
    *experimentation_settings.OPERATIONS,
    *experiments_beta.OPERATIONS,
    *evaluations.OPERATIONS,
    *metrics.OPERATIONS,
    *segments.OPERATIONS,
    *tokens.OPERATIONS,
    *roles.OPERATIONS,
    *members.OPERATIONS,
    *other.OPERATIONS,
)

OPERATIONS = with_description(_RESOURCES)
