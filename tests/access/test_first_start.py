"""The first start makes what is missing, and no start ever locks anybody out."""

from pathlib import Path

import pytest

from assay.access import first_start
from assay.access.first_start import prepare, write_secret
from assay.access.tokens import authenticate
from assay.errors import DataFolderError, Unauthorized
from assay.store.store import Store
from store.projects import environment, open_store

ENVIRONMENTS = (environment("production"), environment("test"))
PRESET = "a-secret-of-sixteen"


def start(folder: Path, preset: str = "") -> tuple[Store, str | None]:
    store = open_store(folder)
    try:
        return store, prepare(store, folder, ENVIRONMENTS, preset)
    except BaseException:
        store.close()
        raise


def test_the_first_start_makes_a_project_and_an_admin_s_token(tmp_path: Path) -> None:
    store, secret = start(tmp_path)
    assert [item.key for item in store.state.project("default").environments] == ["production", "test"]
    assert secret is not None
    assert authenticate(store, secret).role == "admin"
    file = tmp_path / "admin-token"
    assert file.read_text() == secret + "\n"
    assert file.stat().st_mode & 0o777 == 0o600
    store.close()


def test_a_second_start_makes_nothing(tmp_path: Path) -> None:
    first, secret = start(tmp_path)
    before = first.state.all("token")
    first.close()
    again, shown = start(tmp_path)
    assert (shown, again.state.all("token")) == (None, before)
    assert (tmp_path / "admin-token").read_text() == f"{secret}\n"
    again.close()


def test_a_preset_token_is_made_once_on_whichever_start(tmp_path: Path) -> None:
    first, _ = start(tmp_path)
    first.close()
    for shown in (PRESET, None):
        store, secret = start(tmp_path, PRESET)
        assert secret == shown
        assert authenticate(store, PRESET).role == "admin"
        assert len(store.state.all("token")) == 2
        store.close()


def test_a_preset_token_that_is_too_short_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(DataFolderError, match="8"):
        prepare(store, tmp_path, ENVIRONMENTS, "x" * 7)
    assert store.state.all("project") == {}
    store.close()


def test_a_start_that_can_not_write_the_secret_makes_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(first_start, "write_secret", full)
        with pytest.raises(OSError, match="space"):
            start(tmp_path)
    store, secret = start(tmp_path)
    assert secret is not None
    assert authenticate(store, secret).role == "admin"
    store.close()


def test_a_secret_is_written_over_an_older_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "admin-token"
    path.write_text("a much longer secret than the new one\n")
    path.chmod(0o644)
    write_secret(path, "short")
    assert path.read_text() == "short\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_token_of_an_interrupted_start_is_nobody_s(tmp_path: Path) -> None:
    write_secret(tmp_path / "admin-token", "api-left-behind")
    store, secret = start(tmp_path)
    assert (tmp_path / "admin-token").read_text() == f"{secret}\n"
    with pytest.raises(Unauthorized):
        authenticate(store, "api-left-behind")
    store.close()
