"""Tags: gathered from everything that has them, by kind, beginning and page."""

from api.replies import assert_refused, fresh
from live import LiveServer


def tags(api: LiveServer, query: str) -> list[str]:
    reply = api.rest("GET", f"/tags?{query}")
    assert reply.status == 200, reply.body
    items: list[str] = reply.body["items"]
    return items


def tagged(api: LiveServer) -> str:
    """A beginning that is in one tag of each kind."""
    pre, project = fresh("tagged"), fresh("tag-project")
    environment = {"key": "e", "name": "e", "tags": [f"{pre}-environment"]}
    body = {"key": project, "name": project, "tags": [f"{pre}-project"], "environments": [environment]}
    assert api.rest("POST", "/projects", body).status == 201
    flag = {"key": "f", "name": "f", "tags": [f"{pre}-flag"]}
    metric = {"key": "m", "kind": "custom", "eventKey": "e", "tags": [f"{pre}-metric"]}
    segment = {"key": "s", "name": "s", "tags": [f"{pre}-segment", "other"]}
    places = (
        (f"/flags/{project}", flag),
        (f"/metrics/{project}", metric),
        (f"/segments/{project}/e", segment),
    )
    for path, document in places:
        assert api.rest("POST", path, document).status == 201
    return pre


def test_tags_of_every_kind_are_listed_by_name(api: LiveServer) -> None:
    pre = tagged(api)
    assert tags(api, f"pre={pre}") == [
        f"{pre}-{kind}" for kind in ("environment", "flag", "metric", "project", "segment")
    ]


def test_kinds_are_asked_for_one_by_one_or_together(api: LiveServer) -> None:
    pre = tagged(api)
    assert tags(api, f"pre={pre}&kind=segment") == [f"{pre}-segment"]
    assert tags(api, f"pre={pre}&kind=segment&kind=flag") == [f"{pre}-flag", f"{pre}-segment"]
    assert tags(api, f"pre={pre}&kind=segment,flag") == [f"{pre}-flag", f"{pre}-segment"]
    assert_refused(api.rest("GET", "/tags?kind=color"), 400, "invalid_request")


def test_archived_flags_have_their_own_listing(api: LiveServer) -> None:
    key = fresh("archived-tag")
    assert api.rest("POST", "/flags/default", {"key": key, "name": key, "tags": [key]}).status == 201
    assert (tags(api, f"pre={key}&kind=flag"), tags(api, f"pre={key}&kind=flag&archived=true")) == ([key], [])
    patch = [{"op": "replace", "path": "/archived", "value": True}]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    assert (tags(api, f"pre={key}&kind=flag"), tags(api, f"pre={key}&kind=flag&archived=true")) == ([], [key])


def test_tags_come_in_pages(api: LiveServer) -> None:
    pre = tagged(api)
    reply = api.rest("GET", f"/tags?pre={pre}&limit=2&offset=1")
    assert reply.body["items"] == [f"{pre}-flag", f"{pre}-metric"]
    assert reply.body["totalCount"] == 5
    assert reply.body["_links"].keys() == {"self", "first", "prev", "next", "last"}
