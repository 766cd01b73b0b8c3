"""What opens something is not in the audit trail, whatever record it stands in."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.store.masking import masked
from assay.store.records import Member, Project, Token
from assay.store.store import Store
from flags.flags import flag
from store.projects import environment, new_store

SECRET = "0123456789abcdef-0123456789abcdef"
MEMBER = Member("m", "a@example.com", "reader", 1, password_digest=f"$argon2id$v=19$m=65536,t=3,p=4${SECRET}")
TOKEN = Token("t", "t", "admin", SECRET, SECRET[-4:], 1, old_digest=SECRET)


@pytest.mark.parametrize(
    "name",
    [
        "sdkKey",
        "mobileKey",
        "oldSdkKeys",
        "secret",
        "digest",
        "oldDigest",
        "passwordDigest",
        "sdk_key",
        "ending",
    ],
)
@pytest.mark.parametrize("value", [SECRET, [SECRET], [{"key": SECRET}], {SECRET: 1}, {"a": {"b": SECRET}}])
def test_a_field_that_holds_a_secret_is_masked_however_deep(name: str, value: object) -> None:
    shown = msgspec.json.encode(masked({"a": [{name: value}]})).decode()
    assert SECRET not in shown
    assert SECRET[:8] not in shown


def test_the_end_of_an_sdk_key_stays_to_tell_it_by() -> None:
    assert masked({"sdkKey": "sdk-00000000-0000-1234"}) == {"sdkKey": "…1234"}
    assert masked({"sdkKey": "sdk-1234", "digest": "a" * 64}) == {"sdkKey": "…", "digest": "…"}
    assert masked({"secret": ""}) == {"secret": ""}


@given(st.dictionaries(st.sampled_from(["name", "key", "tags", "role"]), st.text() | st.lists(st.integers())))
def test_everything_else_stays_as_it_is(document: dict[str, object]) -> None:
    assert masked(document) == document


@pytest.mark.parametrize(
    ("kind", "record"), [("member", MEMBER), ("token", TOKEN), ("project", Project("p", "k", "n"))]
)
def test_no_entry_of_a_record_holds_a_secret(tmp_path: Path, kind: str, record: object) -> None:
    store: Store = new_store(tmp_path)
    if isinstance(record, Project):
        record = msgspec.structs.replace(record, environments=(environment("production"),))
    for item in (record, None):
        with store.writing("a") as transaction:
            transaction.put((kind, "", "key"), item, "someAction")
    entries = b"".join((entry["before"] or b"") + (entry["after"] or b"") for entry in store.audit_entries(2))
    for secret in (SECRET, "argon2", "sdk-production", "mob-production"):
        assert secret.encode() not in entries
    assert b"name" in entries or b"email" in entries
    store.close()


def test_a_variation_may_have_a_field_called_secret(tmp_path: Path) -> None:
    store: Store = new_store(tmp_path)
    made = flag()
    variation = msgspec.structs.replace(made.variations[0], value={"secret": "a customer's own"})
    with store.writing("a") as transaction:
        changed = msgspec.structs.replace(made, variations=(variation, *made.variations[1:]))
        transaction.put(("flag", "default", "flag"), changed, "updateFlag")
    assert b"a customer's own" in store.audit_entries(1)[0]["after"]
    store.close()
