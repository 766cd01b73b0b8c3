"""The results body: strict enough for the strictest client, whatever the window, the metric and the data."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, exposure, now_ms, tracked

DAY_MS = 86_400_000
WHOLE = {
    *(
        "cumulativeCount",
        "cumulativeImpressionCount",
        "minSampleSize",
        "count",
        "Time",
        "winningVariationIdx",
    ),
    *("timestamp", "countedThrough", "multipleVariations", "unitMissing", "notRandomized", "valueMissing"),
    "clockSkew",
}
LISTS_OF_OBJECTS = {"metadata", "totals", "series", "VariationData"}
TOTAL = {
    *("cumulativeValue", "cumulativeCount", "cumulativeImpressionCount", "cumulativeConversionRate"),
    *("cumulativeConfidenceInterval", "pValue", "improvement", "minSampleSize"),
}
SLICE = {
    *("value", "count", "cumulativeValue", "cumulativeCount", "conversionRate", "cumulativeConversionRate"),
    *("confidenceInterval", "cumulativeConfidenceInterval"),
}


@pytest.fixture(scope="module")
def place(api: LiveServer) -> tuple[str, str]:
    """An experiment with three days of data: 90 units in three variations."""
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric, variations=3)
    at = now_ms() - 3 * DAY_MS
    units = [(f"u{number}", number % 3, at + number * 3 * DAY_MS // 90) for number in range(90)]
    events = [exposure(unit, variation, when, flag) for unit, variation, when in units]
    events += [
        tracked(unit, when + 1, metric) for unit, variation, when in units if hash(when) % 3 <= variation
    ]
    assert api.send(events).status == 202
    return flag, metric


def walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a body with the name it stands under."""
    yield name, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, key)
    if isinstance(value, list):
        for inner in value:
            yield from walk(inner, name)


def assert_strict(body: Any) -> None:
    """No null, no NaN, integers as integers, and no list of objects that the client doesn't know."""
    json.dumps(body, allow_nan=False)
    for name, value in walk(body):
        assert value is not None, name
        if isinstance(value, list) and value and not isinstance(value[0], list):
            assert name in LISTS_OF_OBJECTS or not any(isinstance(item, dict | list) for item in value), name
        if name in WHOLE:
            assert type(value) is int, (name, value)
        if name in (TOTAL | SLICE) - WHOLE and not isinstance(value, dict):
            assert isinstance(value, int | float), (name, value)
    for total in body["totals"]:
        assert total.keys() <= TOTAL
    for point in body["series"]:
        assert set(point) == {"Time", "VariationData"}
        assert len(point["VariationData"]) == len(body["totals"]) == len(body["metadata"])
        assert all(piece.keys() <= SLICE for piece in point["VariationData"])
    assert body["stats"].keys() <= {"pValue", "chi2", "winningVariationIdx", "minSampleSizeMet"}
    for name in ("_links", "metricSeen", "stats"):
        assert isinstance(body[name], dict)
    assert all(isinstance(entry, dict) for entry in body["_links"].values())


def test_results_are_what_the_strictest_client_takes(api: LiveServer, place: tuple[str, str]) -> None:
    body = api.results(*place, "?from=0")
    assert_strict(body)
    assert [total["cumulativeImpressionCount"] for total in body["totals"]] == [30, 30, 30]
    assert [entry["key"] for entry in body["metadata"]] == ["v0", "v1", "v2"]
    assert body["granularity"] in ("hourly", "daily")
    assert [point["Time"] for point in body["series"]] == sorted(point["Time"] for point in body["series"])
    assert body["metricSeen"]["ever"] is True


