"""Results as Python objects: reading, touching, printing."""

import ast
import copy
import json
import pickle
from datetime import UTC, datetime
from pprint import pformat
from typing import Any

import pytest

from canned import canned_results
from launchdarkly_api import ApiAttributeError, ApiTypeError
from launchdarkly_api.models import (
    ConfidenceIntervalRep,
    ExperimentResultsRep,
    ExperimentStatsRep,
    ExperimentTimeSeriesVariationSlices,
    ExperimentTotalsRep,
    Link,
)

RESULTS = ExperimentResultsRep.from_wire(canned_results())


def test_fields_are_read_by_attribute_and_by_key() -> None:
    assert RESULTS.totals[0].p_value == RESULTS["totals"][0]["p_value"] == 0.03
    assert RESULTS.links["self"].href == "/api/v2/flags/default/checkout"
    assert RESULTS.totals[0].cumulative_confidence_interval.lower == 0.1
    assert RESULTS.stats.chi2 == 4.5
    assert [entry.key for entry in RESULTS.metadata] == [True, False]
    assert RESULTS.series[1].time == 1633392000000


def test_variation_data_is_a_list_and_its_own_value() -> None:
    slices = RESULTS.series[0].variation_data
    assert len(slices) == 2
    assert [entry.count for entry in slices] == [entry.count for entry in slices.value] == [20, 25]
    assert slices == slices.value
    assert slices.to_str() == pformat([entry.to_dict() for entry in slices])
    assert isinstance(slices, ExperimentTimeSeriesVariationSlices)


def test_an_absent_field_raises_an_attribute_error_that_names_it() -> None:
    baseline = RESULTS.totals[1]
    with pytest.raises(ApiAttributeError, match="ExperimentTotalsRep has no attribute 'p_value'"):
        _ = baseline.p_value
    with pytest.raises(ApiAttributeError, match="p_value"):
        _ = baseline["p_value"]
    assert not hasattr(baseline, "p_value")
    assert "p_value" not in baseline
    assert "p_value" in RESULTS.totals[0]
    assert baseline.get("p_value") is None
    assert baseline.get("p_value", 1.0) == 1.0


def test_a_result_prints_as_one_dictionary_with_snake_case_keys() -> None:
    printed = ast.literal_eval(pformat(RESULTS))
    assert printed == RESULTS.to_dict() == ast.literal_eval(str(RESULTS))
    assert printed["series"][0]["variation_data"][1]["cumulative_conversion_rate"] == 0.25
    assert printed["links"]["self"]["type"] == "application/json"
    assert "_fields" not in repr(RESULTS)


def test_to_dict_holds_no_models_at_any_depth() -> None:
    assert json.loads(json.dumps(RESULTS.to_dict())) == RESULTS.to_dict()


def test_unknown_fields_are_kept_as_they_came_even_lists_of_objects() -> None:
    unknown = {"assay": {"health": [{"name": "srm"}]}, "someField": [{"a": None}], "to_dict": 7, "a b": 1}
    results = ExperimentResultsRep.from_wire({**unknown, "totals": [{"extra": [1, {"b": 2}]}]})
    assert results.assay["health"][0]["name"] == "srm"
    assert results["someField"] == [{"a": None}]
    assert results.totals[0].extra == [1, {"b": 2}]
    assert results["to_dict"] == 7
    assert results["a b"] == 1
    assert ast.literal_eval(repr(results)) == results.to_dict()


def test_null_is_the_same_as_absent_and_keeps_positions_in_arrays() -> None:
    wire = {"totals": [None, {"pValue": None, "cumulativeCount": 3}], "series": None, "stats": {"chi2": None}}
    results = ExperimentResultsRep.from_wire(wire)
    assert "p_value" not in results.totals[0]
    assert results.totals[1].to_dict() == {"cumulative_count": 3}
    assert not hasattr(results, "series")
    assert results.stats == ExperimentStatsRep()
    assert (
        ExperimentResultsRep.from_wire({"metadata": [{"key": None}]}).metadata[0].get("key", "none") == "none"
    )


def test_whole_numbers_may_be_written_with_a_fraction_of_zero() -> None:
    totals = ExperimentTotalsRep.from_wire({"cumulativeCount": 1e3, "cumulativeValue": 7})
    assert (totals.cumulative_count, type(totals.cumulative_count)) == (1000, int)
    assert (totals.cumulative_value, type(totals.cumulative_value)) == (7.0, float)


