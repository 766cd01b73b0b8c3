"""Buckets: the vectors that SDKs agree on, the bounds between shares, and what there is without a unit."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.flags.bucketing import bucket, compile_shares, lowest_hash_beyond
from flags.documents import Document, by_key, flag, multi, user
from flags.official import both

VECTORS = [
    ("hashKey.saltyA", "userKeyA", 0.42157587),
    ("hashKey.saltyA", "userKeyB", 0.67084850),
    ("hashKey.saltyA", "userKeyC", 0.10343106),
    ("61", "userKeyA", 0.09801207),
    ("61", "userKeyB", 0.14483778),
    ("61", "userKeyC", 0.92426409),
    ("61", "user-1", 0.80184024),
    ("61", "anon-1", 0.26674058),
]


def served(rollout: Document, context: Document, **parts: Any) -> tuple[int | None, bool]:
    """The variation and whether an experiment counts it, on which the official SDK agrees."""
    own, official = both(by_key(flag(fallthrough={"rollout": rollout}, **parts)), "flag", context)
    assert own == official
    return own.variation, own.reason.get("inExperiment", False)


def weights(*shares: int, **parts: Any) -> list[Document]:
    return [{"variation": n, "weight": share, **parts} for n, share in enumerate(shares)]


@pytest.mark.parametrize(("prefix", "key", "expected"), VECTORS)
def test_a_unit_has_the_bucket_that_sdks_compute(prefix: str, key: str, expected: float) -> None:
    assert bucket(prefix, key) == pytest.approx(expected, abs=1e-8)  # published as 32-bit numbers


@pytest.mark.parametrize(("key", "variation"), [("user-1", 1), ("anon-1", 0)])
def test_captured_units_get_the_variation_that_they_got(key: str, variation: int) -> None:
    rollout = {"kind": "experiment", "seed": 61, "variations": weights(50_000, 50_000)}
    assert served(rollout, user(key)) == (variation, True)


@given(st.integers(-3000, 103_000), st.binary(min_size=20, max_size=20))
@example(0, bytes(20))
@example(100_000, b"\xff" * 20)
@example(100_001, b"\xff" * 20)
def test_a_hash_lies_before_a_bound_where_its_bucket_does(weight: int, hashed: bytes) -> None:
    end = weight / 100_000
    value = (int.from_bytes(hashed[:8], "big") >> 4) / float(0xFFFFFFFFFFFFFFF)
    assert (hashed < lowest_hash_beyond(end)) == (value < end)


@pytest.mark.parametrize("end", [0.1, 0.5, 1 / 3, 0.99999])
def test_a_bound_is_exact_to_the_last_bit(end: float) -> None:
    bound = int.from_bytes(lowest_hash_beyond(end), "big") >> 4
    assert (bound - 1) / float(0xFFFFFFFFFFFFFFF) < end <= bound / float(0xFFFFFFFFFFFFFFF)


def test_shares_that_do_not_fill_the_whole_are_filled_by_the_last() -> None:
    share = compile_shares([1000, 1000])
    assert share(b"\xff" * 20) == 1


def test_a_negative_weight_takes_nothing_from_the_share_before() -> None:
    rollout = {"seed": 61, "variations": weights(60_000, -50_000, 90_000)}
    assert {served(rollout, user(f"unit-{n}"))[0] for n in range(100)} == {0, 2}


def test_a_share_without_weight_gets_nobody() -> None:
    share = compile_shares([0, 100_000, 0])
    assert {share(bytes([first]) + bytes(19)) for first in range(256)} == {1}


def test_without_a_unit_the_first_entry_serves_and_nothing_counts() -> None:
    rollout = {
        "kind": "experiment",
        "contextKind": "org",
        "seed": 1,
        "variations": [{"variation": 2, "weight": 0}, {"variation": 1, "weight": 100_000}],
    }
    assert served(rollout, user()) == (2, False)
    assert served(rollout, multi(user={"key": "a"}, org={"key": "b"})) == (1, True)


def test_an_untracked_share_does_not_count() -> None:
    rollout = {"kind": "experiment", "seed": 1, "variations": weights(100_000, untracked=True)}
    assert served(rollout, user()) == (0, False)


def test_seed_zero_is_a_seed() -> None:
    variations = [{"variation": n % 3, "weight": 1000} for n in range(100)]
    answers = {
        seed: [served({"variations": variations, **parts}, user(f"unit-{n}"))[0] for n in range(20)]
        for seed, parts in (("none", {}), ("0", {"seed": 0}), ("1", {"seed": 1}))
    }
    assert answers["none"] != answers["0"] != answers["1"]


@pytest.mark.parametrize("value", ["text", 10, 10.0, 10.5, True, None, ["text"], {"x": 1}, -1, 10**30])
@pytest.mark.parametrize("kind", ["rollout", "experiment"])
def test_an_attribute_buckets_rollouts_and_never_experiments(kind: str, value: Any) -> None:
    variations = [{"variation": n % 3, "weight": 1000} for n in range(100)]
    rollout = {"kind": kind, "bucketBy": "team", "variations": variations}
    by_attribute = served(rollout, user("user-1", team=value))
    by_unit = served({"kind": kind, "variations": variations}, user("user-1"))
    if kind == "experiment":
        assert by_attribute == by_unit
    elif not isinstance(value, str) and type(value) is not int:
        assert by_attribute[0] == 0


def test_units_spread_evenly_and_stay_when_another_share_grows() -> None:
    keys = [f"unit-{n}" for n in range(20_000)]
    buckets = [bucket("61", key) for key in keys]
    tenths = [sum(n / 10 <= value < (n + 1) / 10 for value in buckets) for n in range(10)]
    # Chi-square with 9 degrees of freedom: 27.9 is exceeded once in a thousand.
    assert sum((count - 2000) ** 2 / 2000 for count in tenths) < 27.9
