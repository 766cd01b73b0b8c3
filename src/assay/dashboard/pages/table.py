"""All pages: each module's rows of the table of views."""

from assay.dashboard.pages import (
    audit,
    connect,
    diagnosis,
    experiment,
    experiment_files,
    flag_about,
    flag_experiment,
    flag_history,
    flag_preview,
    flag_targeting,
    flag_variations,
    flags,
    live,
    metrics,
    overview,
    projects,
    segments,
    tokens,
)
from assay.dashboard.visit import View

VIEWS: tuple[View, ...] = (
    *overview.VIEWS,
    *flags.VIEWS,
    *flag_targeting.VIEWS,
    *flag_preview.VIEWS,
    *flag_variations.VIEWS,
    *flag_history.VIEWS,
    *flag_about.VIEWS,
    *flag_experiment.VIEWS,
    *segments.VIEWS,
    *metrics.VIEWS,
    *experiment.VIEWS,
    *experiment_files.VIEWS,
    *live.VIEWS,
    *diagnosis.VIEWS,
    *connect.VIEWS,
    *audit.VIEWS,
    *tokens.VIEWS,
    *projects.VIEWS,
)
