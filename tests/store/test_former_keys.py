"""Keys of SDKs that were replaced: how long they open, and that the audit trail doesn't show them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from store.projects import NOW_MS, new_store, open_store


@pytest.mark.parametrize(("after_ms", "opens"), [(-1, True), (0, False), (1, False)])
def test_a_former_key_opens_until_its_expiry(tmp_path: Path, after_ms: int, opens: bool) -> None:
    new_store(tmp_path).close()
    expiry = NOW_MS + 5000
    store = open_store(tmp_path, lambda: expiry + after_ms)
    with store.writing("tester") as transaction:
        project = transaction.state.project("default")
        production, test = project.environments
        changed = replace(
            production, former_sdk_keys={"sdk-old": expiry}, former_mobile_keys={"mob-old": expiry}
        )
        transaction.put(("project", "", "default"), replace(project, environments=(changed, test)), "reset")
    for kind, old, new in (("server", "sdk-old", "sdk-production"), ("mobile", "mob-old", "mob-production")):
        assert (store.place_of(kind, old) is not None) is opens  # type: ignore[arg-type]
        assert store.place_of(kind, new) is not None  # type: ignore[arg-type]
    assert changed.sdk_keys(expiry + after_ms) == (
        ("sdk-production", "sdk-old") if opens else ("sdk-production",)
    )
    assert all(b"sdk-old" not in (row["after"] or b"") for row in store.audit_entries())
    store.close()
