"""Tokens, projects, environments, the audit log."""

import pytest

from dashboard.visitor import Visitor, text_of
from live import LiveServer


def test_a_token_is_made_by_role_with_a_lifetime(site: LiveServer, admin: Visitor) -> None:
    fields = {"name": "Pipeline", "role": "writer", "lifetime": "30", "service": "on", "do": "create"}
    page = admin.post("/settings/tokens", fields)
    secret = page.text.split('id="secret" tabindex="0">')[1].split("<")[0]
    assert site.rest("GET", "/flags/default", token=secret).status == 200
    assert site.rest("GET", "/tokens", token=secret).status == 403
    made = [one for one in site.rest("GET", "/tokens").body["items"] if one["name"] == "Pipeline"]
    assert made[0]["serviceToken"] is True
    assert secret not in admin.get("/settings/tokens").text


def test_a_token_without_a_name_is_not_made(site: LiveServer, admin: Visitor) -> None:
    before = site.rest("GET", "/tokens").body["totalCount"]
    assert admin.post("/settings/tokens", {"name": "", "role": "reader", "do": "create"}).status_code == 400
    assert site.rest("GET", "/tokens").body["totalCount"] == before


def test_the_last_admin_token_stays(server: LiveServer) -> None:
    visitor = Visitor(server.host).sign_in(server.token)
    own = server.rest("GET", "/tokens").body["items"][0]["_id"]
    assert visitor.post("/settings/tokens", {"do": f"delete.{own}"}).status_code == 409
    assert visitor.get("/settings/tokens").status_code == 200


def test_readers_see_no_tokens(reader: Visitor) -> None:
    assert reader.get("/settings/tokens").status_code == 403
    assert "Access tokens" not in text_of(reader.get("/").text)


def test_a_project_is_made_renamed_and_deleted(site: LiveServer, admin: Visitor) -> None:
    page = admin.post("/settings/projects", {"name": "Mobile App"})
    assert page.url.path == "/settings/projects/mobile-app"
    admin.post("/settings/projects/mobile-app", {"do": "save", "name": "The App", "tags": "a"})
    assert site.rest("GET", "/projects/mobile-app").body["name"] == "The App"
    assert "The App" in text_of(admin.get("/p/mobile-app/test").text)
    assert admin.post("/settings/projects/mobile-app", {"do": "delete", "confirm": "x"}).status_code == 400
    admin.post("/settings/projects/mobile-app", {"do": "delete", "confirm": "mobile-app"})
    assert site.rest("GET", "/projects/mobile-app").status == 404


def test_an_environment_is_made_changed_and_deleted(site: LiveServer, admin: Visitor) -> None:
    assert site.rest("POST", "/projects", {"key": "places", "name": "Places"}).status == 201
    page = admin.post("/settings/projects/places", {"do": "environment", "name": "Staging"})
    assert "Staging is made." in text_of(page.text)
    home = "/settings/projects/places/environments/staging"
    fields = {"do": "save", "name": "Stage", "color": "#aa00aa", "confirmChanges": "on", "tags": ""}
    assert admin.post(home, fields).status_code == 200
    body = site.rest("GET", "/projects/places/environments/staging").body
    assert (body["name"], body["color"], body["confirmChanges"]) == ("Stage", "aa00aa", True)
    assert body["requireComments"] is False
    assert admin.post(home, {**fields, "color": "red; }"}).status_code == 400
    assert admin.post(home, {"do": "delete", "confirm": "staging"}).status_code == 200
    assert site.rest("GET", "/projects/places/environments/staging").status == 404


