"""What client-side SDKs get: all flags that they may see, evaluated for one context and encoded."""

from typing import Literal

import msgspec

from assay.flags.clauses import Scope
from assay.flags.context import Context
from assay.flags.evaluation import CompiledSet, decide
from assay.flags.results import Evaluation

Audience = Literal["browser", "mobile"]


def evaluate_all(
    compiled: CompiledSet, context: Context, audience: Audience, *, version: int, with_reasons: bool
) -> bytes:
    """The JSON object of results by flag key.

    `version`: a counter of the environment that grows with every change of a flag or a segment. A client takes a
    later result only with a greater one, and a changed segment changes results without changing a flag.
    """
    scope = Scope(context, compiled.flags, compiled.segments)
    flags = compiled.browser if audience == "browser" else compiled.mobile
    evaluations = [flag.only or decide(flag, scope) for flag in flags]
    if with_reasons:
        members = [evaluation.explained for evaluation in evaluations]
    else:
        members = [evaluation.brief for evaluation in evaluations]
    # Each member is open at its end, so what separates two of them also closes the one before.
    closing = b',"version":%d}' % version
    return b"{" + (closing + b",").join(members) + closing + b"}" if members else b"{}"


def encode_patch(evaluation: Evaluation, *, version: int, with_reasons: bool) -> bytes:
    """One result as a client's stream carries it: with its flag's key inside."""
    member = evaluation.explained if with_reasons else evaluation.brief
    key = msgspec.json.encode(evaluation.flag.key)
    return b'{"key":%s,%s,"version":%d}' % (key, member[len(key) + 2 :], version)
