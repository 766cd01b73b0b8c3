"""How an application is connected to an environment."""

from dataclasses import dataclass

from assay.api import environments
from assay.dashboard.addresses import PLACE
from assay.dashboard.perform import check
from assay.dashboard.snippets import Snippet, snippets
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.flags.model import Flag


@dataclass(frozen=True, slots=True)
class ConnectPage:
    sdk_key: str
    mobile_key: str
    client_id: str
    snippets: tuple[Snippet, ...]


def show_connect(visit: Visit) -> Shown:
    environment = visit.environment
    check(visit, environments.get_environment, project=visit.project.key, environment=environment.key)
    flags: list[Flag] = list(visit.state.all("flag", visit.project.key).values())
    key = flags[0].key if flags else "my-flag"
    default = flags[0].variations[flags[0].defaults.off_variation].value if flags else False
    page = ConnectPage(
        sdk_key=environment.sdk_key,
        mobile_key=environment.mobile_key,
        client_id=environment.id,
        snippets=snippets(visit.origin, environment.id, key, default),
    )
    return Page("connect.html", "Connect an application", page)


VIEWS = (View("GET", PLACE + "/connect", show_connect, "live"),)
