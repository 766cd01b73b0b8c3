"""A flag's name, tags and availability; its end: archive, delete. And how code asks for it."""

from dataclasses import dataclass
from typing import Any

from assay.api import environments, feature_flags
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.pages.flag_targeting import FLAG
from assay.dashboard.perform import check, may, perform
from assay.dashboard.snippets import Snippet, snippets
from assay.dashboard.stale import told, version_shown, version_test
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest


@dataclass(frozen=True, slots=True)
class FlagAboutPage:
    flag: FlagFrame
    name: str
    description: str
    tags: str
    temporary: bool
    version: str
    browsers: bool
    mobile: bool
    created_ms: int
    may_delete: bool
    comment: str


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """`in_browsers`: client-side SDKs may see the flag."""

    flag: FlagFrame
    sdk_key: str
    mobile_key: str
    client_id: str
    in_browsers: bool
    snippets: tuple[Snippet, ...]


def show_about(visit: Visit) -> Shown:
    return _page(visit)


def change_about(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    step = visit.form.text("do", "save")
    try:
        if step == "delete":
            return _deleted(visit, flag.key, flag.name)
        archiving = step in ("archive", "restore")
        patch = _archiving(step == "archive") if archiving else _patch(visit)
        body = {"patch": patch, "comment": visit.form.raw("comment")}
        perform(visit, feature_flags.patch_flag, body, project=visit.project.key, flag=flag.key)
    except AssayError as error:
        now, _ = viewed_flag(visit)
        return _page(visit, told(error, visit.form, now.version, "flag"))
    notice = {"archive": "Archived. SDKs don't get it any more.", "restore": "Restored."}.get(step, "Saved.")
    return SeeOther(visit.here("flags", flag.key, "about"), notice)


def show_connect(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    environment = visit.environment
    place = {"project": visit.project.key, "environment": environment.key}
    check(visit, environments.get_environment, **place)
    default = flag.variations[flag.defaults.off_variation].value
    page = ConnectPage(
        flag=flag_frame(visit, "connect"),
        sdk_key=environment.sdk_key,
        mobile_key=environment.mobile_key,
        client_id=environment.id,
        in_browsers=flag.client_side_availability.using_environment_id,
        snippets=snippets(visit.origin, environment.id, flag.key, default),
    )
    return Page("flag_connect.html", flag.name, page)


def _archiving(archived: bool) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "/archived", "value": archived}]


def _patch(visit: Visit) -> list[dict[str, Any]]:
    form = visit.form
    if not form.text("name"):
        raise InvalidRequest("a flag has a name")
    values = {
        "name": form.text("name"),
        "description": form.raw("description"),
        "tags": form.words("tags"),
        "temporary": form.ticked("temporary"),
        "clientSideAvailability": {
            "usingEnvironmentId": form.ticked("browsers"),
            "usingMobileKey": form.ticked("mobile"),
        },
    }
    replacing = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]
    return [*version_test(form, "/_version"), *replacing]


def _deleted(visit: Visit, key: str, name: str) -> Shown:
    visit.form.check_confirmed(key, "flag")
    perform(visit, feature_flags.delete_flag, project=visit.project.key, flag=key)
    return SeeOther(visit.here("flags"), f"{name} is deleted.")


def _page(visit: Visit, error: AssayError | None = None) -> Shown:
    flag, _ = viewed_flag(visit)
    form = visit.form if error is not None and visit.form.text("do", "save") == "save" else None
    available = flag.client_side_availability
    page = FlagAboutPage(
        flag=flag_frame(visit, "about"),
        name=form.text("name") if form else flag.name,
        description=form.raw("description") if form else flag.description,
        tags=form.raw("tags") if form else ", ".join(flag.tags),
        version=version_shown(visit.form, flag.version, error),
        temporary=form.ticked("temporary") if form else flag.temporary,
        browsers=form.ticked("browsers") if form else available.using_environment_id,
        mobile=form.ticked("mobile") if form else available.using_mobile_key,
        created_ms=flag.creation_date,
        may_delete=may(visit, feature_flags.delete_flag, project=visit.project.key, flag=flag.key),
        comment=visit.form.raw("comment"),
    )
    status, words = (error.status, str(error)) if error else (200, "")
    return Page("flag_about.html", flag.name, page, status, words[:1].upper() + words[1:])


VIEWS = (
    View("GET", FLAG + "/about", show_about, "flags"),
    View("POST", FLAG + "/about", change_about, "flags"),
    View("GET", FLAG + "/connect", show_connect, "flags"),
)
