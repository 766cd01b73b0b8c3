"""The command line as a user has it."""

import os
import re
import subprocess
import sys
from pathlib import Path


def assay(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "assay", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def assert_refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    """One clear line on standard error, no traceback, and an exit status that says so."""
    assert done.returncode != 0
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
