"""What it costs to evaluate flags, against the official Python SDK's evaluator in the same run.

1. One flag at a time, for each sort of flag: medians over rounds, and their ratio.
2. 50 flags at once for a context that is new each time, as a browser asks for them: read the context's JSON, evaluate,
   encode the body; half of the flags have a rule, a segment or a seeded rollout. The official side gets the parsed
   context's evaluator, builds the same body and encodes it by msgspec too.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
from ldclient.context import Context as OfficialContext
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.impl.model import FeatureFlag, Segment

from assay.flags.client_side import evaluate_all
from assay.flags.context import parse_context
from assay.flags.evaluation import compile_set, evaluate

ROUNDS = 15
CONTEXTS = 400
FLAGS = 50
VERSION = 1100

Document = dict[str, Any]


def clause(attribute: str, op: str, values: list[Any]) -> Document:
    return {"attribute": attribute, "op": op, "values": values, "negate": False}


def flag(key: str, **parts: Any) -> Document:
    common = {
        "key": key,
        "version": 11,
        "on": True,
        "variations": ["baseline", "treatment"],
        "offVariation": 0,
        "fallthrough": {"variation": 1},
        "salt": "salty",
        "trackEvents": False,
        "clientSideAvailability": {"usingMobileKey": True, "usingEnvironmentId": True},
    }
    return common | parts


HALVES = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
RULE = {"id": "rule", "clauses": [clause("country", "in", ["NL", "DE"])], "variation": 0}
TWO_CLAUSES = {
    "id": "rule",
    "clauses": [clause("email", "endsWith", ["@example.com"]), clause("age", "greaterThan", [17])],
    "variation": 0,
}
SORTS: dict[str, Document] = {
    "off": {"on": False},
    "fallthrough": {},
    "target": {"targets": [{"variation": 0, "values": [f"unit-{n}" for n in range(0, CONTEXTS, 3)]}]},
    "rule": {"rules": [RULE]},
    "rule of two clauses": {"rules": [TWO_CLAUSES]},
    "segment": {"rules": [{"id": "rule", "clauses": [clause("", "segmentMatch", ["beta"])], "variation": 0}]},
    "seeded rollout": {"fallthrough": {"rollout": {"kind": "rollout", "seed": 61, "variations": HALVES}}},
    "experiment": {"fallthrough": {"rollout": {"kind": "experiment", "seed": 61, "variations": HALVES}}},
}
SEGMENTS: dict[str, Document] = {
    "beta": {
        "key": "beta",
        "version": 1,
        "included": [f"unit-{n}" for n in range(0, 5 * CONTEXTS, 5)],
        "rules": [{"clauses": [clause("plan", "in", ["pro"])]}],
        "salt": "pepper",
    }
}
# Half of the flags answer everybody the same; the others are of all sorts that do not.
MIXED = {
    f"flag-{n}": flag(
        f"flag-{n}",
        **(SORTS[("fallthrough", "off")[n // 2 % 2]] if n % 2 else SORTS[list(SORTS)[3 + n // 2 % 5]]),
    )
    for n in range(FLAGS)
}


def context(n: int) -> Document:
    return {
        "kind": "user",
        "key": f"unit-{n}",
        "name": "Ann Example",
        "email": f"ann-{n}@example.{'com' if n % 2 else 'org'}",
        "country": ("NL", "DE", "FR", "US")[n % 4],
        "plan": ("free", "pro")[n % 2],
        "age": n % 60,
    }


def cost_us(run: Callable[[], object], calls: int) -> float:
    """The median over rounds of microseconds for one of the `calls` that `run` makes."""
    run()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) / calls * 1e6


def official(flags: dict[str, Document]) -> tuple[dict[str, Any], Evaluator, EventFactory]:
    models = {key: FeatureFlag(document) for key, document in flags.items()}
    segments = {key: Segment(document) for key, document in SEGMENTS.items()}
    return models, Evaluator(models.get, segments.get, lambda _key: (None, "")), EventFactory(False)


def one_flag() -> None:
    documents = [context(n) for n in range(CONTEXTS)]
    own = [parse_context(document) for document in documents]
    theirs = [OfficialContext.from_dict(document) for document in documents]
    ratios = []
    for name, parts in SORTS.items():
        flags = {"flag": flag("flag", **parts)}
        compiled = compile_set(flags, SEGMENTS)
        models, evaluator, factory = official(flags)
        ours = cost_us(lambda: [evaluate(compiled, "flag", each) for each in own], CONTEXTS)  # noqa: B023
        model = models["flag"]
        reference = cost_us(lambda: [evaluator.evaluate(model, each, factory) for each in theirs], CONTEXTS)  # noqa: B023
        ratios.append(reference / ours)
        print(f"{name:20} {ours:6.2f} µs   official {reference:6.2f} µs   {ratios[-1]:5.1f} times faster")
    print(f"median of the sorts: {statistics.median(ratios):.1f} times faster\n")


def official_body(flags: dict[str, Any], evaluator: Evaluator, factory: EventFactory, raw: bytes) -> bytes:
    asked = OfficialContext.from_dict(msgspec.json.decode(raw))
    body = {}
    for key, model in flags.items():
        detail = evaluator.evaluate(model, asked, factory).detail
        counts = factory.is_experiment(model, detail.reason)
        body[key] = {
            "value": detail.value,
            "flagVersion": model.version,
            "variation": detail.variation_index,
            "version": VERSION,
            **({"trackEvents": True, "trackReason": True, "reason": detail.reason} if counts else {}),
        }
    return msgspec.json.encode(body)


def all_flags() -> None:
    raw = [msgspec.json.encode(context(n)) for n in range(CONTEXTS)]
    compiled = compile_set(MIXED, SEGMENTS)
    models, evaluator, factory = official(MIXED)

    def own_body(document: bytes) -> bytes:
        parsed = parse_context(msgspec.json.decode(document))
        return evaluate_all(compiled, parsed, "browser", version=VERSION, with_reasons=False)

    for document in raw:
        expected = msgspec.json.decode(official_body(models, evaluator, factory, document))
        assert msgspec.json.decode(own_body(document)) == expected
    ours = cost_us(lambda: [own_body(document) for document in raw], CONTEXTS)
    reference = cost_us(
        lambda: [official_body(models, evaluator, factory, document) for document in raw], CONTEXTS
    )
    print(
        f"{FLAGS} flags, {len(own_body(raw[0]))} bytes: {ours:.0f} µs   official evaluator {reference:.0f} µs   "
        f"{reference / ours:.1f} times faster"
    )


if __name__ == "__main__":
    one_flag()
    all_flags()