def test_a_series_ends_where_the_totals_are(api: LiveServer, place: tuple[str, str]) -> None:
    body = api.results(*place, "?from=0")
    last = body["series"][-1]["VariationData"]
    for index, total in enumerate(body["totals"]):
        points = [point["VariationData"][index] for point in body["series"]]
        assert sum(point["count"] for point in points) == total["cumulativeCount"]
        assert last[index]["cumulativeCount"] == total["cumulativeCount"]
        assert last[index]["cumulativeConversionRate"] == total["cumulativeConversionRate"]
        assert last[index]["cumulativeConfidenceInterval"] == total["cumulativeConfidenceInterval"]


@pytest.mark.parametrize(
    "query",
    [
        "?from=1&to=1",
        "?from=0&to=0",
        "?from=-5&to=-5",
        "?to=1",
        "?to=-9223372036854775808",
        "?from=9223372036854775807",
        "?from=9223372036854775807&to=9223372036854775807",
        f"?from={-(2**63)}&to={-(2**63)}",
    ],
)
def test_an_empty_window_is_a_result_of_zeros(api: LiveServer, place: tuple[str, str], query: str) -> None:
    body = api.results(*place, query)
    assert_strict(body)
    assert [total["cumulativeImpressionCount"] for total in body["totals"]] == [0, 0, 0]
    assert [total["cumulativeCount"] for total in body["totals"]] == [0, 0, 0]
    assert body["series"] == []
    assert body["stats"]["minSampleSizeMet"] is False
    assert "winningVariationIdx" not in body["stats"]


@pytest.mark.parametrize(
    "query",
    [
        "?from=0&to=9223372036854775807",
        "?from=-9223372036854775808&to=9223372036854775807",
        "?from=-9223372036854775808",
        "?from=-1&from=0",
        "?from=0&unknown=1&to=99999999999999",
    ],
)
def test_the_widest_window_holds_everything(api: LiveServer, place: tuple[str, str], query: str) -> None:
    body = api.results(*place, query)
    assert_strict(body)
    assert [total["cumulativeImpressionCount"] for total in body["totals"]] == [30, 30, 30]


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "value",
    [
        *("", "a", "1.0", "1e3", "0x10", "1_0", "%2B1", "%201", "1%20", "null", "true", "NaN", "--1", "1,2"),
        *("9223372036854775808", "-9223372036854775809", "1" * 5000, "%D9%A1", "2024-01-01", "%00"),
    ],
)
def test_a_time_that_is_no_whole_number_of_64_bits_is_refused(
    api: LiveServer, place: tuple[str, str], name: str, value: str
) -> None:
    flag, metric = place
    reply = api.rest("GET", f"/flags/default/{flag}/experiments/production/{metric}?{name}={value}")
    assert_refused(reply, 400, "invalid_request")


def test_a_window_that_ends_before_it_begins_is_refused(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    reply = api.rest("GET", f"/flags/default/{flag}/experiments/production/{metric}?from=2&to=1")
    assert_refused(reply, 400, "invalid_request")


@pytest.mark.parametrize("missing", ["project", "flag", "environment", "metric"])
def test_an_unknown_key_is_not_found(api: LiveServer, place: tuple[str, str], missing: str) -> None:
    keys = {"project": "default", "flag": place[0], "environment": "production", "metric": place[1]}
    keys[missing] = "unheard-of"
    path = "/flags/{project}/{flag}/experiments/{environment}/{metric}".format(**keys)
    assert_refused(api.rest("GET", path), 404, "not_found")
    assert_refused(api.rest("DELETE", f"{path}/results"), 404, "not_found")


def test_a_metric_that_is_not_measured_on_the_flag_is_not_found(
    api: LiveServer, place: tuple[str, str]
) -> None:
    other = fresh("metric")
    api.rest("POST", "/metrics/default", {"key": other, "kind": "custom", "eventKey": "e"})
    path = f"/flags/default/{place[0]}/experiments/production/{other}"
    assert_refused(api.rest("GET", path), 404, "not_found")
    assert_refused(api.rest("DELETE", f"{path}/results"), 404, "not_found")


@pytest.mark.parametrize("numeric", [False, True])
@pytest.mark.parametrize("units", [0, 1, 2, 5])
def test_little_data_gives_a_strict_body_too(api: LiveServer, numeric: bool, units: int) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric, numeric=numeric)
    at = now_ms()
    events = [exposure(f"u{number}", number % 2, at, flag) for number in range(units)]
    api.send([*events, tracked("u0", at, metric, metricValue=5)])
    assert_strict(api.results(flag, metric, "?from=0"))


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 0, -0.0, 9007199254740993])
def test_extreme_values_never_become_nan(api: LiveServer, value: float) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric, numeric=True)
    at = now_ms()
    events = [exposure(f"u{number}", number % 2, at, flag) for number in range(8)]
    values = [tracked(f"u{number}", at, metric, metricValue=value) for number in range(8)]
    assert api.send([*events, *values, *values]).status == 202
    body = api.results(flag, metric, "?from=0")
    assert_strict(body)
    assert [total["cumulativeImpressionCount"] for total in body["totals"]] == [4, 4]


