"""Flags by forms alone: list, make, switch, change, archive, delete."""

from typing import Any

import pytest

from dashboard.visitor import Visitor, text_of
from live import LiveServer

PLACE = "/p/default/production"


def make(site: LiveServer, key: str, **more: Any) -> dict[str, Any]:
    reply = site.rest("POST", "/flags/default", {"key": key, "name": key.title(), **more})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def read(site: LiveServer, key: str) -> dict[str, Any]:
    body: dict[str, Any] = site.rest("GET", f"/flags/default/{key}").body
    return body


@pytest.mark.parametrize(
    ("kind", "typed", "values"),
    [
        ("boolean", ["", ""], [True, False]),
        ("string", ["a", "b"], ["a", "b"]),
        ("number", ["1", "2.5"], [1, 2.5]),
        ("json", ['{"a": [1]}', "null"], [{"a": [1]}, None]),
    ],
)
def test_a_flag_of_every_type_is_made(
    site: LiveServer, admin: Visitor, kind: str, typed: list[str], values: list[Any]
) -> None:
    fields: dict[str, Any] = {"name": f"Made {kind}", "type": kind, "tags": "a, b,a", "do": "save"}
    fields |= {f"variation.{n}.value": value for n, value in enumerate(typed)}
    page = admin.post(f"{PLACE}/new-flag", {**fields, "client_side": "on"})
    assert page.url.path == f"{PLACE}/flags/made-{kind}"
    flag = read(site, f"made-{kind}")
    assert [one["value"] for one in flag["variations"]] == values
    assert flag["tags"] == ["a", "b"]
    assert flag["clientSideAvailability"]["usingEnvironmentId"] is True


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": ""}, 400, "Give the flag a name"),
        ({"name": "X", "key": "no way"}, 400, "key must start with a letter"),
        ({"name": "X", "key": "x", "type": "number", "variation.0.value": "one"}, 400, "two variations"),
        (
            {"name": "X", "key": "x", "type": "number", "variation.0.value": "one", "variation.1.value": "2"},
            400,
            "'one' is no number",
        ),
        (
            {"name": "X", "key": "x", "type": "json", "variation.0.value": "{", "variation.1.value": "2"},
            400,
            "'{' is no JSON",
        ),
    ],
)
def test_what_is_wrong_with_a_new_flag_stands_beside_the_form(
    site: LiveServer, admin: Visitor, fields: dict[str, str], status: int, words: str
) -> None:
    page = admin.post(f"{PLACE}/new-flag", {"type": "boolean", "do": "save", **fields})
    assert page.status_code == status
    assert words in text_of(page.text)
    assert site.rest("GET", "/flags/default/x").status == 404


def test_a_key_that_is_taken_is_a_conflict_and_the_form_is_kept(site: LiveServer, admin: Visitor) -> None:
    make(site, "taken")
    fields = {"name": "Other", "key": "taken", "description": "kept", "type": "boolean", "do": "save"}
    page = admin.post(f"{PLACE}/new-flag", fields)
    assert page.status_code == 409
    assert ">kept</textarea>" in page.text


def test_the_list_is_searched_and_filtered(site: LiveServer, admin: Visitor) -> None:
    make(site, "needle", tags=["sewing"], description="points")
    make(site, "thread", tags=["sewing"])
    on = [{"op": "replace", "path": "/environments/production/on", "value": True}]
    assert site.rest("PATCH", "/flags/default/thread", on).status == 200

    def found(**query: str) -> set[str]:
        page = admin.get(f"{PLACE}/flags", **query).text
        return {key for key in ("needle", "thread") if f"/flags/{key}" in page}

    assert found(tag="sewing") == {"needle", "thread"}
    assert found(q="NEEDLE points") == {"needle"}
    assert found(tag="sewing", state="on") == {"thread"}
    assert found(tag="sewing", state="off") == {"needle"}
    assert found(tag="sewing", state="archived") == set()
    assert "No flag fits" in text_of(admin.get(f"{PLACE}/flags", q="haystack zzz").text)


def test_a_long_list_has_pages(serve: Any) -> None:
    server = serve()
    for number in range(53):
        make(server, f"many-{number:02}")
    visitor = Visitor(server.host).sign_in(server.token)
    first, second = (visitor.get(f"{PLACE}/flags", q="many", page=page).text for page in ("1", "2"))
    keys = [{f"many-{n:02}" for n in range(53) if f"/flags/many-{n:02}" in page} for page in (first, second)]
    assert [len(found) for found in keys] == [50, 3]
    assert not keys[0] & keys[1]
    assert "Page 1 of 2" in text_of(first)


def test_the_switch_is_of_one_environment(site: LiveServer, admin: Visitor) -> None:
    make(site, "switched")
    home = f"{PLACE}/flags/switched"
    for on in ("true", "false", "true"):
        page = admin.post(f"{home}/switch", {"on": on})
        assert page.url.path == home
        environments = read(site, "switched")["environments"]
        assert environments["production"]["on"] is (on == "true")
        assert environments["test"]["on"] is False
    assert "Switched is on in Production." in text_of(page.text)
    assert "Switched is on" not in text_of(admin.get(home).text)


def test_variations_are_changed_added_and_taken_away(site: LiveServer, admin: Visitor) -> None:
    made = make(site, "varied", variations=[{"value": "a"}, {"value": "b"}, {"value": "c"}])
    home = f"{PLACE}/flags/varied/variations"
    fields = admin.form_of(home)
    longer = admin.post(home, {**fields, "do": "add"})
    assert 'name="variation.3.value"' in longer.text
    assert len(read(site, "varied")["variations"]) == 3
    changed = {**fields, "variation.0.value": "A", "variation.0.name": "First", "variation.3.value": "d"}
    admin.post(home, {**changed, "do": "save"})
    variations = read(site, "varied")["variations"]
    assert [one["value"] for one in variations] == ["A", "b", "c", "d"]
    assert [one["_id"] for one in variations[:3]] == [one["_id"] for one in made["variations"]]
    assert variations[0]["name"] == "First"


