"""Somebody who looks at pages without JavaScript: cookies, redirects, forms."""

import html
import re
import time
from typing import Any
from urllib.parse import urlencode

import httpx
from playwright.sync_api import Page


class Visitor:
    """A browser of its own for one person."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.cookies = httpx.Cookies()
        self._csrf: dict[str, str] = {}

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request with our cookies; the page that redirects end at."""
        with httpx.Client(
            base_url=self.host, cookies=self.cookies, follow_redirects=True, timeout=60, verify=False
        ) as client:
            reply = client.request(method, path, **more)
            self.cookies = client.cookies
        return reply

    def get(self, path: str, **query: str) -> httpx.Response:
        """A page, asked for again as a browser does while something on it is being computed."""
        reply = self.send("GET", path, params=query or None)
        while "refresh" in reply.headers:
            time.sleep(0.1)
            reply = self.send("GET", path, params=query or None)
        return reply

    def sign_in(self, token: str) -> "Visitor":
        reply = self.send("POST", "/sign-in", data={"token": token})
        assert reply.status_code == 200, reply.text
        assert "assay-session" in self.cookies
        return self

    def csrf(self) -> str:
        """The token in the forms of our session, read from a page once."""
        session = str(self.cookies.get("assay-session"))
        if session not in self._csrf:
            self._csrf[session] = self._csrf_of_page()
        return self._csrf[session]

    def _csrf_of_page(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get("/").text)
        assert found is not None
        return found[1]

    def post(self, path: str, fields: dict[str, Any] | None = None) -> httpx.Response:
        """A form with these fields, and the token that our pages put into theirs."""
        pairs = [(name, value) for name, given in (fields or {}).items() for value in _values(given)]
        body = urlencode([("csrf", self.csrf()), *pairs])
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, content=body, headers=headers)

    def form_of(self, path: str, **query: str) -> dict[str, list[str]]:
        """Every field of the page's forms as it stands there."""
        return fields_of(self.get(path, **query).text)


def go_to(page: Page, path: str) -> int:
    """A browser's page with all its figures, which may still be computed when it is asked for; its status."""
    answer = page.goto(path)
    while answer is not None and "refresh" in answer.headers:
        answer = page.goto(path)
    return 0 if answer is None else answer.status


def _values(given: Any) -> list[str]:
    return [str(value) for value in given] if isinstance(given, list) else [str(given)]


def text_of(page: str) -> str:
    """What a reader sees: without tags, blanks collapsed."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", body)))


def fields_of(page: str) -> dict[str, list[str]]:
    """Inputs, text areas and selects by name, with the values that a browser would send."""
    fields: dict[str, list[str]] = {}
    pattern = r"<input\b([^>]*)>|<textarea\b([^>]*)>(.*?)</textarea>|<select\b([^>]*)>(.*?)</select>"
    for match in re.finditer(pattern, page, re.DOTALL):
        own = match[1] or match[2] or match[4] or ""
        name = _attribute(own, "name")
        if name is None or name == "csrf" or _unticked(own):
            continue
        if match[2] is not None:
            value = html.unescape(match[3])
        elif match[4] is not None:
            value = _chosen(match[5])
        else:
            value = _attribute(own, "value") or ("on" if 'type="checkbox"' in own else "")
        fields.setdefault(name, []).append(value)
    return fields


def _unticked(own: str) -> bool:
    return bool(re.search(r'type="(checkbox|radio)"', own)) and not re.search(r"\bchecked\b", own)


def _chosen(options: str) -> str:
    found = re.findall(r"<option\b([^>]*)>(.*?)(?=<option|</option>|$)", options, re.DOTALL)
    chosen = next((option for option in found if re.search(r"\bselected\b", option[0])), found[0])
    value = _attribute(chosen[0], "value")
    return html.unescape(chosen[1]).strip() if value is None else value


def _attribute(own: str, name: str) -> str | None:
    found = re.search(rf'\b{name}="([^"]*)"', own)
    return None if found is None else html.unescape(found[1])
