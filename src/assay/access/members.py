"""Members: people who sign in with an email address and a password, of which only Argon2's digest is kept."""

import functools
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.store.records import Member
from assay.store.state import State
from assay.store.store import Store, require_present

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024

# Each takes 64 MB of memory and a lane for each of four threads; more of them wait in line.
_hashing = threading.Semaphore(2)


def new_member(email: str, role: str, now_ms: int) -> Member:
    """The record of a member without a password."""
    return Member(secrets.token_hex(12), email, role, now_ms)


def member_by_email(state: State, email: str) -> Member | None:
    """The member with that address, in whatever case it is written."""
    wanted = email.strip().casefold()
    found = (member for member in state.all("member").values() if member.email.casefold() == wanted)
    return next(found, None)


def password_digest(password: object) -> str:
    """What is kept of a password; `InvalidRequest` where it is too short or too long."""
    if not isinstance(password, str) or not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidRequest(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    with _hashing:
        return PasswordHasher().hash(_bytes(password))


def verify_password(store: Store, email: str, password: str) -> Member | None:
    """The member who has this password. An unknown address takes the same work as a known one."""
    member = member_by_email(store.state, email)
    expected = member.password_digest if member is not None and member.password_digest else _nobodys_digest()
    matches = len(password) <= LONGEST_PASSWORD and _matches(expected, password)
    return member if matches and member is not None and member.password_digest else None


def set_password(store: Store, member_id: str, password: str, *, actor: str) -> Member:
    """The member with a new password; sessions that the old one opened end."""
    digest = password_digest(password)
    address = ("member", "", member_id)
    with store.writing(actor) as transaction:
        require_present(transaction.state, address)
        member: Member = transaction.state.find(address)
        changed = replace(member, password_digest=digest, verified=True, version=member.version + 1)
        transaction.put(address, changed, "updatePassword")
    return changed


def _matches(expected: str, password: str) -> bool:
    with _hashing:
        try:
            return PasswordHasher().verify(expected, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False


@functools.cache
def _nobodys_digest() -> str:
    return PasswordHasher().hash(secrets.token_bytes(16))


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
