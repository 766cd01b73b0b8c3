"""Rooms depend only downwards: the contracts of pyproject.toml, checked."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 kept, 0 broken" in done.stdout


def test_starting_the_server_does_not_load_what_only_some_requests_need() -> None:
    costly = ["alembic", "scipy.stats", "ldclient"]
    script = f"import sys, assay.cli; print([name for name in {costly} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
