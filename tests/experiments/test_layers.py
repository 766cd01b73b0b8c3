"""Buckets of a layer: each is one experiment's at most, and nobody else's change when one is made or resized."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assay.errors import Conflict, InvalidRequest
from assay.experiments.admission import admitting, holdout_of, layer_of
from assay.experiments.experiment import Experiment, LayerSnapshot
from assay.experiments.holdouts import Holdout, check_holdout, held_out
from assay.experiments.layers import (
    BUCKETS,
    Layer,
    Reservation,
    layer_segments,
    reserved,
    snapshot,
    without_reservation,
)
from assay.experiments.units import ExperimentationSettings, RandomizationUnit, with_units
from experiments.plans import around, draft, plan

EMPTY = Layer("l", "layer", "Layer", "", 1)
STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60)), max_size=15)


def wanted(key: str, percent: int) -> Reservation:
    return Reservation(f"id-{key}", key, "flag", percent, ())


def made(
    layer: Layer, key: str, percent: int, *, unit: str = "user", environment: str = "production"
) -> Layer:
    return reserved(layer, environment, wanted(key, percent), unit)


def held(layer: Layer, environment: str = "production") -> dict[str, set[int]]:
    """The buckets by experiment, from the ranges alone."""
    return {
        one.experiment_key: {
            bucket for bucket in range(BUCKETS) if any(a <= bucket < b for a, b in one.ranges)
        }
        for one in layer.environments.get(environment, ())
    }


@given(STEPS)
def test_buckets_are_exclusive_and_others_keep_theirs_whatever_is_made_resized_or_freed(
    steps: list[tuple[str, int]],
) -> None:
    layer = EMPTY
    for key, percent in steps:
        before = held(layer)
        left = BUCKETS - sum(len(buckets) for name, buckets in before.items() if name != key)
        if percent == 0:
            layer = without_reservation(layer, "production", key)
        elif percent > left:
            with pytest.raises(Conflict, match=f"^{left} percent"):
                made(layer, key, percent)
        else:
            layer = made(layer, key, percent)
            own, was = held(layer)[key], before.get(key, set())
            assert len(own) == percent
            assert own <= was or was <= own
        after = held(layer)
        assert {name: after[name] for name in before if name != key} == {
            name: buckets for name, buckets in before.items() if name != key
        }
        assert sum(len(buckets) for buckets in after.values()) == len(set().union(*after.values()))


@given(STEPS)
def test_ranges_are_in_order_apart_and_within_the_layer(steps: list[tuple[str, int]]) -> None:
    layer = EMPTY
    for key, percent in steps:
        left = BUCKETS - sum(len(buckets) for name, buckets in held(layer).items() if name != key)
        layer = made(layer, key, max(1, min(percent, left))) if left else layer
    for one in layer.environments.get("production", ()):
        edges = [edge for pair in one.ranges for edge in pair]
        assert edges == sorted(set(edges))
        assert 0 <= edges[0] < edges[-1] <= BUCKETS


def test_every_segment_of_a_layer_has_one_hash_and_its_edges_percent() -> None:
    layer = made(made(made(EMPTY, "a", 30), "b", 45), "c", 25)
    boundaries = [one for one in layer_segments(layer, "production") if one.rules[0].weight is not None]
    assert [one.rules[0].weight for one in boundaries] == [30_000, 75_000]
    assert len({f"{one.key}.{one.salt}" for one in boundaries}) == 1
    assert len({one.key for one in layer_segments(layer, "production")}) == 5


def test_a_layer_is_of_one_unit_until_nobody_is_in_it() -> None:
    layer = made(EMPTY, "a", 10)
    with pytest.raises(InvalidRequest, match="'user', not 'device'"):
        made(layer, "b", 10, unit="device")
    with pytest.raises(InvalidRequest, match="'user', not 'device'"):
        made(layer, "a", 10, unit="device", environment="test")
    assert made(layer, "a", 10, unit="device").randomization_unit == "device"
    freed = without_reservation(layer, "production", "a")
    assert made(freed, "b", 10, unit="device").randomization_unit == "device"


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_reservation_is_of_1_to_100_percent(percent: int) -> None:
    with pytest.raises(InvalidRequest):
        made(EMPTY, "a", percent)


def test_environments_are_apart_and_the_snapshot_counts_its_own() -> None:
    layer = made(made(made(EMPTY, "exp", 40), "b", 35), "exp", 70, environment="test")
    assert held(layer, "test") == {"exp": set(range(70))}
    mine = layer.reservation("production", "exp")
    assert mine is not None
    assert snapshot(layer, "production", mine) == LayerSnapshot("layer", "Layer", 40, 35)


def experiment(**changes: Any) -> Experiment:
    return Experiment("e", "exp", "Exp", "production", 1, **changes)


def holdout(**changes: Any) -> Holdout:
    given = Holdout("h", "hold", "Hold", "production", "hold-flag", "10", "user", "salt", 1, 1)
    return replace(given, **changes)


def test_an_iteration_takes_the_units_of_its_share_and_none_of_its_holdout() -> None:
    layer = made(made(EMPTY, "exp", 40), "b", 35)
    among = around(layers=(Layer("x", "x", "X", "", 1), layer), holdouts=(holdout(),))
    admitted = admitting(draft(plan()), experiment(holdout_id="h"), among)
    assert (admitted.inside, admitted.outside) == (("layer-l-id-exp",), ("hold-flag",))
    assert admitted.layer_snapshot == LayerSnapshot("layer", "Layer", 40, 35)
    found = layer_of(among.layers, experiment())
    assert found is not None
    assert found[1].reservation_percent == 40
    assert layer_of(among.layers, replace(experiment(), environment_key="test")) is None


def test_an_ended_holdout_or_none_keeps_nobody_out() -> None:
    ended = holdout(ended_at=5)
    assert admitting(draft(plan()), experiment(holdout_id="h"), around(holdouts=(ended,))).outside == ()
    assert admitting(draft(plan()), experiment(), around(holdouts=(holdout(),))).outside == ()
    assert held_out(ended).rules[0].weight == 0
    assert held_out(holdout(holdout_amount="2.5")).rules[0].weight == 2500


def test_a_holdout_or_layer_of_another_unit_or_environment_is_refused() -> None:
    for holdouts in ((), (holdout(environment_key="test"),)):
        with pytest.raises(InvalidRequest, match="no holdout"):
            holdout_of(holdouts, experiment(holdout_id="h"))
    with pytest.raises(InvalidRequest, match="of kind 'device'"):
        admitting(
            draft(plan()),
            experiment(holdout_id="h"),
            around(holdouts=(holdout(randomization_unit="device"),)),
        )
    with pytest.raises(InvalidRequest, match="of kind 'device'"):
        admitting(draft(plan()), experiment(), around(layers=(made(EMPTY, "exp", 10, unit="device"),)))


@pytest.mark.parametrize("amount", ["0", "0.0009", "100", "100.5", "-1", "1e1", "٣", "", "5 "])
def test_a_holdouts_amount_is_a_percentage_that_leaves_both_sides_somebody(amount: str) -> None:
    with pytest.raises(InvalidRequest):
        check_holdout(holdout(holdout_amount=amount))
    check_holdout(holdout(holdout_amount="99.999"))


@pytest.mark.parametrize(
    ("units", "default"),
    [
        ((RandomizationUnit("user"), RandomizationUnit("org")), "user"),
        ((RandomizationUnit("org"), RandomizationUnit("device")), "org"),
        ((RandomizationUnit("user"), RandomizationUnit("org", default=True)), "org"),
    ],
)
def test_the_default_unit_stays_unless_another_is_named(
    units: tuple[RandomizationUnit, ...], default: str
) -> None:
    assert with_units(ExperimentationSettings(), units).default == default


@pytest.mark.parametrize(
    "units",
    [
        (),
        (RandomizationUnit("a"), RandomizationUnit("a")),
        (RandomizationUnit("a", default=True), RandomizationUnit("b", default=True)),
        (RandomizationUnit("kind"),),
        (RandomizationUnit("multi"),),
        (RandomizationUnit("a b"),),
    ],
)
def test_units_that_could_not_be_randomized_are_refused(units: tuple[RandomizationUnit, ...]) -> None:
    with pytest.raises(InvalidRequest):
        with_units(ExperimentationSettings(), units)
