"""The `experiments` of a flag's document: attach, start, stop, detach."""

from collections.abc import Iterator
from typing import Any

import msgspec

from assay.api.patching import converted
from assay.errors import InvalidRequest
from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments, switched
from assay.store.state import State
from assay.store.transaction import Transaction


class _Item(msgspec.Struct, rename="camel"):
    metric_key: str
    environments: tuple[str, ...] = ()


class _Document(msgspec.Struct, rename="camel"):
    baseline_idx: int
    items: tuple[_Item, ...]


def edited_experiments(transaction: Transaction, project: str, flag: str, document: Any) -> FlagExperiments:
    """The flag's experiments as the patched document wants them, with periods begun and ended now."""
    wanted = converted(document, _Document)
    state, before = transaction.state, transaction.state.experiments(project, flag)
    keys = [item.metric_key for item in wanted.items]
    if len(set(keys)) < len(keys):
        raise InvalidRequest("a metric can be attached to a flag once")
    if not 0 <= wanted.baseline_idx < len(state.flag(project, flag).variations):
        raise InvalidRequest(f"there is no variation {wanted.baseline_idx} to be the baseline")
    for item in wanted.items:
        _check_item(state, project, item)
    items = tuple(
        switched(
            before.item(item.metric_key) or FlagExperiment(item.metric_key),
            frozenset(item.environments),
            transaction.now_ms,
        )
        for item in wanted.items
    )
    return FlagExperiments(wanted.baseline_idx, items)


def detached(
    state: State, project: str, flag: str, before: FlagExperiments, after: FlagExperiments
) -> Iterator[tuple[tuple[str, str, str], str]]:
    """The places (and their audit targets) whose data end with a metric that was detached from the flag."""
    for item in before.items:
        if after.item(item.metric_key) is not None:
            continue
        for key in item.periods:
            environment = state.project(project).environment(key)
            if environment is not None:
                yield (environment.id, flag, item.metric_key), f"{project}/{flag}/{key}/{item.metric_key}"


def _check_item(state: State, project: str, item: _Item) -> None:
    if state.find(("metric", project, item.metric_key)) is None:
        raise InvalidRequest(f"there is no metric {item.metric_key!r} in this project")
    for key in item.environments:
        if state.project(project).environment(key) is None:
            raise InvalidRequest(f"there is no environment {key!r} in this project")
