"""Bucketing: a number in [0, 1] for a unit, and the entry of a rollout that it falls into."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from struct import Struct

from assay.flags.context import USER, Context
from assay.flags.references import compile_reference, parse_reference

Bucketing = Callable[[Context], float]

WHOLE = 100_000.0
NO_UNIT = -1.0
_LARGEST = float(0xFFFFFFFFFFFFFFF)
_first_64_bits = Struct(">Q").unpack_from


def bucket(prefix: str, value: str) -> float:
    """The bucket of `value`: the first 60 bits of a SHA-1 as a fraction of the largest such number."""
    return _fraction(_hash_of(prefix), value)


def compile_bucketing(prefix: str, *, kind: str | None, bucket_by: str | None) -> Bucketing:
    """The bucket of a context: by its key, or by the attribute `bucket_by`, both of the context of `kind`.

    `NO_UNIT` where there is no context of that kind; 0 where the attribute is neither text nor a whole number.
    With a kind `bucket_by` is a reference, without one a literal name.
    """
    unit_kind = kind or USER
    hashed = _hash_of(prefix)
    if not bucket_by:

        def by_key(context: Context) -> float:
            attributes = context.get(unit_kind)
            return NO_UNIT if attributes is None else _fraction(hashed, attributes["key"])

        return by_key
    read = compile_reference(parse_reference(bucket_by, literal=not kind), unit_kind)

    def by_attribute(context: Context) -> float:
        attributes = context.get(unit_kind)
        if attributes is None:
            return NO_UNIT
        value = read(attributes)
        return _fraction(hashed, str(value)) if type(value) in (str, int) else 0.0

    return by_attribute


def compile_entries(weights: list[int]) -> Callable[[float], int]:
    """Which of the entries a bucket falls into: the first whose end lies beyond it, or the last.

    `NO_UNIT` lies before every end, so it falls into the first entry, even one without weight.
    """
    ends = list(accumulate(weight / WHOLE for weight in weights))
    # Without the last end, what no entry reaches is the last one's.
    reached = list(accumulate(ends, max))[:-1]
    return lambda bucket: bisect_right(reached, bucket)


def _hash_of(prefix: str) -> "hashlib._Hash":
    return hashlib.sha1(f"{prefix}.".encode("utf-8", "surrogatepass"), usedforsecurity=False)


def _fraction(hashed: "hashlib._Hash", value: str) -> float:
    # A copy of the hashed prefix costs 0.25 µs, hashing both anew 0.37 µs.
    own = hashed.copy()
    own.update(value.encode("utf-8", "surrogatepass"))
    bits: int = _first_64_bits(own.digest())[0] >> 4
    return bits / _LARGEST
