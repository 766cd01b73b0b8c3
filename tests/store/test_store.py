"""The one door to metadata: what was committed is there after a restart, what failed never was."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from assay.errors import Conflict, NotFound
from assay.store.records import Project, Token
from assay.store.store import CredentialKind, Store, require_absent, require_present
from assay.store.transaction import Change
from flags.flags import config, flag
from store.projects import NOW_MS, new_store, open_store, put_flag, running

TOKEN = Token("t", "admin", "admin", "the-digest", "abcd", 1)
RESET_PLACE = ("id-production", "flag", "m")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store(tmp_path)
    yield made
    made.close()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    put_flag(store, flag(), running("production"))
    with store.writing("a") as transaction:
        transaction.put(("token", "", "t"), TOKEN, "createToken")
        transaction.reset(RESET_PLACE, 17, "target")
    before, history = store.state, store.flag_history("id-production", "flag")
    store.close()
    again = open_store(tmp_path)
    assert again.state.all("project") == before.all("project")
    assert again.state.flag("default", "flag") == before.flag("default", "flag")
    assert again.state.experiments("default", "flag") == running("production")
    assert (again.state.all("token"), again.state.resets) == (before.all("token"), before.resets)
    assert again.flag_history("id-production", "flag") == history
    assert again.latest_reset_seq() == 17
    again.close()


def test_a_transaction_that_raises_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    before = store.state
    heard: list[Change] = []
    store.listen(heard.append)

    def interrupted() -> None:
        with store.writing("a") as transaction:
            transaction.put_flag("default", flag(), running("production"), "createFlag")
            transaction.reset(RESET_PLACE, 5, "target")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert (store.state, heard) == (before, [])
    assert len(store.audit_entries()) == 1
    with store.writing("b"):
        pass  # the lock is free again


def test_a_commit_that_fails_leaves_memory_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = store.state

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("insert", {}, Exception("disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr("assay.store.store._version_row", full)
        with pytest.raises(sa.exc.OperationalError):
            put_flag(store)
    assert store.state == before
    assert store.state.find(("flag", "default", "flag")) is None
    put_flag(store)
    assert store.state.flag("default", "flag").version == 1


def test_readers_keep_the_state_they_took(store: Store) -> None:
    taken = store.state
    put_flag(store)
    assert taken.find(("flag", "default", "flag")) is None


def test_writers_queue_up_and_no_change_is_lost(store: Store) -> None:
    def write(number: int) -> None:
        for step in range(10):
            with store.writing("w") as transaction:
                key = f"p-{number}-{step}"
                transaction.put(("project", "", key), Project(key, key, key), "createProject")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.state.all("project")) == 41
    assert len(store.audit_entries(1_000)) == 41


@pytest.mark.parametrize(
    ("kind", "credential"),
    [("server", "sdk-production"), ("mobile", "mob-production"), ("client", "id-production")],
)
def test_a_credential_leads_to_its_environment_as_long_as_that_exists(
    store: Store, kind: CredentialKind, credential: str
) -> None:
    found = store.place_of(kind, credential)
    assert found is not None
    assert (found[0], found[1].id) == ("default", "id-production")
    assert store.place_of(kind, "sdk-nobody") is None
    kinds: list[CredentialKind] = ["server", "mobile", "client"]
    assert all(store.place_of(other, credential) is None for other in kinds if other != kind)
    with store.writing("a") as transaction:
        transaction.put(("project", "", "default"), None, "deleteProject")
    assert store.place_of(kind, credential) is None


def test_the_audit_says_who_when_what_before_and_after(store: Store) -> None:
    with store.writing("token/x", "because") as transaction:
        project = msgspec.structs.replace(store.state.project("default"), name="New")
        transaction.put(("project", "", "default"), project, "updateProject")
    entry = store.audit_entries(1)[0]
    assert (entry["actor"], entry["comment"], entry["at_ms"]) == ("token/x", "because", NOW_MS)
    assert (entry["action"], entry["target"]) == ("updateProject", "project/default")
    names = [msgspec.json.decode(entry[side])["name"] for side in ("before", "after")]
    assert names == ["Default", "New"]


def test_the_audit_holds_no_secret_of_a_token(store: Store) -> None:
    with store.writing("a") as transaction:
        transaction.put(("token", "", "t"), TOKEN, "createToken")
    with store.writing("a") as transaction:
        transaction.put(("token", "", "t"), None, "deleteToken")
    deleted, created = store.audit_entries(2)
    assert created["after"] == deleted["before"]
    assert TOKEN.digest not in created["after"].decode()
    assert msgspec.json.decode(created["after"])["digest"] == "…"


def test_writing_what_is_there_already_is_no_change(store: Store) -> None:
    with store.writing("a") as transaction:
        transaction.put(("project", "", "default"), store.state.project("default"), "updateProject")
    assert len(store.audit_entries()) == 1


def test_the_latest_of_several_resets_counts(store: Store, tmp_path: Path) -> None:
    for seq in (3, 9):
        with store.writing("a") as transaction:
            transaction.reset(RESET_PLACE, seq, "target")
    with store.writing("a") as transaction:
        transaction.reset(("id-test", "flag", "m"), 5, "target")
    assert (store.state.resets[RESET_PLACE].seq, store.latest_reset_seq()) == (9, 9)
    store.close()
    again = open_store(tmp_path)
    assert again.state.resets[RESET_PLACE].seq == 9
    again.close()


def test_listeners_hear_of_flag_changes_after_the_commit(store: Store) -> None:
    heard: list[tuple[str, int, bool]] = []
    store.listen(
        lambda change: heard.append(
            (change.environment_id, change.version, store.state.find(("flag", "default", "flag")) is not None)
        )
    )
    put_flag(store)
    assert sorted(heard) == [("id-production", 1, True), ("id-test", 1, True)]


def test_hostile_text_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    hostile = "'; drop table resources; --\x00\u2028\U0001f600"
    put_flag(store, flag(name=hostile, environments={"production": config(), "test": config()}))
    store.close()
    again = open_store(tmp_path)
    assert again.state.flag("default", "flag").name == hostile
    again.close()


def test_absence_and_presence_are_required_by_name(store: Store) -> None:
    with pytest.raises(Conflict, match="'default' exists"):
        require_absent(store.state, ("project", "", "default"))
    with pytest.raises(NotFound, match="flag key 'x'"):
        require_present(store.state, ("flag", "default", "x"))
    require_absent(store.state, ("flag", "default", "x"))
    require_present(store.state, ("project", "", "default"))
