"""Pages of listings: odd limits and offsets, and links that lead to pages that exist."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.flags import Caller, own_project
from api.replies import assert_refused
from live import LiveServer

KEYS = [f"f{number}" for number in range(7)]


@pytest.fixture(scope="module")
def shelf(api: LiveServer) -> Caller:
    """A project with seven flags, metrics, segments and environments."""
    caller = own_project(api)
    for key in KEYS:
        caller.create(key=key)
        metric = {"key": key, "kind": "custom", "eventKey": key}
        assert caller.send("POST", f"/metrics/{caller.project}", metric).status == 201
        segment = {"key": key, "name": key}
        assert caller.send("POST", f"/segments/{caller.project}/test", segment).status == 201
        environment = {"key": key, "name": key, "color": "000000"}
        path = f"/projects/{caller.project}/environments"
        assert caller.send("POST", path, environment).status == 201
    return caller


LISTINGS = ["/flags/{0}", "/metrics/{0}", "/segments/{0}/test", "/projects/{0}/environments?filter=query:f"]


def page(caller: Caller, listing: str, **asked: object) -> dict[str, Any]:
    path = listing.format(caller.project)
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    body: dict[str, Any] = caller.get(f"{path}{'&' if '?' in path else '?'}{query}")
    return body


def keys(body: dict[str, Any]) -> list[str]:
    return [item["key"] for item in body["items"]]


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 1000])
def test_the_links_to_the_next_page_lead_through_all_once(shelf: Caller, listing: str, limit: int) -> None:
    body, found = page(shelf, listing, limit=limit), []
    assert body["totalCount"] == len(KEYS)
    for _ in range(len(KEYS) + 1):
        found += keys(body)
        if "next" not in body["_links"]:
            break
        body = shelf.get(body["_links"]["next"]["href"].removeprefix("/api/v2"))
    assert sorted(found) == KEYS
    assert not {"next", "last"} & body["_links"].keys()


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize(
    ("limit", "offset", "previous"),
    [(2, 2, 0), (2, 1, 0), (3, 7, 6), (2, 1000, 6), (7, 7, 0), (5, 2**63 - 1, 5), (3, 6, 3)],
)
def test_the_page_before_is_one_that_holds_something(
    shelf: Caller, listing: str, limit: int, offset: int, previous: int
) -> None:
    body = page(shelf, listing, limit=limit, offset=offset)
    href = body["_links"]["prev"]["href"]
    assert parse_qs(urlsplit(href).query)["offset"] == [str(previous)]
    assert keys(shelf.get(href.removeprefix("/api/v2")))
    assert parse_qs(urlsplit(body["_links"]["first"]["href"]).query)["offset"] == ["0"]


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": -1}, {"offset": -5}, {"limit": 10**6}])
def test_what_can_not_be_a_page_is_the_first_one(
    shelf: Caller, listing: str, asked: dict[str, object]
) -> None:
    body = page(shelf, listing, **asked)
    assert sorted(keys(body)) == KEYS
    assert not {"first", "prev", "next", "last"} & body["_links"].keys()


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize(
    "asked", ["limit=", "limit=two", "offset=1.5", "limit=%2B1", "offset=9223372036854775808"]
)
def test_what_is_no_whole_number_is_refused(shelf: Caller, listing: str, asked: str) -> None:
    path = listing.format(shelf.project)
    reply = shelf.send("GET", f"{path}{'&' if '?' in path else '?'}{asked}")
    assert_refused(reply, 400, "invalid_request")


def test_links_keep_what_was_asked_for(shelf: Caller) -> None:
    body = shelf.get(f"/flags/{shelf.project}?limit=2&sort=-key&filter=query%3Af")
    assert keys(body) == ["f6", "f5"]
    query = parse_qs(urlsplit(body["_links"]["next"]["href"]).query)
    assert query == {"limit": ["2"], "offset": ["2"], "sort": ["-key"], "filter": ["query:f"]}
    assert keys(shelf.get(body["_links"]["next"]["href"].removeprefix("/api/v2"))) == ["f4", "f3"]


@pytest.mark.parametrize(
    "path",
    [
        "/flags/{0}?filter=query:f1,query:f2",
        "/flags/{0}?filter=tags:a,tags:b",
        "/projects?filter=query:a,query:b",
        "/projects/{0}/environments?filter=tags:a,query:b,tags:c",
        "/projects/{0}/experiments?filter=status:running,status:stopped",
    ],
)
def test_a_filter_that_is_given_twice_is_refused_and_not_half_ignored(shelf: Caller, path: str) -> None:
    assert_refused(shelf.send("GET", path.format(shelf.project)), 400, "invalid_request")


def test_a_status_that_no_iteration_has_is_refused(shelf: Caller) -> None:
    path = f"/projects/{shelf.project}/experiments?filter=status:"
    for status in ("running", "stopped", "not_started"):
        assert shelf.get(path + status)["totalCount"] == 0
    assert_refused(shelf.send("GET", f"{path}paused"), 400, "invalid_request")
