"""All flags and segments of an environment, encoded and compiled once for each of its versions."""

from dataclasses import dataclass
from typing import Any

import msgspec

from assay.flags.client_side import Audience
from assay.flags.delivery import delivered_flag
from assay.flags.evaluation import CompiledSet, compile_set
from assay.flags.segment import delivered_segment
from assay.store.state import State
from assay.store.store import Place, Store


@dataclass(frozen=True, slots=True)
class FlagSet:
    """`flags` and `segments` as server-side SDKs get them, by key; `body`: all of it as they poll it.

    `etag` names this state.
    """

    version: int
    etag: str
    flags: dict[str, dict[str, Any]]
    segments: dict[str, dict[str, Any]]
    body: bytes


class FlagSets:
    """The current flag set of each environment that anybody asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, FlagSet] = {}
        self._compiled: dict[str, tuple[int, CompiledSet]] = {}
        self._shown: dict[tuple[str, Audience], set[str]] = {}

    def current(self, place: Place) -> FlagSet:
        project, environment = place
        state = self._store.state
        version = state.environment(project, environment.key).flags_version
        known = self._known.get(environment.id)
        if known is None or known.version != version:
            flags = _delivered(state, project, environment.key)
            found = state.segments(project, environment.key).items()
            segments = {key: delivered_segment(segment) for key, segment in found}
            body = msgspec.json.encode({"flags": flags, "segments": segments})
            known = FlagSet(version, f'"{environment.id}-{version}"', flags, segments, body)
            self._known[environment.id] = known
        return known

    def compiled(self, place: Place) -> tuple[int, CompiledSet]:
        """The version, and the set ready to be evaluated; what is unchanged is not compiled again."""
        current = self.current(place)
        version, compiled = self._compiled.get(place[1].id, (-1, None))
        if compiled is None or version != current.version:
            compiled = compile_set(current.flags, current.segments, previous=compiled)
            self._compiled[place[1].id] = current.version, compiled
            self.shown(place, "browser").update(flag.flag.key for flag in compiled.browser)
            self.shown(place, "mobile").update(flag.flag.key for flag in compiled.mobile)
        return current.version, compiled

    def shown(self, place: Place, audience: Audience) -> set[str]:
        """The flags that such a client may have been told of: whoever was not is told of no change either."""
        return self._shown.setdefault((place[1].id, audience), set())


def _delivered(state: State, project: str, environment: str) -> dict[str, dict[str, Any]]:
    return {
        key: delivered_flag(
            flag, flag.environments[environment], tracked=state.experiments(project, key).running(environment)
        )
        for key, flag in state.all("flag", project).items()
        if not flag.archived
    }
