"""Where pages are, with their keys percent-encoded."""

from urllib.parse import quote, urlencode

PLACE = "/p/{project}/{environment}"
PROJECT = "/settings/projects/{project}"


def address(*path: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in path)


def place_address(project: str, environment: str, *rest: str) -> str:
    """A page of a project in an environment."""
    return address("p", project, environment, *rest)


def with_query(path: str, **query: str | int | None) -> str:
    """The path with those parameters that have a value."""
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path
