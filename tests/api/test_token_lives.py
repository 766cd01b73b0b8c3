"""Secrets that expire, are replaced or taken back: what each opens, and when no longer."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, now_ms


def made(api: LiveServer, **fields: Any) -> dict[str, Any]:
    reply = api.rest("POST", "/tokens", {"name": fresh("token"), "role": "reader", **fields})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def opens(api: LiveServer, secret: str) -> bool:
    reply = api.rest("GET", "/projects", token=secret)
    assert reply.status in (200, 401)
    return reply.status == 200


def test_each_reset_closes_what_the_one_before_kept_open(api: LiveServer) -> None:
    token = made(api)
    path = f"/tokens/{token['_id']}/reset?expiry={now_ms() + 3_600_000}"
    second, third = (api.rest("POST", path).body["token"] for _ in range(2))
    assert [opens(api, secret) for secret in (token["token"], second, third)] == [False, True, True]
    last = api.rest("POST", f"/tokens/{token['_id']}/reset").body["token"]
    assert [opens(api, secret) for secret in (second, third, last)] == [False, False, True]


@pytest.mark.parametrize("expiry", ["-1", "0", "1"])
def test_an_expiry_that_is_past_closes_the_old_secret_at_once(api: LiveServer, expiry: str) -> None:
    token = made(api)
    again = api.rest("POST", f"/tokens/{token['_id']}/reset?expiry={expiry}").body["token"]
    assert (opens(api, token["token"]), opens(api, again)) == (False, True)


def test_a_reset_that_is_refused_leaves_the_secret(api: LiveServer) -> None:
    token = made(api)
    for expiry in ("soon", "1.5", "9223372036854775808", ""):
        reply = api.rest("POST", f"/tokens/{token['_id']}/reset?expiry={expiry}")
        assert_refused(reply, 400, "invalid_request")
    assert opens(api, token["token"])


def test_a_deleted_token_takes_the_secret_it_kept_open_with_it(api: LiveServer) -> None:
    token = made(api)
    path = f"/tokens/{token['_id']}"
    again = api.rest("POST", f"{path}/reset?expiry={now_ms() + 3_600_000}").body["token"]
    assert api.rest("DELETE", path).status == 204
    assert (opens(api, token["token"]), opens(api, again)) == (False, False)
    assert_refused(api.rest("POST", f"{path}/reset"), 404, "not_found")
    assert_refused(api.rest("DELETE", path), 404, "not_found")


@pytest.mark.parametrize("secret", ["{}x", "x{}", "Bearer  {}x", "{} {}", "api-", " "])
def test_what_is_almost_a_secret_opens_nothing(api: LiveServer, secret: str) -> None:
    token = made(api)["token"]
    assert opens(api, f"Bearer {token}")
    assert not opens(api, secret.format(token, token))


def test_a_writer_can_not_reset_a_token_to_get_its_rights(api: LiveServer) -> None:
    writer, admin = made(api, role="writer"), made(api, role="admin")
    reply = api.rest("POST", f"/tokens/{admin['_id']}/reset", token=writer["token"])
    assert_refused(reply, 403, "forbidden")
    assert opens(api, admin["token"])