def test_a_variation_that_is_served_somewhere_stays(site: LiveServer, admin: Visitor) -> None:
    make(site, "served")
    home = f"{PLACE}/flags/served/variations"
    fields = admin.form_of(home)
    less = {name: value for name, value in fields.items() if not name.startswith("variation.1.")}
    page = admin.post(home, {**less, "do": "save"})
    assert page.status_code == 400
    assert len(read(site, "served")["variations"]) == 2


def test_the_settings_are_saved_as_they_stand(site: LiveServer, admin: Visitor) -> None:
    make(site, "about", tags=["old"])
    home = f"{PLACE}/flags/about/about"
    fields = admin.form_of(home)
    admin.post(home, {**fields, "name": "New name", "tags": "x, y", "browsers": "on", "do": "save"})
    flag = read(site, "about")
    assert (flag["name"], flag["tags"]) == ("New name", ["x", "y"])
    assert flag["clientSideAvailability"] == {"usingEnvironmentId": True, "usingMobileKey": True}
    assert flag["temporary"] is True


def test_a_flag_is_archived_restored_and_deleted_by_its_key(site: LiveServer, admin: Visitor) -> None:
    make(site, "ending")
    home = f"{PLACE}/flags/ending/about"
    admin.post(home, {"do": "archive"})
    assert read(site, "ending")["archived"] is True
    assert "/flags/ending" not in admin.get(f"{PLACE}/flags").text
    assert "/flags/ending" in admin.get(f"{PLACE}/flags", state="archived").text
    admin.post(home, {"do": "restore"})
    assert read(site, "ending")["archived"] is False
    refused = admin.post(home, {"do": "delete", "confirm": "endin"})
    assert refused.status_code == 400
    assert read(site, "ending")["key"] == "ending"
    gone = admin.post(home, {"do": "delete", "confirm": "ending"})
    assert gone.url.path == f"{PLACE}/flags"
    assert site.rest("GET", "/flags/default/ending").status == 404


@pytest.mark.parametrize("text", ["{", '{"kind": "multi"}', '{"key": 5, "kind": "user"}', "[1]", ""])
def test_a_context_that_is_none_is_told_so_and_kept(site: LiveServer, admin: Visitor, text: str) -> None:
    if site.rest("GET", "/flags/default/asked").status == 404:
        make(site, "asked")
    page = admin.post(f"{PLACE}/flags/asked/preview", {"context": text})
    assert page.status_code == 400
    assert 'role="alert"' in page.text


def test_a_lone_word_is_a_users_key_and_every_environment_answers(site: LiveServer, admin: Visitor) -> None:
    make(site, "asked-by-key", variations=[{"value": "a"}, {"value": "b"}])
    changes = [("on", True), ("targets", [{"variation": 1, "values": ["ada"]}])]
    patch = [
        {"op": "replace", "path": f"/environments/production/{name}", "value": value}
        for name, value in changes
    ]
    assert site.rest("PATCH", "/flags/default/asked-by-key", patch).status == 200
    page = text_of(admin.post(f"{PLACE}/flags/asked-by-key/preview", {"context": "ada"}).text)
    assert "The context's key is among the targets." in page
    assert "The flag is off, so everybody gets its off variation." in page


def test_history_has_who_what_and_why(site: LiveServer, admin: Visitor) -> None:
    make(site, "remembered")
    on = [{"op": "replace", "path": "/environments/production/on", "value": True}]
    body = {"patch": on, "comment": "Release day"}
    assert site.rest("PATCH", "/flags/default/remembered", body).status == 200
    page = text_of(admin.get(f"{PLACE}/flags/remembered/history").text)
    assert "“Release day”" in page
    assert "Targeting in production before: off now: on" in page
    assert "admin (token" in page


def test_snippets_hold_the_address_the_reader_came_by(site: LiveServer, admin: Visitor) -> None:
    make(site, "connected", variations=[{"value": "it's"}, {"value": 'a "b"'}])
    page = text_of(admin.get(f"{PLACE}/flags/connected/connect").text)
    assert f"host = '{site.host}'" in page
    assert 'client.variation("connected", "a \\"b\\"")' in page
    assert site.environment_rep()["_id"] in page


def test_a_comment_that_the_environment_demands_is_demanded(site: LiveServer, admin: Visitor) -> None:
    assert site.rest("POST", "/projects", {"key": "strict", "name": "Strict"}).status == 201
    demand = [{"op": "replace", "path": "/requireComments", "value": True}]
    assert site.rest("PATCH", "/projects/strict/environments/production", demand).status == 200
    assert site.rest("POST", "/flags/strict", {"key": "f", "name": "F"}).status == 201
    page = admin.get("/p/strict/production/flags/f").text
    assert 'id="comment" name="comment" value="" placeholder="Why (for the audit log)" required' in page


def test_a_reader_sees_a_flag_and_changes_nothing(site: LiveServer, reader: Visitor) -> None:
    make(site, "looked-at")
    home = f"{PLACE}/flags/looked-at"
    page = reader.get(home)
    assert page.status_code == 200
    assert "Save in Production" not in page.text
    assert reader.post(f"{home}/switch", {"on": "true"}).status_code == 403
    for path in ("", "/variations", "/about"):
        refused = reader.post(home + path, {**reader.form_of(home + path), "do": "save"})
        assert refused.status_code == 403, path
    assert read(site, "looked-at")["environments"]["production"]["on"] is False
