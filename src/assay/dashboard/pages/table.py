"""All pages: each module's rows of the table of views."""

from assay.dashboard.pages import flags, overview
from assay.dashboard.visit import View

VIEWS: tuple[View, ...] = (
    *overview.VIEWS,
    *flags.VIEWS,
)
