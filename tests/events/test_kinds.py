"""What counts as an event, and whom it is about, in every schema that still lives."""

from typing import Any

import pytest

from assay.events.kinds import MOST_CONTEXT_KINDS, BadEvent, UnitKey, WireEvent, read_event, units

CUSTOM = {"kind": "custom", "key": "m", "creationDate": 1}


def about(**identity: Any) -> list[tuple[str, str]]:
    return [(unit.kind, unit.key) for unit in units(read_event(CUSTOM | identity))]


def refusal(raw: Any) -> str:
    with pytest.raises(BadEvent) as refused:
        units(read_event(raw))
    return refused.value.reason


@pytest.mark.parametrize("raw", [None, 5, "custom", [], [CUSTOM], True])
def test_what_is_no_object_is_no_event(raw: Any) -> None:
    assert refusal(raw) == "not_an_object"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": None}, "kind_invalid"),
        ({"kind": 7}, "kind_invalid"),
        ({"kind": "purchase"}, "unknown_kind"),
        ({"kind": ""}, "unknown_kind"),
        ({"kind": "Custom"}, "unknown_kind"),
        ({"key": None}, "key_missing"),
        ({"key": ""}, "key_missing"),
        ({"key": 5}, "key_invalid"),
        ({"key": ["m"]}, "key_invalid"),
        ({"creationDate": None}, "creation_date_missing"),
        ({"creationDate": "1795448807334"}, "creation_date_invalid"),
        ({"creationDate": True}, "creation_date_invalid"),
        ({"creationDate": 8.65e15}, "creation_date_invalid"),
        ({"creationDate": -(10**30)}, "creation_date_invalid"),
        ({"version": -1}, "version_invalid"),
        ({"version": 2**53 + 1}, "version_invalid"),
        ({"version": 1.5}, "version_invalid"),
        ({"variation": -1}, "variation_invalid"),
        ({"variation": 2**31}, "variation_invalid"),
        ({"variation": True}, "variation_invalid"),
        ({"reason": "FALLTHROUGH"}, "reason_invalid"),
        ({"reason": {"kind": 5}}, "reason_invalid"),
        ({"reason": {"inExperiment": "true"}}, "reason_invalid"),
        ({"metricValue": "12.5"}, "metric_value_invalid"),
        ({"metricValue": [1]}, "metric_value_invalid"),
        ({"metricValue": 1.1e30}, "metric_value_out_of_range"),
        ({"metricValue": -1e300}, "metric_value_out_of_range"),
        ({"metricValue": 5e-324}, "metric_value_out_of_range"),
        ({"context": []}, "context_invalid"),
        ({"contextKeys": "u"}, "context_keys_invalid"),
        ({"user": "u"}, "user_invalid"),
        ({"userKey": {"key": "u"}}, "user_key_invalid"),
    ],
)
def test_the_first_wrong_field_is_the_reason(change: dict[str, Any], reason: str) -> None:
    assert refusal(CUSTOM | change) == reason


def test_an_event_without_a_kind_says_so() -> None:
    assert refusal({"key": "m"}) == "kind_missing"


@pytest.mark.parametrize("kind", ["feature", "debug", "click", "pageview", "click_pageview"])
def test_events_with_a_key_need_it_and_their_time(kind: str) -> None:
    assert refusal({"kind": kind, "creationDate": 1}) == "key_missing"
    assert refusal({"kind": kind, "key": "k"}) == "creation_date_missing"


@pytest.mark.parametrize("kind", ["index", "identify", "summary", "migration_op", "alias"])
def test_events_without_a_key_need_neither_key_nor_time(kind: str) -> None:
    assert read_event({"kind": kind}).kind == kind


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 1e30, -1e-30, 12.5, 3])
def test_an_ordinary_metric_value_is_kept(value: float) -> None:
    assert read_event(CUSTOM | {"metricValue": value}).metric_value == value


def test_a_time_may_have_a_fraction() -> None:
    assert read_event(CUSTOM | {"creationDate": 1_700_000_000_000.75}).creation_date == 1_700_000_000_000.75


def test_fields_that_nobody_reads_may_hold_anything() -> None:
    odd: dict[str, Any] = {
        "data": {"deep": [1, None]},
        "url": None,
        "samplingRatio": "x",
        "default": 5,
        "prereqOf": [],
    }
    assert isinstance(read_event(CUSTOM | odd), WireEvent)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({}, []),
        ({"context": {"kind": "user", "key": "u"}}, [("user", "u")]),
        ({"context": {"key": "u"}}, [("user", "u")]),
        ({"context": {"kind": "org", "key": "o", "name": "x"}}, [("org", "o")]),
        (
            {"context": {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o"}}},
            [("user", "u"), ("org", "o")],
        ),
        ({"context": {"kind": "multi"}}, []),
        ({"contextKeys": {"user": "u", "org": "o"}}, [("user", "u"), ("org", "o")]),
        ({"contextKeys": {}}, []),
        ({"user": {"key": "u", "anonymous": True}, "contextKind": "anonymousUser"}, [("user", "u")]),
        ({"userKey": "u"}, [("user", "u")]),
        ({"userKey": 17}, [("user", "17")]),
        ({"user": {"key": 17}}, [("user", "17")]),
    ],
)
def test_every_schema_names_its_units(identity: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert about(**identity) == expected


def test_the_newest_identity_field_wins() -> None:
    everything = {
        "context": {"kind": "user", "key": "a"},
        "contextKeys": {"user": "b"},
        "user": {"key": "c"},
        "userKey": "d",
    }
    for field, expected in zip(list(everything), "abcd", strict=True):
        assert about(**everything) == [("user", expected)]
        del everything[field]


@pytest.mark.parametrize(
    "context",
    [
        {"kind": "user"},
        {"kind": "user", "key": ""},
        {"kind": "user", "key": None},
        {"kind": "user", "key": True},
        {"kind": "user", "key": ["u"]},
        {"kind": 5, "key": "u"},
        {"kind": None, "key": "u"},
        {"kind": "multi", "user": "u"},
        {"kind": "multi", "user": {"key": "u"}, "org": {}},
    ],
)
def test_a_context_without_a_usable_key_is_no_context(context: dict[str, Any]) -> None:
    assert refusal(CUSTOM | {"context": context}) == "context_invalid"


@pytest.mark.parametrize("identity", [{"contextKeys": {"user": None}}, {"user": {}}, {"userKey": ""}])
def test_an_old_identity_without_a_key_is_refused_too(identity: dict[str, Any]) -> None:
    assert refusal(CUSTOM | identity) == "context_invalid"


def test_as_many_context_kinds_as_allowed_are_taken_and_one_more_is_not() -> None:
    def kinds(count: int) -> dict[str, Any]:
        return {f"k{number}": {"key": "x"} for number in range(count)}

    assert len(about(context={"kind": "multi", **kinds(MOST_CONTEXT_KINDS)})) == MOST_CONTEXT_KINDS
    too_many = {"context": {"kind": "multi", **kinds(10_000)}}
    assert refusal(CUSTOM | too_many) == "too_many_context_kinds"
    assert refusal(CUSTOM | {"contextKeys": dict.fromkeys(kinds(51), "x")}) == "too_many_context_kinds"


def test_a_unit_key_is_text_as_it_came() -> None:
    hostile = "a\x00b\u2028'\"\n\U0001f600"
    assert units(read_event(CUSTOM | {"contextKeys": {hostile: hostile}})) == (UnitKey(hostile, hostile),)
