"""Access tokens: whoever holds the secret is let in, as far as the role goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.access.tokens import authenticate, digest, mint, new_secret
from assay.errors import Unauthorized
from assay.store.store import Store
from store.projects import new_store

SECRET = "api-00000000-0000-0000-0000-000000000001"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store(tmp_path)
    for secret, role in ((SECRET, "admin"), ("another-secret", "reader")):
        token = mint(role, role, secret, 1)
        with made.writing("a") as transaction:
            transaction.put(("token", "", token.id), token, "createToken")
    yield made
    made.close()


@pytest.mark.parametrize("header", [SECRET, f"Bearer {SECRET}", f"  {SECRET} ", f"Bearer   {SECRET}"])
def test_the_secret_is_taken_with_and_without_the_word_bearer(store: Store, header: str) -> None:
    assert authenticate(store, header).role == "admin"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Bearer ",
        "Bearer",
        SECRET[:-1],
        SECRET + "x",
        SECRET.upper(),
        f"Basic {SECRET}",
        "ä\x00",
        digest(SECRET),
    ],
)
def test_anything_else_is_nobody(store: Store, header: str | None) -> None:
    with pytest.raises(Unauthorized):
        authenticate(store, header)


def test_a_deleted_token_is_nobody(store: Store) -> None:
    token = authenticate(store, SECRET)
    with store.writing("a") as transaction:
        transaction.put(("token", "", token.id), None, "deleteToken")
    with pytest.raises(Unauthorized):
        authenticate(store, SECRET)


def test_a_token_keeps_nothing_of_its_secret_but_the_end_and_the_digest() -> None:
    token = mint("ci", "writer", SECRET, 5, service_token=True)
    assert (token.name, token.role, token.creation_date, token.service_token) == ("ci", "writer", 5, True)
    assert SECRET not in repr(token)
    assert (token.ending, token.digest) == ("0001", digest(SECRET))


def test_secrets_and_ids_are_all_different() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == len({mint("a", "reader", secret, 1).id for secret in secrets}) == 100
