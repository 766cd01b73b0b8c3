"""Who would get what: a pasted context evaluated as SDKs do, in every environment."""

from dataclasses import dataclass
from typing import Any

from assay.api import environments
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.forms import parsed_json
from assay.dashboard.pages.flag_targeting import FLAG
from assay.dashboard.perform import may
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.dashboard.words import reason_words, value_text, variation_label
from assay.errors import AssayError
from assay.flags.context import Context, parse_context
from assay.flags.evaluation import evaluate
from assay.flags.model import Flag
from assay.store.records import Environment

EXAMPLE = """{
  "kind": "user",
  "key": "user-123",
  "email": "ada@example.com",
  "country": "DE"
}"""


@dataclass(frozen=True, slots=True)
class Served:
    """What the context gets in an environment; `index` is -1 where the caller's default is served."""

    environment: str
    colour: str
    current: bool
    index: int
    label: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class PreviewPage:
    flag: FlagFrame
    context: str
    served: tuple[Served, ...]


def show_preview(visit: Visit) -> Shown:
    return _page(visit, EXAMPLE, ())


def preview(visit: Visit) -> Shown:
    text = visit.form.raw("context")
    flag, _ = viewed_flag(visit)
    try:
        context = parse_context(_parsed(text))
    except AssayError as error:
        return _page(visit, text, (), error)
    readable = [
        environment
        for environment in visit.project.environments
        if may(visit, environments.get_environment, project=visit.project.key, environment=environment.key)
    ]
    return _page(visit, text, tuple(_served(visit, flag, environment, context) for environment in readable))


def _parsed(text: str) -> Any:
    """A JSON object, or a lone word as the key of a user."""
    if text.strip() and not text.lstrip().startswith(("{", "[", '"')):
        return {"kind": "user", "key": text.strip()}
    return parsed_json(text)


def _served(visit: Visit, flag: Flag, environment: Environment, context: Context) -> Served:
    _, compiled = visit.rooms.flag_sets.compiled((visit.project.key, environment))
    found = evaluate(compiled, flag.key, context)
    config = flag.environments[environment.key]
    nothing = "The flag is archived, so SDKs don't know it." if flag.archived else "SDKs don't know it yet."
    index = None if found is None else found.variation
    return Served(
        environment=environment.name,
        colour=environment.color,
        current=environment.key == visit.environment.key,
        index=-1 if index is None else index,
        label=variation_label(flag, index),
        value="" if found is None or index is None else value_text(found.value, 2000),
        reason=nothing if found is None else reason_words(config, found),
    )


def _page(visit: Visit, text: str, served: tuple[Served, ...], error: AssayError | None = None) -> Shown:
    page = PreviewPage(flag_frame(visit, "preview"), text, served)
    status, words = (error.status, str(error)) if error else (200, "")
    return Page("flag_preview.html", page.flag.name, page, status, words[:1].upper() + words[1:])


VIEWS = (
    View("GET", FLAG + "/preview", show_preview, "flags"),
    View("POST", FLAG + "/preview", preview, "flags"),
)
