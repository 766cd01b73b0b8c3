"""Bucketing: a number in [0, 1] for a unit, and the share of a rollout that it falls into.

The number is what the first 60 bits of a SHA-1 are of the largest such number, in double precision. Compiled rollouts
never compute it: a bound between two shares is turned into the smallest 60 bits that lie beyond it, once, and a hash is
then compared with these bytes as it is.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from itertools import accumulate

from assay.flags.context import USER, Context
from assay.flags.references import compile_reference, parse_reference

Hashing = Callable[[Context], bytes | None]

WHOLE = 100_000
_BITS = 60
_LARGEST = float(2**_BITS - 1)
_LOWEST_HASH = bytes(20)
_BEYOND_EVERY_HASH = b"\xff" * 21


def bucket(prefix: str, value: str) -> float:
    """The bucket of `value` among those with the same `prefix`: a seed, or a flag's key and salt."""
    bits = int.from_bytes(_hash(_hash_of(prefix), value)[:8], "big") >> 64 - _BITS
    return bits / _LARGEST


def compile_hashing(prefix: str, *, kind: str | None, bucket_by: str | None) -> Hashing:
    """The hash of a context: of its key, or of the attribute `bucket_by`, both of its part of `kind`.

    None where there is no such part; bucket 0 where the attribute is neither text nor a whole number. With a kind
    `bucket_by` is a reference, without one a literal name.
    """
    unit_kind = kind or USER
    hashed = _hash_of(prefix)
    if not bucket_by:

        def by_key(context: Context) -> bytes | None:
            attributes = context.get(unit_kind)
            if attributes is None:
                return None
            own = hashed.copy()  # _hash() written out: the call costs a tenth of a rollout
            own.update(attributes["key"].encode("utf-8", "surrogatepass"))
            return own.digest()

        return by_key
    read = compile_reference(parse_reference(bucket_by, literal=not kind), unit_kind)

    def by_attribute(context: Context) -> bytes | None:
        attributes = context.get(unit_kind)
        if attributes is None:
            return None
        value = read(attributes)
        return _hash(hashed, str(value)) if type(value) in (str, int) else _LOWEST_HASH

    return by_attribute


def compile_shares(weights: list[int]) -> Callable[[bytes], int]:
    """Which of the shares a hash falls into: the first whose end lies beyond its bucket, or else the last."""
    ends = accumulate(weight / WHOLE for weight in weights)
    # What lies before an end lies before the furthest end so far. What lies beyond all is the last share's.
    bounds = [lowest_hash_beyond(end) for end in accumulate(ends, max)][:-1]
    return partial(bisect_right, bounds)


def lowest_hash_beyond(end: float) -> bytes:
    """The lowest hash, its first 8 bytes, whose bucket is not below `end`."""
    bits = bisect_left(range(2**_BITS), end, key=lambda bits: bits / _LARGEST)
    return _BEYOND_EVERY_HASH if bits == 2**_BITS else (bits << 64 - _BITS).to_bytes(8, "big")


def _hash_of(prefix: str) -> "hashlib._Hash":
    return hashlib.sha1(f"{prefix}.".encode("utf-8", "surrogatepass"), usedforsecurity=False)


def _hash(hashed: "hashlib._Hash", value: str) -> bytes:
    own = hashed.copy()
    own.update(value.encode("utf-8", "surrogatepass"))
    return own.digest()
