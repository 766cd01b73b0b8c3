"""What a change of an experiment does to its flags: the rule goes over to an iteration that starts, and back."""

import secrets
from collections.abc import Iterable

from msgspec.structs import replace

from assay.experiments.drafts import Surroundings
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.rollout import carrying, released
from assay.flags.model import Flag
from assay.flags.validation import LARGEST_SEED
from assay.store.state import State
from assay.store.transaction import Transaction


def surroundings(state: State, project: str, environment: str, now_ms: int) -> Surroundings:
    """What an experiment of this environment is planned and run among."""
    return Surroundings(
        environment=environment,
        flags=state.all("flag", project),
        metrics={key: metric.version for key, metric in state.all("metric", project).items()},
        groups={
            key: (group.kind, group.version) for key, group in state.all("metric_group", project).items()
        },
        settings=state.experimentation_settings(project),
        layers=tuple(state.all("layer", project).values()),
        holdouts=tuple(state.all("holdout", project).values()),
        now_ms=now_ms,
        new_id=lambda: secrets.token_hex(12),
        new_seed=lambda: 1 + secrets.randbelow(LARGEST_SEED),
    )


def enacted(transaction: Transaction, project: str, before: Experiment, after: Experiment) -> Experiment:
    """Writes the flags of an iteration that ended or started; the experiment with their versions noted.

    Raises `OptimisticLock` where another running experiment owns one of the rules.
    """
    ended, started = _ended(before, after), _started(before, after)
    flags: dict[str, Flag] = {}
    if ended is not None:
        flags = {
            key: released(transaction.state.flag(project, key), after.environment_key, ended)
            for key in ended.flags
        }
    if started is not None:
        for key in started.flags:
            flag = flags.get(key) or transaction.state.flag(project, key)
            flags[key] = carrying(flag, after.environment_key, started)
    action = "startIteration" if started else "stopIteration"
    versions, positions = {}, {}
    for key, flag in flags.items():
        positions[key] = {variation.id: number for number, variation in enumerate(flag.variations)}
        flag = transaction.put_flag(
            project, flag, transaction.state.experiments(project, key), action, by=after
        )
        versions[key] = flag.environments[after.environment_key].version
    stopped = [_until(one, versions) for one in (ended,) if one]
    return _noted(after, stopped, _since(started, versions, positions) if started else None)


def _ended(before: Experiment, after: Experiment) -> Iteration | None:
    """The iteration that ran before and doesn't any more, as it is now."""
    ran, runs = before.running, after.running
    if ran is None or (runs is not None and runs.id == ran.id):
        return None
    return after.iteration(ran.id)


def _started(before: Experiment, after: Experiment) -> Iteration | None:
    ran, runs = before.running, after.running
    return None if runs is None or (ran is not None and runs.id == ran.id) else runs


def _until(ended: Iteration, versions: dict[str, int]) -> Iteration:
    flags = {key: replace(use, end_version=versions[key]) for key, use in ended.flags.items()}
    return replace(ended, flags=flags)


def _since(started: Iteration, versions: dict[str, int], positions: dict[str, dict[str, int]]) -> Iteration:
    flags = {
        key: replace(
            use,
            first_version=versions[key],
            flag_config_version=versions[key],
            positions=positions[key],
        )
        for key, use in started.flags.items()
    }
    return replace(started, flags=flags)


def _noted(after: Experiment, ended: Iterable[Iteration], started: Iteration | None) -> Experiment:
    by_id = {one.id: one for one in ended}
    if started is not None:
        by_id[started.id] = started
    return replace(after, iterations=tuple(by_id.get(one.id, one) for one in after.iterations))
