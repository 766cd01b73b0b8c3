"""Members who sign in with a password, and roles of one's own."""

import json

import httpx
import pytest

from dashboard.visitor import Visitor, text_of
from live import LiveServer

PASSWORD = "correct horse battery"
HOME = "/settings/members"


def add(site: LiveServer, admin: Visitor, email: str, role: str = "writer", password: str = PASSWORD) -> str:
    """A member made by the form; their id."""
    fields = {"email": email, "name": "Ada Lovelace", "role": role, "password": password, "do": "create"}
    page = admin.post(HOME, fields)
    assert page.status_code == 200, text_of(page.text)
    found = site.rest("GET", "/members?limit=1000").body["items"]
    return str(next(one["_id"] for one in found if one["email"] == email))


def enter(site: LiveServer, email: str, password: str) -> httpx.Response:
    visitor = Visitor(site.host)
    return visitor.send("POST", "/sign-in", data={"email": email, "password": password})


def test_a_member_signs_in_with_their_password_and_acts_by_their_role(
    site: LiveServer, admin: Visitor
) -> None:
    add(site, admin, "ada@example.com")
    visitor = Visitor(site.host)
    page = visitor.send("POST", "/sign-in", data={"email": "ADA@example.com", "password": PASSWORD})
    assert page.url.path == "/p/default/production"
    assert "ada@example.com" in text_of(page.text)
    made = visitor.post(
        "/p/default/production/new-flag", {"name": "Adas flag", "type": "boolean", "do": "save"}
    )
    assert made.url.path.endswith("/flags/adas-flag")
    assert "Ada Lovelace made" in text_of(visitor.get("/p/default/production/flags/adas-flag/history").text)
    assert visitor.get("/settings/tokens").status_code == 403


@pytest.mark.parametrize("password", ["", "wrong horse battery", PASSWORD.upper(), "x" * 5000])
def test_a_wrong_password_says_the_same_as_an_unknown_address(server: LiveServer, password: str) -> None:
    admin = Visitor(server.host).sign_in(server.token)
    add(server, admin, "bob@example.com")
    replies = [enter(server, email, password) for email in ("bob@example.com", "nobody@example.com")]
    assert [reply.status_code for reply in replies] == [401, 401]
    alerts = [reply.text.split('role="alert"')[1].split("</div></div>")[0] for reply in replies]
    assert alerts[0] == alerts[1]


def test_short_passwords_and_odd_addresses_are_refused_beside_the_form(admin: Visitor) -> None:
    fields = {"email": "short@example.com", "name": "S", "role": "reader", "do": "create"}
    short = admin.post(HOME, {**fields, "password": "short"})
    assert short.status_code == 400
    assert "a password has" in text_of(short.text).lower()
    assert 'value="short@example.com"' in short.text
    assert admin.post(HOME, {**fields, "email": "nowhere"}).status_code == 400


def test_a_role_is_changed_and_counts_at_once(site: LiveServer, admin: Visitor) -> None:
    member = add(site, admin, "carl@example.com", "reader")
    visitor = Visitor(site.host)
    visitor.send("POST", "/sign-in", data={"email": "carl@example.com", "password": PASSWORD})
    assert visitor.get("/p/default/production/new-flag").status_code == 403
    admin.post(HOME, {f"{member}.role": "writer", "do": f"role.{member}"})
    assert visitor.get("/p/default/production/new-flag").status_code == 200


def test_a_new_password_ends_the_old_ones_sessions(site: LiveServer, admin: Visitor) -> None:
    member = add(site, admin, "dora@example.com")
    visitor = Visitor(site.host)
    visitor.send("POST", "/sign-in", data={"email": "dora@example.com", "password": PASSWORD})
    admin.post(HOME, {f"{member}.password": "another long password", "do": f"password.{member}"})
    assert visitor.get("/").url.path == "/sign-in"
    assert enter(site, "dora@example.com", PASSWORD).status_code == 401
    assert enter(site, "dora@example.com", "another long password").status_code == 200


