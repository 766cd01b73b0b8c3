"""Members sign in with a password that nobody can read back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from assay.access import members
from assay.access.members import member_by_email, new_member, password_digest, set_password, verify_password
from assay.errors import InvalidRequest, NotFound
from assay.store.store import Store
from store.projects import NOW_MS, open_store

PASSWORD = "correct horse battery"
MEMBER = replace(new_member("Ann@Example.com", "admin", NOW_MS), id="m1")
WITHOUT = replace(new_member("bob@example.com", "admin", NOW_MS), id="m2")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    with made.writing("a") as transaction:
        transaction.put(("member", "", "m1"), MEMBER, "createMember")
        transaction.put(("member", "", "m2"), WITHOUT, "createMember")
    yield made
    made.close()


@pytest.mark.parametrize("email", ["Ann@Example.com", "ann@example.COM", " ann@example.com "])
def test_a_member_signs_in_with_the_address_in_any_case(store: Store, email: str) -> None:
    set_password(store, "m1", PASSWORD, actor="a")
    found = verify_password(store, email, PASSWORD)
    assert found is not None
    assert (found.id, found.verified) == ("m1", True)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ann@example.com", PASSWORD + " "),
        ("ann@example.com", PASSWORD.upper()),
        ("ann@example.com", ""),
        ("ann@example.com", "\ud800" * 20),
        ("ann@example.com", PASSWORD * 100),
        ("bob@example.com", PASSWORD),
        ("bob@example.com", ""),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("\ud800", "\x00"),
    ],
)
def test_nobody_else_does(store: Store, email: str, password: str) -> None:
    set_password(store, "m1", PASSWORD, actor="a")
    assert verify_password(store, email, password) is None


def test_an_unknown_address_takes_the_same_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    set_password(store, "m1", PASSWORD, actor="a")
    real, parameters = members._matches, []

    def counted(expected: str, password: str) -> bool:
        parameters.append(expected.split("$")[1:4])
        return real(expected, password)

    monkeypatch.setattr(members, "_matches", counted)
    for email in ("ann@example.com", "bob@example.com", "nobody@example.com"):
        verify_password(store, email, "some other password")
    assert len(parameters) == 3
    assert parameters[0] == parameters[1] == parameters[2]


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1025, None, 5, ["x" * 20]])
def test_a_password_that_is_too_short_or_long_is_refused(password: object) -> None:
    with pytest.raises(InvalidRequest, match="12 to 1024"):
        password_digest(password)


def test_a_new_password_replaces_the_old(store: Store) -> None:
    set_password(store, "m1", PASSWORD, actor="a")
    set_password(store, "m1", "another long password", actor="a")
    assert verify_password(store, "ann@example.com", PASSWORD) is None
    assert verify_password(store, "ann@example.com", "another long password") is not None


def test_a_password_is_nowhere_in_the_folder_nor_its_digest_in_the_audit(
    store: Store, tmp_path: Path
) -> None:
    changed = set_password(store, "m1", PASSWORD, actor="a")
    assert changed.password_digest.startswith("$argon2id$")
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert PASSWORD.encode() not in held
    assert held.count(changed.password_digest.encode()) == 1
    assert b"argon2" not in b"".join(entry["after"] for entry in store.audit_entries())


def test_the_same_password_has_another_digest_each_time() -> None:
    assert password_digest(PASSWORD) != password_digest(PASSWORD)


def test_there_is_no_password_for_nobody(store: Store) -> None:
    with pytest.raises(NotFound):
        set_password(store, "m9", PASSWORD, actor="a")


def test_members_are_found_by_address(store: Store) -> None:
    assert member_by_email(store.state, "BOB@example.com") == WITHOUT
    assert member_by_email(store.state, "bo@example.com") is None
