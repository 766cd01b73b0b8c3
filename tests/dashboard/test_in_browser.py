"""Every page in Chromium: nothing is refused by its policy, nothing overflows, axe finds no serious fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from conformance.clients import node_client
from dashboard.showcase import PAGES, furnish
from dashboard.visitor import go_to
from live import LiveServer

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("shop") / "data").start()
    furnish(server, units=400)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def axe() -> str:
    return (Path(node_client("axe-core@4")) / "node_modules" / "axe-core" / "axe.min.js").read_text()


class Watched:
    """A page that remembers everything the browser complained about."""

    def __init__(self, browser: Browser, server: LiveServer, **options: Any) -> None:
        self.context = browser.new_context(base_url=server.host, **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.token = server.token

    def sign_in(self) -> "Watched":
        self.page.goto("/sign-in")
        self.page.fill("#token", self.token)
        self.page.press("#token", "Enter")
        self.page.wait_for_url("**/p/**")
        return self

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


@pytest.fixture
def watched(chromium: Browser, shop: LiveServer) -> Iterator[Watched]:
    made = Watched(chromium, shop, viewport=WIDE).sign_in()
    yield made
    made.context.close()


def faults(page: Page, axe: str) -> list[str]:
    """What axe finds serious or worse, with the first place of each."""
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_on_any_page(
    chromium: Browser, shop: LiveServer, axe: str, scheme: Literal["light", "dark"]
) -> None:
    seen = Watched(chromium, shop, viewport=WIDE, color_scheme=scheme)
    seen.page.goto("/sign-in")
    found = {"sign-in": faults(seen.page, axe)}
    seen.sign_in()
    for name, path in PAGES.items():
        assert go_to(seen.page, path) == 200, name
        found[name] = faults(seen.page, axe)
    seen.context.close()
    assert {name: list_ for name, list_ in found.items() if list_} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_report_on_a_phone(
    chromium: Browser, shop: LiveServer, axe: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """It has no JavaScript that could make wide tables reachable by keyboard."""
    seen = Watched(chromium, shop, viewport=PHONE, color_scheme=scheme, bypass_csp=True).sign_in()
    reply = seen.context.request.get(f"{PAGES['experiment']}/download/report")
    file = tmp_path / "report.html"
    file.write_bytes(reply.body())
    seen.page.goto(file.as_uri())
    wide = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert seen.page.evaluate(wide) > 0
    assert faults(seen.page, axe) == []
    seen.context.close()


def test_no_page_makes_the_browser_complain(watched: Watched) -> None:
    for path in PAGES.values():
        go_to(watched.page, path)
        watched.page.wait_for_load_state("networkidle")
    assert watched.complaints == []


def test_nothing_is_asked_of_another_server(watched: Watched, shop: LiveServer) -> None:
    asked: set[str] = set()
    watched.page.on("request", lambda request: asked.add(request.url))
    for path in PAGES.values():
        go_to(watched.page, path)
    assert [url for url in asked if not url.startswith(shop.host)] == []


def test_no_page_is_wider_than_a_phone(chromium: Browser, shop: LiveServer) -> None:
    seen = Watched(chromium, shop, viewport=PHONE).sign_in()
    wide = []
    for name, path in PAGES.items():
        go_to(seen.page, path)
        if seen.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
    seen.context.close()
    assert wide == []


def test_every_page_says_the_same_without_javascript(chromium: Browser, shop: LiveServer) -> None:
    seen = Watched(chromium, shop, java_script_enabled=False, viewport=WIDE).sign_in()
    for name, path in PAGES.items():
        assert go_to(seen.page, path) == 200, name
        assert seen.page.locator("main h1").count() == 1, name
    seen.context.close()
    assert seen.complaints == []


def test_signing_in_takes_no_mouse(chromium: Browser, shop: LiveServer) -> None:
    seen = Watched(chromium, shop, viewport=WIDE)
    seen.page.goto("/sign-in")
    seen.page.wait_for_function("document.activeElement.id === 'token'")
    seen.page.keyboard.type(shop.token)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Sign in"
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/p/**")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the page"
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.getElementById('main').contains(document.activeElement)")
    seen.context.close()


def test_times_are_the_readers_with_utc_on_hover(chromium: Browser, shop: LiveServer) -> None:
    seen = Watched(chromium, shop, viewport=WIDE, locale="de-DE", timezone_id="Asia/Tokyo").sign_in()
    seen.page.goto("/audit")
    time = seen.page.locator("time").first
    assert str(time.get_attribute("title")).endswith(" UTC")
    expected = seen.page.evaluate(
        "at => new Intl.DateTimeFormat('de-DE', {dateStyle: 'medium', timeStyle: 'short', "
        "timeZone: 'Asia/Tokyo'}).format(new Date(at))",
        time.get_attribute("datetime"),
    )
    assert time.text_content() == expected
    seen.context.close()


def test_the_way_to_the_health_checks_unfolds_them(watched: Watched) -> None:
    go_to(watched.page, PAGES["experiment"])
    checks = watched.page.get_by_role("group", name="Health checks")
    assert not checks.is_visible()
    watched.page.click("a[href='#health']")
    checks.wait_for(state="visible")


def test_the_theme_is_kept(watched: Watched) -> None:
    assert watched.page.locator("html").get_attribute("data-theme") == "auto"
    for theme in ("light", "dark", "auto"):
        watched.page.click(f"button[name=theme][value={theme}]")
        assert watched.page.locator("html").get_attribute("data-theme") == theme
        watched.page.goto(PAGES["flags"])
        assert watched.page.locator("html").get_attribute("data-theme") == theme


def test_a_newcomer_makes_a_flag_and_switches_it_on(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    page.goto(PAGES["flags"])
    page.click("text=New flag")
    page.fill("#name", "Bigger pictures")
    page.press("#name", "Enter")
    page.wait_for_url("**/flags/bigger-pictures")
    page.click("button[role=switch]")
    page.wait_for_selector("button[role=switch][aria-checked=true]")
    flag = shop.rest("GET", "/flags/default/bigger-pictures").body
    assert flag["environments"]["production"]["on"] is True
    assert flag["environments"]["test"]["on"] is False
    assert watched.complaints == []


def test_a_rule_is_built_saved_and_seen_in_a_preview(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    assert shop.rest("POST", "/flags/default", {"key": "edited", "name": "Edited"}).status == 201
    page.goto("/p/default/production/flags/edited")
    page.click("button[role=switch]")
    page.wait_for_selector("button[role=switch][aria-checked=true]")
    page.click("text=Add a rule")
    page.fill("[name='rule.0.clause.0.attribute']", "country")
    page.fill("[name='rule.0.clause.0.values']", "DE\nAT")
    page.select_option("[name='rule.0.serve.choice']", "1")
    page.fill("#comment", "Not there yet")
    page.click("text=Save in Production")
    page.wait_for_selector("text=Saved.")
    page.click("text=Who gets what")
    page.fill("#context", '{"kind": "user", "key": "u", "country": "AT"}')
    page.click("text=Show what it gets")
    page.wait_for_selector("text=Rule 1 matched: country is one of DE, AT.")
    page.click("text=History")
    page.wait_for_selector("text=Not there yet")
    assert watched.complaints == []


def test_a_mistyped_draft_is_mended_by_keyboard(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    page.goto(PAGES["experiment-draft"])
    page.focus("text=Edit the design")
    page.keyboard.press("Enter")
    page.wait_for_url("**/edit")
    page.fill("[name='treatment.0.percent']", "80")
    page.press("[name='treatment.0.percent']", "Enter")
    page.wait_for_selector("text=The shares add up to 130 %")
    page.fill("[name='treatment.0.percent']", "20")
    page.focus("text=Save the draft")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Saved.")
    path = PAGES["experiment-draft"].removeprefix("/p/default/production/")
    found = shop.rest(
        "GET", f"/projects/default/environments/production/{path}?expand=draftIteration,treatments"
    )
    shares = [one["allocationPercent"] for one in found.body["draftIteration"]["treatments"]]
    assert shares == ["20", "50"]


def test_a_condition_is_added_to_a_metric_by_keyboard(watched: Watched) -> None:
    page = watched.page
    page.goto(PAGES["metric"])
    page.focus("button[value=add-filter]")
    page.keyboard.press("Enter")
    page.fill("[name='filter.0.attribute']", "shop")
    page.fill("[name='filter.0.values']", "web")
    page.wait_for_selector("#preview >> text=All of its events are counted here")
    page.focus("button.primary[value=save]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Saved.")
    assert page.input_value("[name='filter.0.values']") == "web"
    assert watched.complaints == []


def test_a_metric_shows_what_it_would_count_while_it_is_typed(watched: Watched) -> None:
    page = watched.page
    page.goto("/p/default/production/new-metric")
    page.fill("#event_key", "purchas")
    page.wait_for_selector("#preview >> text=Did you mean")
    page.fill("#event_key", "purchase")
    page.wait_for_selector("#preview >> text=would count as converted")
    page.select_option("#measure", "sum")
    page.wait_for_selector("#preview >> text=for each user that had any")
    assert page.locator("#unit").is_visible()
    assert watched.complaints == []


def test_new_events_appear_without_reloading(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    page.goto(PAGES["live"])
    assert page.locator("text=seen-just-now").count() == 0
    event = {
        "kind": "custom",
        "key": "seen-just-now",
        "creationDate": 1,
        "context": {"kind": "user", "key": "u"},
    }
    assert shop.send([event]).status == 202
    page.wait_for_selector("text=seen-just-now", timeout=15_000)


def test_a_token_is_shown_once_and_taken_away_after_a_question(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    page.goto(PAGES["tokens"])
    page.fill("#name", "Robot")
    page.select_option("#role", "reader")
    page.click("text=Make the token")
    secret = page.locator("#secret").text_content() or ""
    assert shop.rest("GET", "/projects", token=secret).status == 200
    page.goto(PAGES["tokens"])
    assert secret not in page.content()
    page.click("button[aria-label='Revoke Robot']")
    page.wait_for_selector("dialog >> text=Take Robot away?")
    page.click("dialog >> text=Cancel")
    assert shop.rest("GET", "/projects", token=secret).status == 200
    page.click("button[aria-label='Revoke Robot']")
    page.click("dialog >> text=Take it away")
    page.wait_for_selector("text=opens nothing any more")
    assert shop.rest("GET", "/projects", token=secret).status == 401


def test_keys_are_covered_until_they_are_asked_for(watched: Watched, shop: LiveServer) -> None:
    page = watched.page
    page.goto(PAGES["environment"])
    key = shop.environment_rep()["apiKey"]
    assert page.locator("#sdk-key").text_content() != key
    page.click("button[data-reveal=sdk-key]")
    assert page.locator("#sdk-key").text_content() == key
    page.click("button[data-reveal=sdk-key]")
    assert page.locator("#sdk-key").text_content() != key
