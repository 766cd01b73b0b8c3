"""Who gets in, who doesn't, and what a page demands of a form."""

import httpx
import pytest

from dashboard.visitor import Visitor, text_of
from live import LiveServer


def test_the_first_page_leads_to_signing_in(site: LiveServer) -> None:
    reply = httpx.get(f"{site.host}/")
    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in"


def test_a_newcomer_is_told_where_the_first_token_is(server: LiveServer) -> None:
    page = text_of(httpx.get(f"{server.host}/sign-in").text)
    assert f"cat {server.folder}/admin-token" in page


def test_a_token_opens_the_overview(site: LiveServer) -> None:
    visitor = Visitor(site.host)
    visitor.sign_in(site.token)
    page = visitor.get("/")
    assert page.url.path == "/p/default/production"
    assert "Production" in text_of(page.text)


@pytest.mark.parametrize("token", ["", "api-00000000-0000-0000-0000-000000000000", "\x00", "é" * 1000])
def test_a_wrong_token_is_told_so_beside_the_form(server: LiveServer, token: str) -> None:
    reply = httpx.post(f"{server.host}/sign-in", data={"token": token})
    assert reply.status_code == 401
    assert 'role="alert"' in reply.text
    assert "set-cookie" not in reply.headers


def test_guessing_is_slowed_down(server: LiveServer) -> None:
    replies = [httpx.post(f"{server.host}/sign-in", data={"token": f"api-{n}"}) for n in range(12)]
    assert [reply.status_code for reply in replies[:10]] == [401] * 10
    assert replies[-1].status_code == 429
    right = httpx.post(f"{server.host}/sign-in", data={"token": server.token})
    assert right.status_code == 429
    assert "Try again in" in right.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: LiveServer) -> None:
    reply = httpx.post(f"{site.host}/sign-in", data={"token": site.token})
    cookie = next(line for line in reply.headers.get_list("set-cookie") if "assay-session" in line)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_for_https_alone_where_the_page_came_by_it(site: LiveServer) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    reply = httpx.post(f"{site.host}/sign-in", data={"token": site.token}, headers=headers)
    assert "Secure" in next(line for line in reply.headers.get_list("set-cookie") if "session" in line)


def test_whoever_signs_out_has_to_sign_in_again(site: LiveServer) -> None:
    visitor = Visitor(site.host).sign_in(site.token)
    kept = dict(visitor.cookies)
    visitor.post("/sign-out")
    assert visitor.get("/").url.path == "/sign-in"
    again = httpx.get(f"{site.host}/p/default/production", cookies=kept)
    assert again.headers["location"].startswith("/sign-in")


def test_one_goes_on_to_the_page_that_was_asked_for(site: LiveServer) -> None:
    visitor = Visitor(site.host)
    page = visitor.get("/p/default/test/flags?q=a%20b")
    assert page.url.path == "/sign-in"
    reply = visitor.send("POST", "/sign-in", data={"token": site.token, **_after(page.text)})
    assert str(reply.url) == f"{site.host}/p/default/test/flags?q=a%20b"


def _after(page: str) -> dict[str, str]:
    start = page.index('name="after" value="') + len('name="after" value="')
    return {"after": page[start : page.index('"', start)]}


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\n"])
def test_signing_in_leads_to_no_other_site(site: LiveServer, after: str) -> None:
    reply = httpx.post(f"{site.host}/sign-in", data={"token": site.token, "after": after})
    assert reply.headers["location"] == "/"


def test_a_form_without_its_token_does_nothing(site: LiveServer, admin: Visitor) -> None:
    fields = {"name": "Forged", "key": "forged", "type": "boolean", "do": "save"}
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
        reply = admin.send("POST", "/p/default/production/new-flag", data={**fields, **csrf})
        assert reply.status_code == 403
    assert site.rest("GET", "/flags/default/forged").status == 404


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://a.b"}]
)
def test_a_form_from_another_site_does_nothing(
    site: LiveServer, admin: Visitor, headers: dict[str, str]
) -> None:
    fields = {"csrf": admin.csrf(), "name": "Forged", "key": "forged", "type": "boolean", "do": "save"}
    reply = admin.send("POST", "/p/default/production/new-flag", data=fields, headers=headers)
    assert reply.status_code == 403
    assert site.rest("GET", "/flags/default/forged").status == 404


def test_a_session_ends_with_its_token(site: LiveServer) -> None:
    made = site.rest("POST", "/tokens", {"name": "short", "role": "reader"}).body
    visitor = Visitor(site.host).sign_in(made["token"])
    assert site.rest("DELETE", f"/tokens/{made['_id']}").status == 204
    assert visitor.get("/").url.path == "/sign-in"


def test_a_reader_is_neither_shown_nor_granted_what_writers_do(site: LiveServer, reader: Visitor) -> None:
    assert "New flag" not in text_of(reader.get("/p/default/production/flags").text)
    fields = {"name": "Mine", "key": "readers-own", "type": "boolean", "do": "save"}
    assert reader.post("/p/default/production/new-flag", fields).status_code == 403
    assert site.rest("GET", "/flags/default/readers-own").status == 404


def test_a_page_that_does_not_exist_says_so_in_the_frame_of_all_pages(admin: Visitor) -> None:
    for path in (
        "/p/default/production/nothing",
        "/p/nowhere/production",
        "/p/default/nowhere",
        "/settings/x",
    ):
        reply = admin.get(path)
        assert reply.status_code == 404, path
        assert "Not found" in reply.text
        assert "Live events" in reply.text or "Overview" in reply.text


def test_every_page_forbids_what_it_does_not_need(admin: Visitor) -> None:
    for path in ("/", "/p/default/nowhere", "/sign-in"):
        headers = admin.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_styles_and_scripts_may_be_kept_for_ever_at_their_own_addresses(site: LiveServer) -> None:
    page = httpx.get(f"{site.host}/sign-in").text
    start = page.index("/static/")
    address = page[start : page.index('"', start)]
    assert "immutable" in httpx.get(site.host + address).headers["cache-control"]
    stale = address.split("/")
    stale[2] = "0" * 16
    assert httpx.get(site.host + "/".join(stale)).headers["cache-control"] == "no-store"
    assert httpx.get(f"{site.host}/static/x/routes.py").status_code == 404
