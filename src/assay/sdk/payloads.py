"""The whole flag set of an environment, encoded once for each of its versions."""

from dataclasses import dataclass

import msgspec

from assay.flags.delivery import delivered_flag
from assay.store.state import State
from assay.store.store import Place, Store


@dataclass(frozen=True, slots=True)
class FlagSet:
    """`body`: `{"flags": …, "segments": …}` as SDKs poll it. `etag` names this state of it."""

    version: int
    etag: str
    body: bytes


class FlagSets:
    """The current flag set of each environment that anybody asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, FlagSet] = {}

    def current(self, place: Place) -> FlagSet:
        project, environment = place
        state = self._store.state
        version = state.environment(project, environment.key).flags_version
        known = self._known.get(environment.id)
        if known is None or known.version != version:
            etag = f'"{environment.id}-{version}"'
            known = FlagSet(version, etag, _encode(state, project, environment.key))
            self._known[environment.id] = known
        return known


def _encode(state: State, project: str, environment: str) -> bytes:
    flags = {
        key: delivered_flag(
            flag, flag.environments[environment], tracked=state.experiments(project, key).running(environment)
        )
        for key, flag in state.all("flag", project).items()
        if not flag.archived
    }
    return msgspec.json.encode({"flags": flags, "segments": {}})
