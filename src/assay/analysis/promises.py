"""From what the store knows to the promise that an analysis keeps."""

import time
from typing import Any

from assay.analysis.pipeline import Promise
from assay.analysis.windows import window_of
from assay.errors import NotFound
from assay.flags.model import randomization_unit
from assay.stats.estimate import NotEstimable
from assay.store.store import Store

History = list[tuple[int, dict[str, Any]]]


def flag_experiment_promise(
    store: Store, place: tuple[str, str, str, str], start: int | None, end: int | None
) -> Promise:
    """The analysis of a metric on a flag; `place`: project, flag, environment and metric keys.

    Raises `NotFound` for whatever of these doesn't exist, or where the metric isn't measured on the flag.
    """
    project, flag_key, environment_key, metric_key = place
    state = store.state
    flag = state.flag(project, flag_key)
    environment = state.environment(project, environment_key)
    metric = state.metric(project, metric_key)
    experiments = state.experiments(project, flag_key)
    item = experiments.item(metric_key)
    if item is None:
        raise NotFound(f"The flag {flag_key!r} has no experiment with the metric {metric_key!r}")
    reset = state.resets.get((environment.id, flag_key, metric_key))
    history = store.flag_history(environment.id, flag_key)
    now_ms = time.time_ns() // 1_000_000
    return Promise(
        environment_id=environment.id,
        flag=flag_key,
        variations=len(flag.variations),
        baseline=experiments.baseline,
        metric=metric,
        unit_kind=randomization_unit(flag.environments[environment_key]),
        window=window_of(item.periods.get(environment_key, ()), reset, start, end, now_ms),
        after_seq=reset.seq if reset else 0,
        randomized=_randomized(history),
        shares=_shares(history, len(flag.variations)),
    )


def _shares(history: History, variations: int) -> tuple[float, ...] | NotEstimable:
    """The shares in which units were to arrive: those of the flag's one rollout, if they never changed."""
    rollouts = {
        tuple((entry["variation"], entry["weight"]) for entry in place["rollout"]["variations"])
        for _, delivered in history
        for place in (delivered["fallthrough"], *delivered["rules"])
        if "rollout" in place
    }
    if len(rollouts) != 1:
        return NotEstimable("the flag had no rollout, or several, so that no shares were planned")
    (planned,) = rollouts
    if max(variation for variation, _ in planned) >= variations:
        return NotEstimable("the flag's rollout had a variation that the flag does not have any more")
    weights = [0] * variations
    for variation, weight in planned:
        weights[variation] += weight
    if min(weights) == 0:
        return NotEstimable("a variation was to get no units")
    return tuple(weight / sum(weights) for weight in weights)


def _randomized(history: History) -> dict[int, frozenset[str]]:
    """By version: the rule ids whose contexts a rollout spreads, "" standing for the fallthrough."""
    return {
        version: frozenset(
            [rule["id"] for rule in delivered["rules"] if "rollout" in rule]
            + ([""] if "rollout" in delivered["fallthrough"] else [])
        )
        for version, delivered in history
    }
