"""A machine that drafts, starts, stops and archives experiments while others edit their flags, at random."""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import asdict, replace

from assay.api.enactment import enacted, surroundings
from assay.errors import AssayError, OptimisticLock
from assay.experiments.drafts import IterationInput, drafted
from assay.experiments.experiment import Experiment, Iteration, experiment_address
from assay.experiments.flag_scoped import FlagExperiments
from assay.experiments.instructions import apply_instructions, with_draft
from assay.experiments.metric import Metric
from assay.experiments.ownership import owned_rules
from assay.experiments.rollout import experiment_rollout, rule_of
from assay.flags.model import Clause, Fallthrough, Flag, Rule, Variation
from assay.flags.validation import check_flag
from assay.store.records import Environment, Project
from assay.store.state import State
from assay.store.transaction import Transaction
from experiments.plans import plan
from flags.flags import config, flag, spread

PROJECT, PRODUCTION = "default", "production"
EXPERIMENTS, FLAGS = ("a", "b"), ("one", "two")
experiment_keys, flag_keys = st.sampled_from(EXPERIMENTS), st.sampled_from(FLAGS)
places = st.sampled_from(("fallthrough", "rule-1"))
percents = st.sampled_from((("50", "50"), ("10", "20"), ("0", "0.001"), ("33.3333", "33.3333", "33.3333")))
# What may change of an iteration that has started: how it goes, and when its rule was no longer its own.
GOING = {"status", "ended_at", "winning_treatment_id", "winning_reason", "flags"}


def start_state() -> State:
    """Two flags that are on, with a rule each; a metric; two experiments without an iteration."""
    place = Environment("id", PRODUCTION, PRODUCTION, "sdk", "mob")
    transaction = Transaction(State(), 1)
    transaction.put(("project", "", PROJECT), Project("p", PROJECT, "P", environments=(place,)), "create")
    transaction.put(("metric", PROJECT, "m"), Metric("1", "m", "M", "custom", 1, event_key="m"), "create")
    rules = (Rule((Clause("country", "in", ("nl",)),), variation=1, id="rule-1"),)
    for key in FLAGS:
        made = flag(4, key=key, environments={PRODUCTION: config(on=True, rules=rules)})
        transaction.put_flag(PROJECT, made, FlagExperiments(), "create")
    for key in EXPERIMENTS:
        made_experiment = Experiment(key, key, key, PRODUCTION, 1)
        transaction.put(experiment_address(PROJECT, PRODUCTION, key), made_experiment, "create")
    return transaction.state


