"""Payloads as bytes: what real and hostile senders put on the wire becomes events, or is refused whole."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidRequest
from assay.events.payload import DEEPEST_NESTING, decode_payload

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_an_array_is_its_events() -> None:
    assert decode_payload(b'[{"kind":"index"},{"kind":"custom"}]') == [{"kind": "index"}, {"kind": "custom"}]


def test_an_empty_array_is_no_events() -> None:
    assert decode_payload(b" [ ] ") == []


def test_one_object_is_one_event() -> None:
    assert decode_payload(b'{"kind":"diagnostic"}') == [{"kind": "diagnostic"}]


@pytest.mark.parametrize("body", [b"5", b'"text"', b"null", b"true", b"NaN", b"1e400"])
def test_a_scalar_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="JSON array"):
        decode_payload(body)


@pytest.mark.parametrize("body", [b"", b"[", b"[{]", b"[1,]", b"\x00", b"[1]x", b"\xff\xfe[\x00]\x00", b"\\"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no JSON"):
        decode_payload(body)


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e999999"])
def test_a_number_without_a_finite_value_is_null_and_its_neighbours_stay(token: bytes) -> None:
    decoded = decode_payload(b'[{"kind":"custom","metricValue":' + token + b'},{"kind":"index","x":1.5}]')
    assert decoded == [{"kind": "custom", "metricValue": None}, {"kind": "index", "x": 1.5}]


def test_half_a_surrogate_pair_becomes_the_replacement_character_in_values_and_names() -> None:
    assert decode_payload(b'[{"\\ud800":"a\\udfffb","whole":"\\ud83d\\ude00"}]') == [
        {"\ufffd": "a\ufffdb", "whole": "\U0001f600"}
    ]


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
def test_bytes_that_are_no_utf_8_are_replaced(raw: bytes) -> None:
    ((text,),) = [decode_payload(b'["' + raw + b'"]')]
    assert "\ufffd" in text
    assert text.encode()


def test_nul_and_line_separators_are_text_like_any_other() -> None:
    assert decode_payload('["\\u0000\u2028\u2029\\n"]'.encode()) == ["\x00\u2028\u2029\n"]


def test_a_whole_number_of_40_digits_is_kept_exactly() -> None:
    assert decode_payload(b"[1" + b"0" * 39 + b"]") == [10**39]


@pytest.mark.parametrize("digits", [4_301, 100_000])
def test_a_number_with_more_digits_than_python_reads_costs_only_itself(digits: int) -> None:
    body = b'[{"kind":"index"},{"data":' + b"9" * digits + b"},{}]"
    assert decode_payload(body) == [{"kind": "index"}, {"data": None}, {}]


def told(body: bytes) -> list[Any]:
    """A payload's events, with a word for those that rows refuse: how deep a Python can read differs."""
    return ["nested too deeply" if is_deep(event) else event for event in decode_payload(body)]


def is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST_NESTING):
        inner = [
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)
        ]
        level = [each for one in inner for each in one]
    return any(isinstance(one, dict | list) for one in level)


@pytest.mark.parametrize("depth", [1_000, 5_000, 200_000])
def test_an_event_nested_beyond_what_can_be_read_costs_only_itself(depth: int) -> None:
    deep = b'{"data":' + nested(depth) + b"}"
    body = b'[{"kind":"index","s":"]}\\"["},' + deep + b',{"kind":"identify"},' + deep + b",7]"
    assert told(body) == [
        {"kind": "index", "s": ']}"['},
        "nested too deeply",
        {"kind": "identify"},
        "nested too deeply",
        7,
    ]


def test_a_deep_event_beside_what_strict_json_refuses_costs_only_itself() -> None:
    assert told(b"[NaN," + nested(3_000) + b',"\\ud800"]') == [None, "nested too deeply", "\ufffd"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 5_000, b"[" * 3_000 + b'"' + b'\\"' * 200_000])
def test_nesting_that_never_ends_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_payload(body)


def test_an_event_as_deep_as_allowed_is_left_alone() -> None:
    fits, *_ = decode_payload(b"[" + nested(DEEPEST_NESTING) + b"," + nested(2_000) + b"]")
    assert isinstance(fits, list)
    assert told(b"[" + nested(DEEPEST_NESTING + 1) + b"," + nested(2_000) + b"]") == [
        "nested too deeply",
        "nested too deeply",
    ]


def test_the_last_of_two_fields_with_one_name_counts() -> None:
    assert decode_payload(b'[{"key":"a","key":"b"}]') == [{"key": "b"}]


@given(st.lists(ANY_JSON, max_size=5))
def test_what_python_writes_is_read_as_it_was(events: list[Any]) -> None:
    assert decode_payload(json.dumps(events).encode()) == events


@given(st.binary(max_size=60))
def test_any_bytes_give_events_that_can_be_written_again_or_are_refused(body: bytes) -> None:
    try:
        events = decode_payload(body)
    except InvalidRequest:
        return
    assert isinstance(msgspec.json.decode(msgspec.json.encode(events)), list)


@given(
    st.lists(
        st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b'"a"', b"1", b"NaN"]), max_size=40
    )
)
def test_any_heap_of_json_tokens_gives_a_list_or_is_refused(tokens: list[bytes]) -> None:
    body = b"[" * 1_200 + b"]" * 1_199 + b",".join(tokens) + b"]"
    with contextlib.suppress(InvalidRequest):
        assert isinstance(decode_payload(body), list)
