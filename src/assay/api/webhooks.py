"""Webhooks: /api/v2/webhooks. They are for admins, who may read their secrets back."""

import secrets
from typing import Required, TypedDict
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from assay.access.policies import Grant, check_statements, permits
from assay.access.rights import with_tags
from assay.api.call import Answer, Call, Operation
from assay.api.changes import change_rep, resources_of
from assay.api.deliveries import Courier, Delivery
from assay.api.links import Links, link
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.tokens import StatementRep, statement_reps
from assay.errors import InvalidRequest, NotFound
from assay.store.records import Statement, Webhook
from assay.store.state import State
from assay.store.store import Entry, Store

LONGEST_URL = 2000
MOST_WEBHOOKS = 100


class WebhookPost(msgspec.Struct, frozen=True):
    """A new webhook. Where it signs and no secret is given, one is made."""

    url: str
    sign: bool
    on: bool
    name: str = ""
    secret: str = ""
    statements: tuple[Statement, ...] = ()
    tags: tuple[str, ...] = ()


class WebhookRep(TypedDict, total=False):
    """A webhook; with a secret where it signs what it sends."""

    _links: Required[Links]
    _id: Required[str]
    url: Required[str]
    on: Required[bool]
    tags: Required[list[str]]
    name: str
    secret: str
    statements: list[StatementRep]


class WebhooksRep(TypedDict):
    """All webhooks."""

    _links: Links
    items: list[WebhookRep]


def list_webhooks(call: Call) -> Answer:
    items = [webhook_rep(webhook) for webhook in call.rooms.store.state.all("webhook").values()]
    return Answer(body={"_links": {"self": link("webhooks")}, "items": items})


def get_webhook(call: Call) -> Answer:
    return Answer(body=webhook_rep(_found(call.rooms.store.state, call.path["webhook"])))


def create_webhook(call: Call) -> Answer:
    """From now on each change that the statements allow (all, without any) is posted to the URL."""
    asked = converted(call.object(), WebhookPost)
    secret = (asked.secret or secrets.token_hex(32)) if asked.sign else ""
    webhook = Webhook(
        secrets.token_hex(12), asked.url, asked.name, secret, asked.on, asked.statements, asked.tags
    )
    check_webhook(webhook)
    with call.rooms.store.writing(call.actor) as transaction:
        if len(transaction.state.all("webhook")) >= MOST_WEBHOOKS:
            raise InvalidRequest(f"there are at most {MOST_WEBHOOKS} webhooks")
        transaction.put(("webhook", "", webhook.id), webhook, "createWebhook")
    return Answer(body=webhook_rep(webhook))


def patch_webhook(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        webhook = _found(transaction.state, call.path["webhook"])
        shown = msgspec.json.decode(msgspec.json.encode(webhook_rep(webhook)))
        document = patched({"name": "", "statements": [], **shown}, patch)
        edited = replace(converted(document, Webhook), id=webhook.id)
        check_webhook(edited)
        transaction.put(("webhook", "", webhook.id), edited, "updateWebhook")
    return Answer(body=webhook_rep(edited))


def delete_webhook(call: Call) -> Answer:
    with call.rooms.store.writing(call.actor) as transaction:
        webhook = _found(transaction.state, call.path["webhook"])
        transaction.put(("webhook", "", webhook.id), None, "deleteWebhook")
    return Answer(204)


def webhook_rep(webhook: Webhook) -> WebhookRep:
    body: WebhookRep = {
        "_links": {"self": link("webhooks", webhook.id), "parent": link("webhooks")},
        "_id": webhook.id,
        "url": webhook.url,
        "on": webhook.on,
        "tags": list(webhook.tags),
    }
    if webhook.name:
        body["name"] = webhook.name
    if webhook.secret:
        body["secret"] = webhook.secret
    if webhook.statements:
        body["statements"] = statement_reps(webhook.statements)
    return body


def check_webhook(webhook: Webhook) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    check_statements(webhook.statements)
    url = webhook.url
    try:
        place, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise InvalidRequest(f"{url[:80]!r} is no URL") from None
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    if place.scheme not in ("http", "https") or not place.hostname or port == 0 or not plain:
        raise InvalidRequest(f"a webhook's url begins with http:// or https://, not {url[:80]!r}")
    if place.username is not None or place.fragment:
        raise InvalidRequest("a webhook's url has neither a user nor a fragment")


def subscribe(store: Store, courier: Courier) -> None:
    """From now on each entry of the audit log goes to the webhooks that want it."""

    def hear(entry: Entry) -> None:
        webhooks = [webhook for webhook in store.state.all("webhook").values() if webhook.on]
        if not webhooks:
            return
        body = msgspec.json.encode(change_rep(entry))
        for webhook in webhooks:
            if wants(store.state, webhook, entry):
                courier.send(Delivery(webhook, body))

    store.listen_audit(hear)


def wants(state: State, webhook: Webhook, entry: Entry) -> bool:
    """Whether the webhook's statements allow any part of the change; without statements it wants all."""
    grant = Grant(statements=webhook.statements)
    return not webhook.statements or any(
        permits(grant, "owner", entry["action"], with_tags(state, resource))
        for resource in resources_of(entry)
    )


def _found(state: State, identifier: str) -> Webhook:
    webhook: Webhook | None = state.find(("webhook", "", identifier))
    if webhook is None:
        raise NotFound(f"Unknown webhook {identifier!r}")
    return webhook


WEBHOOK = "/api/v2/webhooks/{webhook}"

OPERATIONS = (
    Operation("GET", "/api/v2/webhooks", "admin", list_webhooks, answer=WebhooksRep),
    Operation("POST", "/api/v2/webhooks", "admin", create_webhook, body=WebhookPost, answer=WebhookRep),
    Operation("GET", WEBHOOK, "admin", get_webhook, answer=WebhookRep),
    Operation("PATCH", WEBHOOK, "admin", patch_webhook, answer=WebhookRep),
    Operation("DELETE", WEBHOOK, "admin", delete_webhook, status=204),
)
