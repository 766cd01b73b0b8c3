"""A browser stays signed in as long as whoever signed in is still let in, and not longer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from assay.access.members import new_member, set_password
from assay.access.sessions import (
    IDLE_MS,
    LONGEST_MS,
    TOUCH_MS,
    check_csrf,
    create_session,
    csrf_token,
    end_session,
    find_session,
    session_secret,
)
from assay.access.tokens import digest, mint
from assay.errors import Unauthorized
from assay.store.store import Store
from assay.store.tables import sessions
from store.projects import NOW_MS, open_store

TOKEN = replace(mint("name", "writer", "api-secret", NOW_MS), id="t1")
MEMBER = replace(new_member("a@example.com", "admin", NOW_MS), id="m1")
ACTORS = ("token/t1", "member/m1")


class Clock:
    """The time, moved by hand."""

    now = NOW_MS

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made = open_store(tmp_path, clock)
    with made.writing("a") as transaction:
        transaction.put(("token", "", "t1"), TOKEN, "createToken")
        transaction.put(("member", "", "m1"), MEMBER, "createMember")
    yield made
    made.close()


def rows(store: Store) -> list[sa.Row[Any]]:
    with store.engine.connect() as connection:
        return list(connection.execute(sa.select(sessions)))


def test_a_token_s_session_acts_with_the_token(store: Store) -> None:
    found = find_session(store, create_session(store, "token/t1"))
    assert found is not None
    assert (found.actor, found.token, found.member) == ("token/t1", TOKEN, None)


def test_a_member_s_session_acts_with_the_member_s_role(store: Store) -> None:
    found = find_session(store, create_session(store, "member/m1"))
    assert found is not None
    assert (found.actor, found.token.role, found.member) == ("member/m1", "admin", MEMBER)
    assert found.token.digest == ""


@pytest.mark.parametrize("actor", ["token/m1", "member/t1", "project/default", "", "token/", "t1"])
def test_nobody_else_gets_a_session(store: Store, actor: str) -> None:
    with pytest.raises(Unauthorized):
        create_session(store, actor)
    assert rows(store) == []


def test_ids_are_long_all_different_and_kept_as_digests_only(store: Store, tmp_path: Path) -> None:
    ids = [create_session(store, "token/t1") for _ in range(50)]
    assert len(set(ids)) == 50
    assert min(len(one) for one in ids) >= 43
    assert {row[0] for row in rows(store)} == {digest(one) for one in ids}
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(one.encode() in held for one in ids)


@pytest.mark.parametrize("given", ["", "x", "ä\x00", "\ud800", "a" * 100_000])
def test_an_unknown_id_is_no_session(store: Store, given: str) -> None:
    create_session(store, "token/t1")
    assert find_session(store, given) is None


def test_the_digest_in_the_table_opens_nothing(store: Store) -> None:
    assert find_session(store, digest(create_session(store, "token/t1"))) is None


@pytest.mark.parametrize("actor", ACTORS)
def test_a_session_survives_a_restart(store: Store, tmp_path: Path, actor: str) -> None:
    made = create_session(store, actor)
    store.close()
    again = open_store(tmp_path)
    found = find_session(again, made)
    assert found is not None
    assert found.actor == actor
    again.close()


def test_signing_out_ends_that_session_and_no_other(store: Store) -> None:
    first, second = create_session(store, "member/m1"), create_session(store, "member/m1")
    end_session(store, first)
    end_session(store, first)
    assert find_session(store, first) is None
    assert find_session(store, second) is not None


@pytest.mark.parametrize(("kind", "key"), [("token", "t1"), ("member", "m1")])
def test_a_session_ends_with_its_token_or_member(store: Store, kind: str, key: str) -> None:
    kept = {actor: create_session(store, actor) for actor in ACTORS}
    with store.writing("a") as transaction:
        transaction.put((kind, "", key), None, "delete")
    assert find_session(store, kept.pop(f"{kind}/{key}")) is None
    (other,) = kept.values()
    assert find_session(store, other) is not None
    assert len(rows(store)) == 1


def test_a_session_ends_with_the_password_that_opened_it(store: Store) -> None:
    made = create_session(store, "member/m1")
    set_password(store, "m1", "a long enough password", actor="member/m1")
    assert find_session(store, made) is None
    assert find_session(store, create_session(store, "member/m1")) is not None


def test_a_session_ends_when_its_token_gets_another_secret(store: Store) -> None:
    made = create_session(store, "token/t1")
    with store.writing("a") as transaction:
        transaction.put(("token", "", "t1"), replace(TOKEN, digest=digest("new")), "resetToken")
    assert find_session(store, made) is None


def test_a_session_ends_when_its_token_expires(store: Store, clock: Clock) -> None:
    with store.writing("a") as transaction:
        transaction.put(("token", "", "t1"), replace(TOKEN, expiry=NOW_MS + 1000), "updateToken")
    made = create_session(store, "token/t1")
    clock.now += 999
    assert find_session(store, made) is not None
    clock.now += 1
    assert find_session(store, made) is None
    with pytest.raises(Unauthorized):
        create_session(store, "token/t1")


def test_a_change_of_role_holds_at_once_and_keeps_the_session(store: Store) -> None:
    made = create_session(store, "member/m1")
    with store.writing("a") as transaction:
        transaction.put(("member", "", "m1"), replace(MEMBER, role="reader"), "updateMember")
    found = find_session(store, made)
    assert found is not None
    assert found.token.role == "reader"


def test_an_idle_session_ends(store: Store, clock: Clock) -> None:
    made = create_session(store, "token/t1")
    clock.now += IDLE_MS - 1
    assert find_session(store, made) is not None
    clock.now += IDLE_MS
    assert find_session(store, made) is None
    clock.now -= IDLE_MS
    assert find_session(store, made) is None


def test_no_session_lasts_longer_than_a_week_however_busy(store: Store, clock: Clock) -> None:
    made = create_session(store, "token/t1")
    while clock.now < NOW_MS + LONGEST_MS - IDLE_MS // 2:
        assert find_session(store, made) is not None
        clock.now += IDLE_MS // 2
    clock.now = NOW_MS + LONGEST_MS
    assert find_session(store, made) is None


def test_using_a_session_writes_at_most_once_a_minute(store: Store, clock: Clock) -> None:
    made = create_session(store, "token/t1")
    seen = []
    for _ in range(4):
        clock.now += TOUCH_MS // 2
        find_session(store, made)
        seen.append(rows(store)[0].used_ms)
    assert seen == [NOW_MS, NOW_MS + TOUCH_MS, NOW_MS + TOUCH_MS, NOW_MS + 2 * TOUCH_MS]


def test_old_sessions_are_swept_when_somebody_signs_in(store: Store, clock: Clock) -> None:
    create_session(store, "token/t1")
    clock.now += IDLE_MS
    create_session(store, "token/t1")
    assert len(rows(store)) == 1


def test_sessions_leave_no_audit_entries(store: Store) -> None:
    before = len(store.audit_entries())
    made = create_session(store, "member/m1")
    find_session(store, made)
    end_session(store, made)
    assert len(store.audit_entries()) == before


def test_a_form_s_token_belongs_to_one_session_of_one_server(store: Store, tmp_path: Path) -> None:
    secret = session_secret(tmp_path)
    first, second = create_session(store, "token/t1"), create_session(store, "token/t1")
    assert check_csrf(secret, first, csrf_token(secret, first))
    for wrong in ("", "x", "ä", "\ud800", csrf_token(secret, second), csrf_token(b"another", first), first):
        assert not check_csrf(secret, first, wrong)
    assert first not in csrf_token(secret, first)


def test_the_server_s_secret_is_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    made = session_secret(tmp_path)
    assert len(made) == 64
    assert session_secret(tmp_path) == made
    assert (tmp_path / "session-secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").mkdir()
    assert session_secret(tmp_path / "other") != made
