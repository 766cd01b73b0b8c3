"""Real clients from PyPI and npm, each version in a folder of its own below `.venv/clients`, installed on demand."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv" / "clients"


def python_client(name: str, version: str) -> Path:
    """The folder to put on PYTHONPATH for a client from PyPI."""
    folder = CLIENTS / f"{name}-{version}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _install(folder, [*command, "--target", str(folder), f"{name}=={version}"])
    return folder


def node_client(*packages: str) -> Path:
    """A folder whose node_modules hold the packages; skips where there is no npm, which CI always has."""
    if shutil.which("npm") is None:
        assert not os.environ.get("CI"), "CI must install Node.js"
        pytest.skip("needs Node.js and npm: apt-get install nodejs npm")
    folder = CLIENTS / "-".join(package.replace("/", "_") for package in packages)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    _install(folder, npm)
    return folder


def run_python(folder: Path, script: str, *arguments: str, check: bool = True) -> str:
    """What a script prints that imports from `folder` before anything else."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script, *arguments]
    return _run(command, environment, check)


def run_node(folder: Path, script: Path, *arguments: str) -> str:
    """What a script prints that requires from the folder's node_modules."""
    environment = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
    return _run(["node", str(script), *arguments], environment, check=True)


def _run(command: list[str], environment: dict[str, str], check: bool) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _install(folder: Path, command: list[str]) -> None:
    """Installs once, even where several test processes ask at the same time."""
    CLIENTS.mkdir(parents=True, exist_ok=True)
    done = folder.with_name(folder.name + ".done")
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            subprocess.run(command, check=True, timeout=280)
            done.touch()