class Experimenting(RuleBasedStateMachine):
    """Every step is one transaction; one that is refused leaves the state as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.state = start_state()
        self.now_ms = 1
        self.versions = dict.fromkeys(FLAGS, 0)
        self.started: dict[str, Iteration] = {}

    def attempt(self, change: Callable[[Transaction], None]) -> AssayError | None:
        """The refusal, where there is one."""
        self.now_ms += 1
        transaction = Transaction(self.state, self.now_ms)
        try:
            change(transaction)
        except AssayError as refusal:
            return refusal
        self.state = transaction.state
        return None

    def change(self, key: str, edit: Callable[[Experiment, Any], Experiment]) -> None:
        def enact(transaction: Transaction) -> None:
            before = transaction.state.experiment(PROJECT, PRODUCTION, key)
            around = surroundings(transaction.state, PROJECT, PRODUCTION, transaction.now_ms)
            after = enacted(transaction, PROJECT, before, edit(before, around))
            transaction.put(experiment_address(PROJECT, PRODUCTION, key), after, "update")

        self.attempt(enact)

    def instruct(self, key: str, **instruction: Any) -> None:
        self.change(key, lambda before, around: apply_instructions(before, around, [instruction]))

    def edit(self, key: str, edit: Callable[[Flag], Flag]) -> None:
        """Somebody else's change of a flag: refused only where it touches what an experiment owns."""
        before = self.state.flag(PROJECT, key)

        def put(transaction: Transaction) -> None:
            after = edit(before)
            check_flag(after)
            transaction.put_flag(PROJECT, after, FlagExperiments(), "update")

        refusal = self.attempt(put)
        if isinstance(refusal, OptimisticLock):
            assert list(owned_rules(self.experiments(), key)), "nobody owns anything here"

    def experiments(self) -> list[Experiment]:
        return list(self.state.all("experiment", PROJECT).values())

    @rule(
        key=experiment_keys,
        flags=st.sets(flag_keys, min_size=1),
        place=places,
        shares=percents,
        kept=st.booleans(),
    )
    def draft(self, key: str, flags: set[str], place: str, shares: tuple[str, ...], kept: bool) -> None:
        body = plan(*shares, flags=tuple(sorted(flags)), canReshuffleTraffic=not kept)
        for use in body["flags"].values():
            use["ruleId"] = place
        planned = msgspec.convert(body, IterationInput)
        self.change(
            key, lambda before, around: with_draft(before, drafted(planned, around, kind="experiment"))
        )

    @rule(
        key=experiment_keys,
        flags=st.sets(flag_keys, min_size=1),
        place=places,
        shares=percents,
        kept=st.booleans(),
    )
    def draft_and_start(
        self, key: str, flags: set[str], place: str, shares: tuple[str, ...], kept: bool
    ) -> None:
        for flag_key in flags:
            self.turn(flag_key, on=True)
        self.draft(key, flags, place, shares, kept)
        self.start(key, "because")

    @rule(key=experiment_keys, why=st.sampled_from(("", "because")))
    def start(self, key: str, why: str) -> None:
        self.instruct(key, kind="startIteration", changeJustification=why)

    @rule(key=experiment_keys, winner=st.sampled_from(("", "id-1")))
    def stop(self, key: str, winner: str) -> None:
        self.instruct(key, kind="stopIteration", winningTreatmentId=winner)

    @rule(key=experiment_keys, kept=st.booleans())
    def save_and_start(self, key: str, kept: bool) -> None:
        value = {"canReshuffleTraffic": {"operation": "update", "value": not kept}}
        self.instruct(key, kind="saveAndStartNewIteration", changeJustification="new", value=value)

    @rule(key=experiment_keys, kind=st.sampled_from(("archiveExperiment", "restoreExperiment")))
    def shelve(self, key: str, kind: str) -> None:
        self.instruct(key, kind=kind)

    @rule(key=flag_keys, on=st.booleans())
    def turn(self, key: str, on: bool) -> None:
        self.edit(key, lambda before: in_production(before, on=on))

    @rule(key=flag_keys, variation=st.integers(0, 3))
    def serve_one_variation(self, key: str, variation: int) -> None:
        self.edit(key, lambda before: in_production(before, fallthrough=Fallthrough(variation=variation)))

    @rule(key=flag_keys)
    def spread_otherwise(self, key: str) -> None:
        self.edit(
            key, lambda before: in_production(before, fallthrough=spread(50_000, 50_000, kind="experiment"))
        )

    @rule(key=flag_keys)
    def take_the_rules_away(self, key: str) -> None:
        self.edit(key, lambda before: in_production(before, rules=()))

    @rule(key=flag_keys, attribute=st.sampled_from(("plan", "country")))
    def put_the_rules_in_another_way(self, key: str, attribute: str) -> None:
        other = Rule((Clause(attribute, "in", ("x",)),), variation=2, id=f"rule-{attribute}")
        own = Rule((Clause("country", "in", ("nl",)),), variation=1, id="rule-1")

        def edit(before: Flag) -> Flag:
            rules = before.environments[PRODUCTION].rules
            kept = tuple(one for one in rules if one.id != other.id) or (own,)
            return in_production(before, rules=(other, *kept))

        self.edit(key, edit)

    @rule(key=flag_keys)
    def add_a_variation(self, key: str) -> None:
        def edit(before: Flag) -> Flag:
            number = len(before.variations)
            return replace(before, variations=(*before.variations, Variation(number, id=f"id-{number}")))

        if len(self.state.flag(PROJECT, key).variations) < 8:
            self.edit(key, edit)

    @rule(key=flag_keys)
    def redefine_a_variation(self, key: str) -> None:
        def edit(before: Flag) -> Flag:
            first, *others = before.variations
            return replace(before, variations=(replace(first, value=f"{first.value}!"), *others))

        self.edit(key, edit)

    @rule(key=flag_keys, archived=st.booleans())
    def archive_the_flag(self, key: str, archived: bool) -> None:
        self.edit(key, lambda before: replace(before, archived=archived))

    @invariant()
    def at_most_one_iteration_runs_and_nobody_shares_a_rule(self) -> None:
        owned = []
        for one in self.experiments():
            assert sum(iteration.status == "running" for iteration in one.iterations) <= 1
            assert sum(iteration.status == "not_started" for iteration in one.iterations) <= 1
            assert not (one.running and one.archived)
            if one.running:
                owned += [(key, use.rule_id) for key, use in one.running.flags.items()]
        assert len(set(owned)) == len(owned)

    @invariant()
    def an_owned_rule_is_what_its_iteration_says(self) -> None:
        for one in self.experiments():
            for key, use in (one.running.flags if one.running else {}).items():
                found = self.state.flag(PROJECT, key)
                place = rule_of(found.environments[PRODUCTION], use.rule_id)
                assert one.running is not None
                assert place is not None
                assert place.rollout == experiment_rollout(one.running, found)
                assert place.variation is None

    @invariant()
    def versions_only_grow(self) -> None:
        for key in FLAGS:
            version = self.state.flag(PROJECT, key).environments[PRODUCTION].version
            assert version >= self.versions[key]
            self.versions[key] = version

    @invariant()
    def a_version_of_a_rule_carries_one_iteration_at_most(self) -> None:
        ranges: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for iteration in self.iterations():
            for key, use in iteration.flags.items():
                if use.first_version is None:
                    continue
                assert (use.end_version is None) == (iteration.status == "running")
                end = float("inf") if use.end_version is None else use.end_version
                ranges.setdefault((key, use.rule_id), []).append((use.first_version, end))
        for held in ranges.values():
            held.sort()
            assert all(start < end for start, end in held)
            assert all(before[1] <= after[0] for before, after in itertools.pairwise(held))

    @invariant()
    def what_was_promised_at_the_start_stays(self) -> None:
        for iteration in self.iterations():
            if iteration.status == "not_started":
                continue
            first = self.started.setdefault(iteration.id, iteration)
            assert promised(iteration) == promised(first)
            assert {key: use.rule_id for key, use in iteration.flags.items()} == {
                key: use.rule_id for key, use in first.flags.items()
            }
            assert sum(one.weight for one in iteration.slices) == 100_000

    def iterations(self) -> list[Iteration]:
        return [iteration for one in self.experiments() for iteration in one.iterations]


def promised(iteration: Iteration) -> dict[str, Any]:
    return {name: value for name, value in asdict(iteration).items() if name not in GOING}


def in_production(before: Flag, **changes: Any) -> Flag:
    edited = replace(before.environments[PRODUCTION], **changes)
    return replace(before, environments={PRODUCTION: edited})


TestExperimenting = Experimenting.TestCase
TestExperimenting.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
