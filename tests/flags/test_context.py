"""Contexts of every shape: what is read, what is refused, and the key that stands for all of it."""

import json
from typing import Any

import pytest

from assay.errors import InvalidRequest
from assay.flags.context import canonical_key, parse_context, secure_mode_hash
from flags.documents import multi, user

SDK_KEY = "sdk-11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("document", "message", "signature"),
    [
        (user("user-1"), "user-1", "6f39c4fd84ed4139d69444b83ddf4f0dfdc37864d5beae68d13e79978d3e7d99"),
        (
            multi(user={"key": "user-1"}, org={"key": "org-9"}),
            "org:org-9:user:user-1",
            "cd870474f0aa19449fdd11f2391f82384604b9f7d5cdca57f79734a1291a9497",
        ),
        (
            {"kind": "org", "key": "a:b%c"},
            "org:a%3Ab%25c",
            "607ac0ac66fb8cddb5f35753e2767e5ddababe55426967ad7d8672d789a626d7",
        ),
    ],
)
def test_secure_mode_signs_the_canonical_key(document: Any, message: str, signature: str) -> None:
    context = parse_context(document)
    assert canonical_key(context) == message
    assert secure_mode_hash(context, SDK_KEY) == signature


def test_a_user_alone_is_its_bare_key_whatever_the_shape() -> None:
    shapes: list[dict[str, Any]] = [user("a:b"), multi(user={"key": "a:b"}), {"key": "a:b"}]
    assert [canonical_key(parse_context(shape)) for shape in shapes] == ["a:b"] * 3


def test_a_multi_context_holds_its_parts_by_kind() -> None:
    context = parse_context(multi(user={"key": "u", "age": 3}, org={"key": "o"}))
    assert context == {"user": {"key": "u", "age": 3}, "org": {"key": "o"}}


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "a", 3, {"kind": None, "key": "a"}, {"kind": 3, "key": "a"}, {"kind": "", "key": "a"}),
        *({"kind": "kind", "key": "a"}, {"kind": "ü", "key": "a"}, {"kind": "a b", "key": "a"}),
        *({"kind": "user"}, {"kind": "user", "key": ""}, {"kind": "user", "key": None}),
        *({"kind": "user", "key": 3}, {"kind": "user", "key": True}),
        *({"kind": "multi"}, {"kind": "multi", "user": "a"}, {"kind": "multi", "user": {}}),
        *({"kind": "multi", "multi": {"key": "a"}}, {"kind": "multi", "user": {"key": ""}}),
        *({"kind": "multi", "user": {"key": "a"}, "": {"key": "a"}},),
        *(user(name=3), user(anonymous="yes"), user(anonymous=1), user(_meta=3), user(_meta=[])),
        *(user(_meta={"privateAttributes": "email"}), user(_meta={"privateAttributes": [3]})),
        *({}, {"key": None}, {"key": True}, {"key": []}, {"key": "a", "custom": []}),
        *({"key": "a", "name": 3}, {"key": "a", "privateAttributeNames": "x"}),
    ],
)
def test_what_is_no_context_is_refused(document: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_context(document)


def test_a_refusal_repeats_nothing_private() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_context(user(email="secret@example.com", name=["secret"]))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "document",
    [
        user(name=None, anonymous=None, _meta=None),
        user(_meta={}),
        user(_meta={"privateAttributes": None}),
        user(_meta={"privateAttributes": ["/a/b"], "other": 1}),
        {"kind": "A-b_c.9", "key": "a"},
    ],
)
def test_what_may_be_absent_may_be_null(document: Any) -> None:
    assert list(parse_context(document)) == [document["kind"]]


def test_an_old_user_becomes_a_user_with_its_custom_attributes_on_top() -> None:
    old = {
        "key": "ann",
        "email": "ann@example.com",
        "name": None,
        "anonymous": True,
        "custom": {"plan": "pro", "email": "other", "anonymous": False, "key": "x", "kind": "y", "_meta": 1},
        "privateAttributeNames": ["email"],
    }
    assert parse_context(old) == {
        "user": {
            "key": "ann",
            "email": "ann@example.com",
            "anonymous": True,
            "plan": "pro",
            "_meta": {"privateAttributes": ["email"]},
        }
    }


@pytest.mark.parametrize(
    ("key", "text"), [("", ""), (12, "12"), (12.0, "12"), (1.5, "1.5"), ("12", "12"), (-3, "-3")]
)
def test_an_old_user_s_key_may_be_a_number_or_empty(key: Any, text: str) -> None:
    assert canonical_key(parse_context({"key": key})) == text


def test_custom_attributes_can_not_make_an_old_user_anonymous() -> None:
    assert "anonymous" not in parse_context({"key": "a", "custom": {"anonymous": True}})["user"]


def test_half_a_surrogate_has_a_key_too() -> None:
    context = parse_context(json.loads('{"kind": "user", "key": "\\ud800"}'))
    assert len(secure_mode_hash(context, SDK_KEY)) == 64
