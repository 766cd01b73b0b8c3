"""Changes gathered to be committed together: records, the versions they make, the audit entries they leave."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from assay.errors import OptimisticLock
from assay.experiments.experiment import Experiment
from assay.experiments.flag_scoped import FlagExperiments
from assay.experiments.ownership import OwnedRule, check_owned, owned_rules
from assay.flags.delivery import delivered_flag
from assay.flags.model import Flag, FlagConfig
from assay.flags.segment import Segment, delivered_segment
from assay.store.masking import UNMASKED, masked
from assay.store.records import Reset
from assay.store.state import Address, State, segments_shelf

Kind = Literal["flag", "segment"]


@dataclass(frozen=True, slots=True)
class Change:
    """A flag's or segment's new version in an environment; `delivered` is what SDKs get, None where it is gone."""

    environment_id: str
    kind: Kind
    key: str
    version: int
    delivered: dict[str, Any] | None


class Transaction:
    """The state as this transaction sees it, and what it is going to write."""

    def __init__(self, state: State, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.records: dict[Address, Any] = {}
        self.changes: list[Change] = []
        self.resets: dict[tuple[str, str, str], Reset] = {}
        self.entries: list[dict[str, Any]] = []

    def put(self, address: Address, record: Any, action: str) -> None:
        """Writes a record (None deletes it) and an audit entry that says `action`."""
        before = self.state.find(address)
        if before == record:
            return
        self._set(address, record)
        self._audit(action, "/".join(part for part in address if part), before, record)

    def keep(self, address: Address, record: Any) -> None:
        """Writes what an audited record was, or takes it away with the record: no news, so without an entry."""
        self._set(address, record)

    def put_flag(
        self,
        project: str,
        flag: Flag,
        experiments: FlagExperiments,
        action: str,
        *,
        by: Experiment | None = None,
    ) -> Flag:
        """Writes a flag and its experiments; environments in which anything changed get a new version.

        Versions come from the environment's counter, so that they grow across deletion and re-creation. `by`: the
        experiment that starts or stops with this change, which may change the rule it owns, and makes a new
        version in its environment in any case. Raises `OptimisticLock` where another one owns what changes.
        """
        before = self.state.find(("flag", project, flag.key))
        if before is not None:
            check_owned(self._owned(project, flag.key, by), before, flag)
        earlier = self.state.experiments(project, flag.key)
        environments = self.state.project(project).environments
        configs = {
            environment.key: self._settled(before, flag, environment.key, earlier, experiments)
            for environment in environments
        }
        if by is not None:
            key = by.environment_key
            configs[key] = replace(configs[key], version=0)
        changed = [key for key, config in configs.items() if config.version == 0]
        for key in changed:
            version = self._next_version(project, key)
            configs[key] = replace(configs[key], version=version, last_modified=self.now_ms)
        settled = replace(flag, environments=configs)
        if settled == before and experiments == earlier:
            return settled
        settled = replace(settled, version=1 if before is None else before.version + 1)
        self.put(("experiments", project, flag.key), experiments, "updateExperiments")
        self.put(("flag", project, flag.key), settled, action)
        self._announce(project, settled, experiments, changed)
        return settled

    def delete_flag(self, project: str, key: str) -> None:
        """Takes a flag and its experiments away; its SDKs hear of it with a version of its own."""
        before = self.state.find(("flag", project, key))
        if before is not None:
            check_owned(self._owned(project, key), before, None)
        self.put(("flag", project, key), None, "deleteFlag")
        if self.state.find(("experiments", project, key)) is not None:
            self.put(("experiments", project, key), None, "deleteExperiments")
        for environment in self.state.project(project).environments:
            version = self._next_version(project, environment.key)
            self.changes.append(Change(environment.id, "flag", key, version, None))

    def put_segment(
        self, project: str, environment: str, segment: Segment, action: str, *, by: str = ""
    ) -> Segment:
        """Writes a segment of an environment, with a new version where anything about it is new.

        `by`: the layer or holdout that keeps it. Raises `OptimisticLock` where another one does.
        """
        address = ("segment", segments_shelf(project, environment), segment.key)
        before = self.state.find(address)
        if segment == before:
            return segment
        _check_keeper(before, by)
        version = self._next_version(project, environment)
        settled = replace(segment, version=version, last_modified_date=self.now_ms)
        self.put(address, settled, action)
        here = self.state.environment(project, environment).id
        self.changes.append(Change(here, "segment", segment.key, version, delivered_segment(settled)))
        return settled

    def delete_segment(self, project: str, environment: str, key: str, *, by: str = "") -> None:
        """Takes a segment away; its SDKs hear of it with a version of its own."""
        _check_keeper(self.state.find(("segment", segments_shelf(project, environment), key)), by)
        self.put(("segment", segments_shelf(project, environment), key), None, "deleteSegment")
        version = self._next_version(project, environment)
        here = self.state.environment(project, environment).id
        self.changes.append(Change(here, "segment", key, version, None))

    def reset(self, place: tuple[str, str, str], seq: int, target: str) -> None:
        """From now on events up to number `seq` don't exist for the experiment (environment id, flag, metric)."""
        reset = Reset(seq, self.now_ms)
        self.resets[place] = reset
        self.state = State(self.state.records, {**self.state.resets, place: reset})
        self._audit("resetExperiment", target, None, reset)

    def _owned(self, project: str, flag: str, by: Experiment | None = None) -> list[OwnedRule]:
        others = [
            one for one in self.state.all("experiment", project).values() if by is None or one.id != by.id
        ]
        return list(owned_rules(others, flag))

    def _settled(
        self,
        before: Flag | None,
        flag: Flag,
        key: str,
        earlier: FlagExperiments,
        experiments: FlagExperiments,
    ) -> FlagConfig:
        """The flag's configuration in an environment: as it was if nothing about it is new, else numbered 0."""
        config = flag.environments[key]
        if before is None or key not in before.environments:
            return replace(config, version=0)
        old = before.environments[key]
        was, now = earlier.running(key), experiments.running(key)
        same = (
            replace(config, version=old.version, last_modified=old.last_modified) == old
            and _periods(earlier, key) == _periods(experiments, key)
            and delivered_flag(before, old, tracked=was) == delivered_flag(flag, old, tracked=now)
            and before.archived == flag.archived
        )
        return old if same else replace(config, version=0)

    def _announce(self, project: str, flag: Flag, experiments: FlagExperiments, changed: list[str]) -> None:
        for key in changed:
            environment, config = self.state.environment(project, key), flag.environments[key]
            tracked = experiments.running(key)
            delivered = None if flag.archived else delivered_flag(flag, config, tracked=tracked)
            self.changes.append(Change(environment.id, "flag", flag.key, config.version, delivered))

    def _next_version(self, project: str, key: str) -> int:
        found = self.state.project(project)
        environments = tuple(
            replace(item, flags_version=item.flags_version + 1) if item.key == key else item
            for item in found.environments
        )
        self._set(("project", "", project), replace(found, environments=environments))
        return self.state.environment(project, key).flags_version

    def _set(self, address: Address, record: Any) -> None:
        self.records[address] = record
        self.state = self.state.with_record(address, record)

    def _audit(self, action: str, target: str, before: Any, after: Any) -> None:
        plain = target.partition("/")[0] in UNMASKED
        documents = {
            name: None if record is None else _document(record, plain=plain)
            for name, record in (("before", before), ("after", after))
        }
        self.entries.append({"action": action, "target": target, **documents})


def _document(record: Any, *, plain: bool) -> bytes:
    return msgspec.json.encode(record if plain else masked(msgspec.to_builtins(record)))


def _check_keeper(segment: Segment | None, by: str) -> None:
    if segment is not None and segment.kept_by != by:
        keeper = segment.kept_by or "nobody: it was there before"
        raise OptimisticLock(f"the segment {segment.key!r} is kept by {keeper}, and changes with it only")


def _periods(experiments: FlagExperiments, environment: str) -> dict[str, Any]:
    """The periods that each metric was measured in there; nothing of metrics that never were."""
    return {
        item.metric_key: item.periods[environment]
        for item in experiments.items
        if environment in item.periods
    }