def test_one_changes_ones_own_password_by_knowing_the_old_one(site: LiveServer, admin: Visitor) -> None:
    add(site, admin, "eve@example.com", "reader")
    visitor = Visitor(site.host)
    visitor.send("POST", "/sign-in", data={"email": "eve@example.com", "password": PASSWORD})
    fields = {"current": "not my password", "password": "another long password", "do": "own-password"}
    assert visitor.post(HOME, fields).status_code == 401
    after = visitor.post(HOME, {**fields, "current": PASSWORD})
    assert after.url.path == "/sign-in"
    assert enter(site, "eve@example.com", "another long password").status_code == 200


def test_whoever_signed_in_with_a_token_has_no_password_to_change(admin: Visitor) -> None:
    fields = {"current": PASSWORD, "password": "another long password", "do": "own-password"}
    assert admin.post(HOME, fields).status_code == 400


def test_a_member_who_is_removed_is_out(site: LiveServer, admin: Visitor) -> None:
    member = add(site, admin, "finn@example.com")
    visitor = Visitor(site.host)
    visitor.send("POST", "/sign-in", data={"email": "finn@example.com", "password": PASSWORD})
    admin.post(HOME, {"do": f"delete.{member}"})
    assert visitor.get("/").url.path == "/sign-in"
    assert enter(site, "finn@example.com", PASSWORD).status_code == 401


def test_nobody_is_given_more_than_the_giver_has(site: LiveServer, admin: Visitor, reader: Visitor) -> None:
    member = add(site, admin, "gina@example.com", "reader")
    for fields in (
        {f"{member}.role": "admin", "do": f"role.{member}"},
        {f"{member}.password": "another long password", "do": f"password.{member}"},
        {"do": f"delete.{member}"},
        {"email": "new@example.com", "role": "reader", "do": "create"},
    ):
        assert reader.post(HOME, fields).status_code == 403
    assert enter(site, "gina@example.com", PASSWORD).status_code == 200


def test_a_role_of_ones_own_allows_what_its_policy_says(site: LiveServer, admin: Visitor) -> None:
    allow = {"effect": "allow", "resources": ["proj/*:env/*:flag/by-role"], "actions": ["*"]}
    fields = {"name": "One flag", "policy": json.dumps([allow]), "reads": "on", "do": "create"}
    assert "One flag" in text_of(admin.post("/settings/roles", fields).text)
    deny = {"effect": "deny", "resources": ["proj/*:env/*:flag/by-role"], "actions": ["deleteFlag"]}
    saved = {**fields, "policy": json.dumps([allow, deny]), "do": "save.one-flag"}
    assert admin.post("/settings/roles", saved).status_code == 200
    role = site.rest("GET", "/roles/one-flag").body
    assert len(role["policy"]) == 2
    page = admin.post("/settings/tokens", {"name": "limited", "role": role["_id"], "do": "create"})
    secret = page.text.split('id="secret" tabindex="0">')[1].split("<")[0]
    for key in ("by-role", "not-by-role"):
        assert site.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201
    visitor = Visitor(site.host).sign_in(secret)
    home = "/p/default/test/flags"
    assert visitor.post(f"{home}/by-role/switch", {"on": "true"}).status_code == 200
    assert visitor.post(f"{home}/not-by-role/switch", {"on": "true"}).status_code == 403
    assert visitor.post(f"{home}/by-role/about", {"do": "delete", "confirm": "by-role"}).status_code == 403
    on = [
        site.rest("GET", f"/flags/default/{key}").body["environments"]["test"]["on"]
        for key in ("by-role", "not-by-role")
    ]
    assert on == [True, False]


def test_a_policy_that_is_none_is_kept_beside_its_fault(admin: Visitor) -> None:
    page = admin.post("/settings/roles", {"name": "Odd", "policy": "[{", "do": "create"})
    assert page.status_code == 400
    assert "The policy is no JSON" in text_of(page.text)
    assert "[{</textarea>" in page.text


def test_readers_see_no_roles(reader: Visitor) -> None:
    assert reader.get("/settings/roles").status_code == 403