def test_series_fields_may_come_in_lower_case() -> None:
    results = ExperimentResultsRep.from_wire({"series": [{"time": 5, "variation_data": [{"count": 1}]}]})
    assert results.series[0].time == 5
    assert results.series[0].variation_data[0].count == 1


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ({"totals": {}}, ["totals"]),
        ({"totals": [[]]}, ["totals", 0]),
        ({"totals": [{"pValue": "0.1"}]}, ["totals", 0, "p_value"]),
        ({"totals": [{"pValue": True}]}, ["totals", 0, "p_value"]),
        ({"totals": [{"cumulativeValue": 10**400}]}, ["totals", 0, "cumulative_value"]),
        ({"totals": [{"cumulativeCount": 1.5}]}, ["totals", 0, "cumulative_count"]),
        ({"totals": [{"cumulativeCount": float("inf")}]}, ["totals", 0, "cumulative_count"]),
        ({"totals": [{"cumulativeCount": float("nan")}]}, ["totals", 0, "cumulative_count"]),
        ({"series": [{"VariationData": {"value": []}}]}, ["series", 0, "variation_data"]),
        ({"series": [{"VariationData": [3]}]}, ["series", 0, "variation_data", 0]),
        ({"stats": {"minSampleSizeMet": 1}}, ["stats", "min_sample_size_met"]),
        ({"granularity": 3}, ["granularity"]),
        ({"_links": {"self": "/x"}}, ["links", "self"]),
        ({"_links": []}, ["links"]),
    ],
)
def test_a_field_of_the_wrong_type_raises_a_type_error_that_says_where(
    wire: dict[str, Any], path: list[str | int]
) -> None:
    with pytest.raises(ApiTypeError) as caught:
        ExperimentResultsRep.from_wire(wire)
    assert caught.value.path_to_item == path
    unchecked = ExperimentResultsRep.from_wire(wire, check=False)
    assert unchecked.to_dict().keys()


def test_models_are_made_by_keyword_and_check_what_they_are_given() -> None:
    interval = ConfidenceIntervalRep(lower=0, upper=1.0)
    totals = ExperimentTotalsRep(p_value=0.5, cumulative_confidence_interval=interval, note="x")
    assert totals.cumulative_confidence_interval is interval
    assert totals.note == "x"
    totals.p_value = 0.25
    totals["improvement"] = 1
    assert totals.to_dict() == {
        "p_value": 0.25,
        "cumulative_confidence_interval": {"lower": 0.0, "upper": 1.0},
        "note": "x",
        "improvement": 1.0,
    }
    with pytest.raises(ApiTypeError, match=r"\['p_value'\]"):
        totals["p_value"] = "small"
    with pytest.raises(ApiTypeError):
        Link(href=3)


def test_models_compare_by_content_and_cannot_be_hashed() -> None:
    again = ExperimentResultsRep.from_wire(canned_results())
    assert again == RESULTS
    again.granularity = "hourly"
    assert again != RESULTS
    assert ExperimentStatsRep() != ExperimentTotalsRep()
    with pytest.raises(TypeError):
        hash(RESULTS)


def test_models_survive_copying_and_pickling() -> None:
    for twin in (copy.copy(RESULTS), copy.deepcopy(RESULTS), pickle.loads(pickle.dumps(RESULTS))):
        assert twin == RESULTS
        assert type(twin.series[0].variation_data) is ExperimentTimeSeriesVariationSlices


def test_totals_become_a_frame_with_a_row_per_variation() -> None:
    pytest.importorskip("pandas")
    totals = RESULTS.to_pandas().totals
    assert totals["variation"].tolist() == [0, 1]
    assert totals["key"].tolist() == [True, False]
    assert totals["p_value"].tolist()[0] == 0.03
    assert totals["p_value"].isna().tolist() == [False, True]
    assert str(totals["cumulative_count"].dtype) == "Int64"
    assert totals["cumulative_confidence_interval_upper"].tolist() == [0.14, 0.14]


def test_series_become_a_frame_with_a_row_per_bucket_and_variation() -> None:
    pytest.importorskip("pandas")
    _, series = RESULTS.to_pandas()
    assert series[["variation", "count"]].to_numpy().tolist() == [[0, 20], [1, 25], [0, 30], [1, 25]]
    assert series["time"].tolist()[2] == datetime(2021, 10, 5, tzinfo=UTC)


def test_frames_of_nothing_and_of_gaps_have_the_same_columns() -> None:
    pytest.importorskip("pandas")
    full = RESULTS.to_pandas()
    sparse = {"totals": [None], "series": [{"VariationData": [{"count": 2**53 + 1}, None]}]}
    for wire, rows in (({}, (0, 0)), (sparse, (1, 2))):
        frames = ExperimentResultsRep.from_wire(wire).to_pandas()
        assert (len(frames.totals), len(frames.series)) == rows
        assert list(frames.totals.columns) == list(full.totals.columns)
        assert [str(dtype) for dtype in frames.totals.dtypes] == [str(dtype) for dtype in full.totals.dtypes]
        assert list(frames.series.columns) == list(full.series.columns)
    assert frames.series["count"].tolist()[0] == 2**53 + 1
