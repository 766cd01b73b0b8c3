"""The official Python SDK's evaluator, asked in the same words as ours."""

from dataclasses import dataclass
from typing import Any

from ldclient.context import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.impl.model import FeatureFlag, Segment

from assay.flags.context import parse_context
from assay.flags.evaluation import CompiledSet, compile_set, evaluate

Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """All that an application, an event or a client-side SDK can see of an evaluation."""

    value: Any
    variation: int | None
    reason: dict[str, Any]
    prerequisites: list[str]
    experiment: bool


class Official:
    """The official evaluator over one set of flags and segments."""

    def __init__(self, flags: Documents, segments: Documents) -> None:
        self.flags = {key: FeatureFlag(flag) for key, flag in flags.items()}
        self.segments = {key: Segment(segment) for key, segment in segments.items()}
        self.factory = EventFactory(False)
        self.evaluator = Evaluator(
            self.flags.get, self.segments.get, lambda key: (None, "NOT_CONFIGURED"), logger=None
        )

    def answer(self, key: str, context: dict[str, Any]) -> Answer:
        parsed = Context.from_dict(context)
        assert parsed.valid, parsed.error
        flag = self.flags[key]
        result = self.evaluator.evaluate(flag, parsed, self.factory)
        detail = result.detail
        assert detail is not None
        reason = {name: value for name, value in detail.reason.items() if value is not None}
        return Answer(
            detail.value,
            detail.variation_index,
            reason,
            list(result.prerequisites),
            EventFactory.is_experiment(flag, detail.reason),
        )


def ours(compiled: CompiledSet, key: str, context: dict[str, Any]) -> Answer:
    """Our answer in the same form."""
    evaluation = evaluate(compiled, key, parse_context(context))
    assert evaluation is not None
    return Answer(
        evaluation.value,
        evaluation.variation,
        evaluation.reason,
        list(evaluation.prerequisites),
        evaluation.experiment,
    )


def both(
    flags: Documents, key: str, context: dict[str, Any], segments: Documents | None = None
) -> tuple[Answer, Answer]:
    """Our answer and the official one."""
    segments = segments or {}
    return (
        ours(compile_set(flags, segments), key, context),
        Official(flags, segments).answer(key, context),
    )
