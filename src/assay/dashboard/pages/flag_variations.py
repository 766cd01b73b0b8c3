"""A flag's variations: their values, names and descriptions."""

import json
from dataclasses import dataclass
from typing import Any

from assay.api import feature_flags
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.forms import Form
from assay.dashboard.pages.flag_targeting import FLAG
from assay.dashboard.pages.flags import parsed_value
from assay.dashboard.perform import perform
from assay.dashboard.stale import told, version_shown, version_test
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError
from assay.flags.model import Flag, Variation


@dataclass(frozen=True, slots=True)
class VariationRow:
    id: str
    value: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class VariationsPage:
    flag: FlagFrame
    kind: str
    rows: tuple[VariationRow, ...]
    version: str
    comment: str


def show_variations(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    kind = kind_of(flag)
    return _page(visit, [_row(variation, kind) for variation in flag.variations])


def change_variations(visit: Visit) -> Shown:
    form, step = visit.form, visit.form.text("do", "save")
    rows = [
        VariationRow(row.text("id"), row.raw("value"), row.text("name"), row.text("description"))
        for row in form.numbered("variation")
    ]
    if step == "add":
        return _page(visit, [*rows, VariationRow("", "", "", "")])
    if step.startswith("remove."):
        return _page(visit, [row for n, row in enumerate(rows) if str(n) != step.removeprefix("remove.")])
    return _saved(visit, rows, form)


def kind_of(flag: Flag) -> str:
    """How values are typed into forms: as text where all are, else as JSON."""
    if flag.kind == "boolean":
        return "boolean"
    return "string" if all(isinstance(one.value, str) for one in flag.variations) else "json"


def _saved(visit: Visit, rows: list[VariationRow], form: Form) -> Shown:
    flag, _ = viewed_flag(visit)
    try:
        variations = [_variation(row, kind_of(flag)) for row in rows]
        replacing = {"op": "replace", "path": "/variations", "value": variations}
        patch = [*version_test(form, "/_version"), replacing]
        body = {"patch": patch, "comment": form.raw("comment")}
        perform(visit, feature_flags.patch_flag, body, project=visit.project.key, flag=flag.key)
    except AssayError as error:
        now, _ = viewed_flag(visit)
        return _page(visit, rows, told(error, form, now.version, "flag"))
    return SeeOther(visit.here("flags", flag.key, "variations"), "The variations are saved.")


def _variation(row: VariationRow, kind: str) -> dict[str, Any]:
    value = row.value if kind == "string" else parsed_value(row.value, "json")
    optional = {"_id": row.id, "name": row.name, "description": row.description}
    return {"value": value} | {name: text for name, text in optional.items() if text}


def _row(variation: Variation, kind: str) -> VariationRow:
    value = variation.value if kind == "string" else json.dumps(variation.value, ensure_ascii=False)
    return VariationRow(variation.id, value, variation.name, variation.description)


def _page(visit: Visit, rows: list[VariationRow], error: AssayError | None = None) -> Shown:
    flag, _ = viewed_flag(visit)
    page = VariationsPage(
        flag_frame(visit, "variations"),
        kind_of(flag),
        tuple(rows),
        version_shown(visit.form, flag.version, error),
        visit.form.raw("comment"),
    )
    status, words = (error.status, str(error)) if error else (200, "")
    return Page("flag_variations.html", flag.name, page, status, words[:1].upper() + words[1:])


VIEWS = (
    View("GET", FLAG + "/variations", show_variations, "flags"),
    View("POST", FLAG + "/variations", change_variations, "flags"),
)
