"""Flags over HTTP: made, read, changed, as a caller of one version of the API."""

from dataclasses import dataclass
from typing import Any

from api.replies import fresh
from live import LiveServer, Reply

MODERN = "20240415"


@dataclass(frozen=True)
class Caller:
    """Somebody with the first token; `version` is what they send as LD-API-Version, if anything."""

    api: LiveServer
    version: str = MODERN
    project: str = "default"

    def send(self, method: str, path: str, body: object = None) -> Reply:
        headers = {"Authorization": self.api.token} | (
            {"LD-API-Version": self.version} if self.version else {}
        )
        return self.api.request(method, f"/api/v2{path}", body, headers)

    def get(self, path: str) -> Any:
        reply = self.send("GET", path)
        assert reply.status == 200, reply.body
        return reply.body

    def create(self, query: str = "", **fields: Any) -> dict[str, Any]:
        key = fields.pop("key", None) or fresh("flag")
        reply = self.send("POST", f"/flags/{self.project}{query}", {"key": key, "name": key, **fields})
        assert reply.status == 201, reply.body
        body: dict[str, Any] = reply.body
        return body

    def patch(self, key: str, body: object, query: str = "") -> dict[str, Any]:
        reply = self.send("PATCH", f"/flags/{self.project}/{key}{query}", body)
        assert reply.status == 200, reply.body
        changed: dict[str, Any] = reply.body
        return changed

    def instruct(self, key: str, *instructions: Any, environment: str = "production") -> dict[str, Any]:
        body = {"environmentKey": environment, "instructions": list(instructions), "comment": "for a test"}
        return self.patch(key, body)


def ids(flag: dict[str, Any]) -> list[str]:
    return [variation["_id"] for variation in flag["variations"]]


def own_project(api: LiveServer) -> Caller:
    """A caller in a project that nobody else uses."""
    key = fresh("project")
    reply = api.rest("POST", "/projects", {"key": key, "name": key})
    assert reply.status == 201, reply.body
    return Caller(api, project=key)