@pytest.mark.parametrize(("kind", "field"), [("sdk", "apiKey"), ("mobile", "mobileKey")])
def test_a_key_is_replaced_and_the_old_one_works_for_a_while(
    site: LiveServer, admin: Visitor, kind: str, field: str
) -> None:
    site.rest("POST", "/projects", {"key": f"keys-{kind}", "name": "Keys"})
    home = f"/settings/projects/keys-{kind}/environments/production"

    def key() -> str:
        found: str = site.rest("GET", f"/projects/keys-{kind}/environments/production").body[field]
        return found

    path = "/sdk/latest-all" if kind == "sdk" else "/msdk/evalx/contexts/eyJraW5kIjoidXNlciIsImtleSI6InUifQ"
    first = key()
    page = admin.post(home, {"do": f"rotate-{kind}", "grace": "24"})
    assert "The old key" in text_of(page.text)
    assert key() != first
    assert site.request("GET", path, None, {"Authorization": first}).status == 200
    second = key()
    admin.post(home, {"do": f"rotate-{kind}", "grace": "0"})
    assert site.request("GET", path, None, {"Authorization": second}).status == 401
    assert admin.post(home, {"do": f"rotate-{kind}", "grace": "9999"}).status_code == 400


def test_readers_change_no_settings(site: LiveServer, reader: Visitor) -> None:
    home = "/settings/projects/default/environments/production"
    assert reader.get(home).status_code == 200
    assert reader.post(home, {"do": "rotate-sdk", "grace": "0"}).status_code == 403
    assert reader.post("/settings/projects", {"name": "Mine"}).status_code == 403
    assert reader.post("/settings/projects/default", {"do": "save", "name": "Mine"}).status_code == 403


def test_the_audit_log_is_searched_and_paged_and_holds_no_secret(server: LiveServer) -> None:
    made = server.rest("POST", "/tokens", {"name": "hidden", "role": "reader"}).body["token"]
    for number in range(35):
        server.rest("POST", "/flags/default", {"key": f"audited-{number}", "name": "A"})
    visitor = Visitor(server.host).sign_in(server.token)
    first = visitor.get("/audit").text
    assert "Earlier changes" in first
    older = visitor.get("/audit", before="20").text
    assert "audited-34" in first
    assert "audited-34" not in older
    assert "flag/default/audited-7" in visitor.get("/audit", q="audited-7").text
    for page in (first, older):
        assert made not in page
        assert server.environment_rep()["apiKey"] not in page


def test_the_audit_page_shows_what_the_rest_api_lists(site: LiveServer) -> None:
    """Of a role, a member and a segment a reader is told two, an admin all."""
    role = {"key": "mentioned-role", "name": "R", "policy": [], "basePermissions": "reader"}
    member = {"email": "mentioned@example.com", "role": "reader"}
    for path, body in (("/roles", role), ("/members", [member])):
        assert site.rest("POST", path, body).status == 201
    segment = {"key": "mentioned-segment", "name": "S"}
    assert site.rest("POST", "/segments/default/production", segment).status == 201
    made = site.rest("POST", "/tokens", {"name": "looks", "role": "reader"}).body["token"]
    for token, roles in ((site.token, 1), (made, 0)):
        visitor = Visitor(site.host).sign_in(token)
        for query in ("createRole", "createMember", "createSegment"):
            listed = site.rest("GET", f"/auditlog?q={query}&limit=30", token=token).body["items"]
            shown = visitor.get("/audit", q=query).text.count('<li class="stack tight">')
            assert shown == len(listed), query
        assert visitor.get("/audit", q="mentioned-role").text.count('<li class="stack tight">') == roles


def test_the_audit_log_tells_nobody_of_what_they_may_not_see(site: LiveServer, reader: Visitor) -> None:
    site.rest("POST", "/tokens", {"name": "unseen-token", "role": "reader"})
    assert site.rest("POST", "/projects", {"key": "seen", "name": "Seen"}).status == 201
    assert site.rest("POST", "/flags/seen", {"key": "seen-flag", "name": "F"}).status == 201
    assert "flag/seen/seen-flag" in reader.get("/audit", q="seen-flag").text
    assert "token/" not in text_of(reader.get("/audit", q="createAccessToken").text)
    allow = {"effect": "allow", "resources": ["proj/default"], "actions": ["viewProject"]}
    made = site.rest("POST", "/tokens", {"name": "narrow", "inlineRole": [allow]})
    assert made.status == 201, made.body
    narrow = Visitor(site.host).sign_in(made.body["token"])
    assert "seen-flag" not in text_of(narrow.get("/audit", q="flag/seen").text)
