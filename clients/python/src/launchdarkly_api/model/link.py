"""Where a related resource is found."""

from launchdarkly_api.schema import Model


class Link(Model):
    """An address and its media type."""

    href: str
    type: str
