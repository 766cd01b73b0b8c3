"""Two people at one form: whoever saves second is told, and what they typed is kept."""

from typing import Any

from assay.dashboard.forms import Form
from assay.errors import AssayError, Conflict


def version_test(form: Form, path: str) -> list[dict[str, Any]]:
    """The JSON Patch operation that fails unless the record at `path` has the version the form began with."""
    return [{"op": "test", "path": path, "value": form.version()}] if form.text("version") else []


def version_shown(form: Form, version: int, error: AssayError | None = None) -> str:
    """What a form carries: the version it began with, until its sender was told of a newer one."""
    return str(version) if isinstance(error, Conflict) else form.text("version") or str(version)


def told(error: AssayError, form: Form, version: int, noun: str) -> AssayError:
    """The error; where the record has been changed meanwhile, that."""
    if not isinstance(error, Conflict) or form.text("version") in ("", str(version)):
        return error
    return Conflict(
        f"Somebody changed this {noun} while you did. What you entered is kept below; "
        "saving it again replaces what they did."
    )
