"""What a new installation begins with: a project, its environments, an owner, and the owner's admin token."""

import os
import re
import secrets
from pathlib import Path
from typing import cast

import structlog
from msgspec.structs import replace

from assay.access.members import new_member
from assay.access.tokens import digest, mint, new_secret
from assay.errors import DataFolderError
from assay.store.records import Environment, Member, Project
from assay.store.store import Store
from assay.store.transaction import Transaction

ACTOR = "assay/first-start"
FIRST_EMAIL = "owner@localhost"

# What every client can send in a header.
PRESET = re.compile(r"[!-~]{8,}")

EASILY_GUESSED = 16

_log = structlog.get_logger("access")


def prepare(store: Store, folder: Path, environments: tuple[Environment, ...], preset: str) -> str | None:
    """Makes what is missing; the admin token's secret where this call made it, to be shown once.

    A `preset` token is made on any start that doesn't know it yet.
    """
    if preset and not PRESET.fullmatch(preset):
        raise DataFolderError("ASSAY_ADMIN_TOKEN needs at least 8 characters, all visible ASCII")
    if preset and len(preset) < EASILY_GUESSED:
        _log.warning("admin_token_is_short", characters=len(preset))
    tokens = store.state.all("token").values()
    wanted = preset if preset else None if tokens else new_secret()
    with store.writing(ACTOR) as transaction:
        if not transaction.state.all("project"):
            project = Project(secrets.token_hex(12), "default", "Default", environments=environments)
            transaction.put(("project", "", "default"), project, "createProject")
        owner = _first_member(transaction)
        for held in tokens:
            if not held.member_id:
                transaction.put(("token", "", held.id), replace(held, member_id=owner.id), "updateToken")
        if wanted is None or any(token.digest == digest(wanted) for token in tokens):
            return None
        token = replace(mint("admin", "admin", wanted, transaction.now_ms), member_id=owner.id)
        transaction.put(("token", "", token.id), token, "createToken")
        # Before the commit: a token whose secret nobody has would lock everybody out for ever.
        write_secret(folder / "admin-token", wanted)
    return wanted


def _first_member(transaction: Transaction) -> Member:
    """The owner, made where there is no member yet: without a password, which the first token lets its holder set."""
    for member in transaction.state.all("member").values():
        if member.role == "owner":
            return cast(Member, member)
    owner = new_member(FIRST_EMAIL, "owner", transaction.now_ms)
    transaction.put(("member", "", owner.id), owner, "createMember")
    return owner


def write_secret(path: Path, secret: str) -> None:
    """Writes a secret that only this user may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(secret + "\n")
