"""From a page context to HTML: templates that escape everything, and the words and times they need."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assay.dashboard.addresses import address, place_address, with_query
from assay.dashboard.numbers import whole
from assay.dashboard.static_files import static_address

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """An entry of the navigation; `current` where the page belongs to it."""

    label: str
    href: str
    icon: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class PlaceLink:
    """A project or an environment to go to; `colour` is six hexadecimal digits."""

    label: str
    href: str
    colour: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page: navigation, who is signed in, what is to be said once."""

    title: str
    theme: str
    csrf: str = ""
    who: str = ""
    role: str = ""
    project: str = ""
    project_name: str = ""
    environment: str = ""
    environment_name: str = ""
    environment_colour: str = ""
    projects: tuple[PlaceLink, ...] = ()
    environments: tuple[PlaceLink, ...] = ()
    navigation: tuple[NavigationLink, ...] = ()
    organization: tuple[NavigationLink, ...] = ()
    notice: str = ""
    target: str = "/"

    def here(self, *rest: str) -> str:
        """A page of the project and environment that are looked at."""
        return place_address(self.project, self.environment, *rest)


def render(template: str, frame: Frame, page: Any, error: str = "") -> bytes:
    """The page as bytes; a name that the template uses and nobody gave is an error."""
    return _templates().get_template(template).render(frame=frame, page=page, error=error).encode()


def render_alone(template: str, page: Any) -> bytes:
    """A file without the frame of pages."""
    return _templates().get_template(template).render(page=page).encode()


def moment(epoch_ms: int | None, words: str = "") -> Markup:
    """A time as the reader's machine will say it, with UTC on hover. `words`: "ago" for a distance from now."""
    if epoch_ms is None:
        return Markup('<span class="quiet">never</span>')
    try:
        at = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return Markup('<span class="quiet">at no time</span>')
    utc = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}" data-words="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), utc, words, utc[:16]
    )


def counted(number: float, noun: str, nouns: str = "") -> str:
    """`1 event`, `2,000 events`."""
    return f"{whole(number)} {noun if number == 1 else nouns or noun + 's'}"


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: Mapping[str, Any] = {
        "moment": moment,
        "counted": counted,
        "whole": whole,
    }
    environment.filters.update(filters)
    environment.globals.update(static=static_address, address=address, with_query=with_query)
    return environment
