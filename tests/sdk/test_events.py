"""Events, good and bad: a bad one is kept aside with its reason and never costs its neighbours."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from live import LiveServer, exposure, now_ms, tracked
from sdk.payloads import Experiment, counter, new_experiment, post


def around(experiment: Experiment, bad: Any) -> list[Any]:
    """A bad event among good ones."""
    flag, metric = experiment.flag, experiment.metric
    return [exposure("a", 0, flag=flag), bad, exposure("b", 1, flag=flag), tracked("b", key=metric)]


BAD: tuple[tuple[str, Any], ...] = (
    ("not_an_object", None),
    ("not_an_object", 5),
    ("not_an_object", "text"),
    ("not_an_object", []),
    ("kind_missing", {}),
    ("kind_invalid", {"kind": 5}),
    ("kind_invalid", {"kind": None}),
    ("unknown_kind", {"kind": "nonsense", "creationDate": 1}),
    ("unknown_kind", {"kind": "x" * 10_000}),
    ("key_missing", {"kind": "feature", "creationDate": 1}),
    ("key_missing", {"kind": "custom", "creationDate": 1, "key": ""}),
    ("key_invalid", {"kind": "custom", "creationDate": 1, "key": 5}),
    ("creation_date_missing", {"kind": "custom", "key": "a"}),
    ("creation_date_invalid", {"kind": "custom", "key": "a", "creationDate": "now"}),
    ("creation_date_invalid", {"kind": "custom", "key": "a", "creationDate": 1e17}),
    ("variation_invalid", {"kind": "feature", "key": "a", "creationDate": 1, "variation": -1}),
    ("variation_invalid", {"kind": "feature", "key": "a", "creationDate": 1, "variation": "0"}),
    ("version_invalid", {"kind": "feature", "key": "a", "creationDate": 1, "version": 1.5}),
    ("reason_invalid", {"kind": "feature", "key": "a", "creationDate": 1, "reason": "OFF"}),
    ("metric_value_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "metricValue": "5"}),
    ("context_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "context": "u"}),
    ("context_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "context": {}}),
    ("context_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "context": {"key": ""}}),
    ("context_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "context": {"key": True}}),
    (
        "context_invalid",
        {"kind": "custom", "key": "a", "creationDate": 1, "context": {"kind": 5, "key": "a"}},
    ),
    (
        "context_invalid",
        {"kind": "custom", "key": "a", "creationDate": 1, "context": {"kind": "multi", "user": "a"}},
    ),
    ("context_keys_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "contextKeys": ["a"]}),
    (
        "too_many_context_kinds",
        {"kind": "custom", "key": "a", "creationDate": 1, "contextKeys": {f"k{n}": "a" for n in range(60)}},
    ),
    ("user_invalid", {"kind": "custom", "key": "a", "creationDate": 1, "user": "a"}),
    ("too_large", {"kind": "custom", "key": "a", "creationDate": 1, "data": "x" * 1_100_000}),
)


@pytest.mark.parametrize(("reason", "bad"), BAD)
def test_a_bad_event_is_kept_aside_and_its_neighbours_count(live: LiveServer, reason: str, bad: Any) -> None:
    experiment = new_experiment(live)
    before = counter(live, "assay_events_quarantined_total", reason=reason)
    assert post(live, around(experiment, bad)).status == 202
    assert experiment.exposed() == [1, 1]
    assert experiment.counted() == [0, 1]
    assert counter(live, "assay_events_quarantined_total", reason=reason) == before + 1


@pytest.mark.parametrize("depth", [50, 900, 961, 966, 970, 977, 985, 1200, 100_000])
@pytest.mark.parametrize("kind", ["custom", "nonsense"])
def test_an_event_nested_too_deeply_costs_only_itself(live: LiveServer, kind: str, depth: int) -> None:
    experiment = new_experiment(live)
    text = '"with ]}, [{ and \\\\\\" inside"'
    deep = '{"kind": "%s", "key": "k", "creationDate": 1, "data": %s%s%s}'
    event = deep % (kind, '{"a": [' * depth, text, "]}" * depth)
    first, _, *others = around(experiment, None)
    body = f"[{json.dumps(first)}, {event}, {json.dumps(others)[1:-1]}]".encode()
    assert post(live, body).status == 202
    assert experiment.exposed() == [1, 1]
    assert experiment.counted() == [0, 1]


ODD: tuple[bytes, ...] = (
    b'{"kind": "custom", "key": "k", "creationDate": 1, "metricValue": NaN}',
    b'{"kind": "custom", "key": "k", "creationDate": 1, "metricValue": -Infinity}',
    b'{"kind": "custom", "key": "k", "creationDate": 1, "metricValue": 1e999}',
    b'{"kind": "custom", "key": "k", "creationDate": 1, "metricValue": ' + b"1" * 5000 + b"}",
    b'{"kind": "custom", "key": "k", "creationDate": 1, "data": ' + b"1" * 5000 + b"}",
    b'{"kind": "custom", "key": "\\ud800", "creationDate": 1}',
    b'{"kind": "custom", "key": "\xff\xfe", "creationDate": 1}',
    b'{"kind": "custom", "key": "\\u0000", "creationDate": 1, "context": {"kind": "user", "key": "\\u0000"}}',
    b'{"kind": "custom", "key": "k", "creationDate": 1, "data": {"\\u0000": "\\u0000"}}',
)


@pytest.mark.parametrize("odd", ODD)
def test_what_strict_json_refuses_costs_no_neighbour(live: LiveServer, odd: bytes) -> None:
    experiment = new_experiment(live)
    first, _, *others = around(experiment, None)
    body = b"[%s, %s, %s]" % (json.dumps(first).encode(), odd, json.dumps(others)[1:-1].encode())
    assert post(live, body).status == 202
    assert experiment.exposed() == [1, 1]
    assert experiment.counted() == [0, 1]


def test_keys_with_odd_characters_stay_apart(live: LiveServer) -> None:
    experiment = new_experiment(live)
    keys = [
        "a",
        "a\u0000",
        "a ",
        " a",
        "A",
        "ä",
        "a\u0308",
        "☃",
        "'; drop table flag_events; --",
        '"',
        "\\",
        "\n",
        "null",
    ]
    assert post(live, [exposure(key, 0, flag=experiment.flag) for key in keys]).status == 202
    assert experiment.exposed() == [len(keys), 0]


IDENTITIES: tuple[dict[str, Any], ...] = (
    {"context": {"kind": "user", "key": "u"}},
    {"context": {"key": "u"}},
    {"context": {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o"}}},
    {"contextKeys": {"user": "u", "org": "o"}},
    {"user": {"key": "u", "custom": {"a": 1}}, "contextKind": "user"},
    {"userKey": "u", "contextKind": "anonymousUser"},
)


@pytest.mark.parametrize("exposed_as", IDENTITIES)
@pytest.mark.parametrize("tracked_as", IDENTITIES)
def test_every_schema_names_the_same_unit(
    live: LiveServer, exposed_as: dict[str, Any], tracked_as: dict[str, Any]
) -> None:
    experiment = new_experiment(live)
    seen, done = exposure("-", 1, flag=experiment.flag), tracked("-", key=experiment.metric)
    del seen["context"], done["context"]
    assert post(live, [seen | exposed_as, done | tracked_as], X_LaunchDarkly_Event_Schema="3").status == 202
    assert (experiment.exposed(), experiment.counted()) == ([0, 1], [0, 1])


def test_an_old_browsers_numeric_key_is_its_text(live: LiveServer) -> None:
    experiment = new_experiment(live)
    seen, done = exposure("-", 0, flag=experiment.flag), tracked("5", key=experiment.metric)
    del seen["context"]
    assert post(live, [seen | {"userKey": 5}, done]).status == 202
    assert experiment.counted() == [1, 0]


def test_what_is_no_exposure_is_not_counted_as_one(live: LiveServer) -> None:
    experiment = new_experiment(live)
    seen = exposure("u", 0, flag=experiment.flag)
    without = {name: value for name, value in seen.items() if name != "variation"}
    nobody = {
        name: value for name, value in exposure("n", 0, flag=experiment.flag).items() if name != "context"
    }
    summary = {
        "kind": "summary",
        "startDate": 1,
        "endDate": 2,
        "features": {experiment.flag: {"counters": []}},
    }
    index = {"kind": "index", "creationDate": now_ms(), "context": {"kind": "user", "key": "i"}}
    events = [
        seen | {"kind": "debug"},
        without,
        nobody,
        summary,
        index,
        exposure("u", 7, flag=experiment.flag),
    ]
    assert post(live, events).status == 202
    assert experiment.exposed() == [0, 0]


def test_many_senders_at_once_lose_nothing(live: LiveServer) -> None:
    experiment = new_experiment(live, numeric=True)

    def send(sender: int) -> set[int]:
        statuses = set()
        for number in range(10):
            unit = f"u{sender}-{number}"
            events = [exposure(unit, sender % 2, flag=experiment.flag)]
            events += [tracked(unit, key=experiment.metric, metricValue=value) for value in (1, 2)]
            statuses.add(live.send(events).status)
        return statuses

    with ThreadPoolExecutor(16) as pool:
        assert set.union(*pool.map(send, range(16))) == {202}
    assert experiment.exposed() == [80, 80]
    assert experiment.counted() == [160, 160]
    assert [total["cumulativeValue"] for total in experiment.totals()] == [240.0, 240.0]
