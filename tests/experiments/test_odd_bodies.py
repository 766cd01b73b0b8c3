"""Whatever stands where in a plan or an instruction: it works and can be stored, or it is refused."""

import contextlib
import copy
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import AssayError
from assay.experiments.drafts import IterationInput
from assay.experiments.editing import converted
from assay.experiments.experiment import Experiment, Iteration
from experiments.plans import draft, experiment, instructed, plan, running

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "\x00", "0", "100", "1e3", "٣", "-1", "50\n", "fallthrough", "id-1", "m", "a" * 300]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["", "key", "flag", "value"]), st.integers(), max_size=2),
)
PLAN = plan(
    "10",
    "20.5",
    metrics=[{"key": "m", "isGroup": False, "primary": False}, {"key": "n"}],
    randomizationUnit="device",
    attributes=["country"],
    canReshuffleTraffic=False,
    reallocationFrequencyMillis=5,
    assay={"horizonUnits": 5, "power": 0.9, "minimumLift": 0.1, "covariateDays": 3, "guardrails": ["n"]},
)
FIELDS = {
    "name": "n",
    "description": "d",
    "tags": ["a"],
    "maintainerId": "me",
    "methodology": "bayesian",
    "analysisConfig": {
        "bayesianThreshold": "90",
        "significanceThreshold": "0.1",
        "testDirection": "one-sided",
    },
    "holdoutId": "",
    "hypothesis": "h",
    "metrics": [{"key": "n"}],
    "treatments": PLAN["treatments"],
    "flags": PLAN["flags"],
    "attributes": ["a"],
    "assay": PLAN["assay"],
}


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something could stand instead of what stands there."""
    found = [path] if path else []
    for key in (
        document if isinstance(document, dict) else range(len(document) if isinstance(document, list) else 0)
    ):
        found += places(document[key], (*path, key))
    return found


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def storable(made: Experiment) -> bool:
    return msgspec.json.decode(msgspec.json.encode(made), type=Experiment) == made


@given(st.sampled_from(places(PLAN)), ODD)
@settings(max_examples=600)
def test_a_plan_with_something_odd_in_it(path: tuple[Any, ...], value: Any) -> None:
    body = put(PLAN, path, value)
    with contextlib.suppress(AssayError):
        made = draft(msgspec.to_builtins(converted(body, IterationInput)))
        assert msgspec.json.decode(msgspec.json.encode(made), type=Iteration) == made


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(("add", "update", "remove")), st.data())
@settings(max_examples=600)
def test_a_field_edited_with_something_odd(name: str, operation: str, data: st.DataObject) -> None:
    value = FIELDS[name]
    if isinstance(value, dict | list):
        value = put(value, data.draw(st.sampled_from(places(value))), data.draw(ODD))
    value = data.draw(st.one_of(st.just(value), ODD))
    change = {name: {"operation": operation, "value": value}}
    for before in (experiment(), running()):
        with contextlib.suppress(AssayError):
            after = instructed(before, {"kind": "updateExperimentFields", "value": change})
            assert storable(after)


@given(
    st.sampled_from(("startIteration", "stopIteration", "saveAndStartNewIteration", "updateName")),
    st.dictionaries(
        st.sampled_from(("changeJustification", "winningTreatmentId", "winningReason", "value", "")),
        ODD,
        max_size=3,
    ),
)
def test_an_instruction_with_something_odd_in_it(kind: str, parameters: dict[str, Any]) -> None:
    for before in (experiment(), running()):
        with contextlib.suppress(AssayError):
            assert storable(instructed(before, {**parameters, "kind": kind}))