TINY, LARGE = 5e-324, 1e60


@pytest.mark.parametrize("variations", [2, 3])
@pytest.mark.parametrize(
    "values",
    [
        (TINY, LARGE),
        (TINY, TINY),
        (TINY, 1.0),
        (LARGE, -LARGE),
        (LARGE, LARGE * (1 + 1e-15)),
        (1e-162, 2e-162),
        (1e-160, 3e-161),
        (1.0, 1.0 + 1e-15),
        (0.0, LARGE),
    ],
)
def test_values_of_very_different_sizes_never_become_nan(
    api: LiveServer, values: tuple[float, float], variations: int
) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric, numeric=True, variations=variations)
    at = now_ms()
    events = [exposure(f"u{number}", number % variations, at, flag) for number in range(12)]
    events += [
        tracked(f"u{number}", at, metric, metricValue=values[number // variations % 2])
        for number in range(12)
    ]
    assert api.send(events).status == 202
    body = api.results(flag, metric, "?from=0")
    assert_strict(body)
    assert all(total.get("minSampleSize", 0) < 2**63 for total in body["totals"])


def test_a_value_beyond_all_measure_counts_as_missing(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric, numeric=True)
    values = [tracked("u", key=metric, metricValue=value) for value in (1e308, -1e61, 2.5)]
    assert api.send([exposure("u", 0, flag=flag), *values]).status == 202
    body = api.results(flag, metric)
    assert (body["totals"][0]["cumulativeValue"], body["totals"][0]["cumulativeCount"]) == (2.5, 1)
    assert body["assay"]["health"]["valueMissing"] == 2


def test_compound_variations_are_shown_as_text(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    values: list[Any] = [{"a": [{"b": None}]}, [1, {"c": 2}], None, True, 2.5, "2024-01-01", ""]
    variations = [{"value": value} for value in values]
    assert (
        api.rest("POST", "/flags/default", {"key": flag, "name": flag, "variations": variations}).status
        == 201
    )
    assert (
        api.rest("POST", "/metrics/default", {"key": metric, "kind": "custom", "eventKey": metric}).status
        == 201
    )
    attach = {"metricKey": metric, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/0", "value": attach}]
    assert api.rest("PATCH", f"/flags/default/{flag}", patch).status == 200
    body = api.results(flag, metric)
    assert_strict(body)
    shown = [entry["key"] for entry in body["metadata"]]
    assert shown[3:] == [True, 2.5, "2024-01-01", ""]
    assert [json.loads(text) for text in shown[:3]] == values[:3]


def test_the_links_lead_back(api: LiveServer, place: tuple[str, str]) -> None:
    links = api.results(*place, "?from=1&to=1")["_links"]
    for name in ("self", "parent"):
        reply = api.request("GET", links[name]["href"], None, {"Authorization": api.token})
        assert reply.status == 200
    assert links["self"]["href"].endswith("?from=1&to=1")
