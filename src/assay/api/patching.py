"""The dialects of PATCH: told apart by the shape of the body, whatever its content type says."""

import copy
from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict, TypeVar

import jsonpatch
import jsonpointer
import msgspec

from assay.errors import InvalidRequest, OptimisticLock, PatchFailed
from assay.store.records import Environment

T = TypeVar("T")

PatchOperation = TypedDict(
    "PatchOperation",
    {
        "op": Required[Literal["add", "remove", "replace", "move", "copy", "test"]],
        "path": Required[str],
        "from": str,
        "value": Any,
    },
    total=False,
)


class CommentedPatch(TypedDict, total=False):
    """A JSON Patch with a comment for the audit log."""

    patch: Required[list[PatchOperation]]
    comment: str


class Merge(TypedDict, total=False):
    """A merge patch with a comment for the audit log."""

    merge: Required[dict[str, Any]]
    comment: str


class Instructions(TypedDict, total=False):
    """A semantic patch: each instruction has a `kind` and that kind's parameters."""

    instructions: Required[list[dict[str, Any]]]
    environmentKey: str
    comment: str


# The dialects as the API's description shows them, wherever an operation says nothing narrower.
PatchBody = list[PatchOperation] | CommentedPatch | Merge | Instructions


@dataclass(frozen=True, slots=True)
class JsonPatch:
    operations: list[Any]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class MergePatch:
    changes: dict[str, Any]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class SemanticPatch:
    instructions: list[Any]
    environment: str | None
    comment: str = ""


def parse_patch(body: Any) -> JsonPatch | MergePatch | SemanticPatch:
    """The patch in a body; `InvalidRequest` where it is none of the dialects."""
    if isinstance(body, list):
        return JsonPatch(body)
    if not isinstance(body, dict):
        raise InvalidRequest(
            "a patch is an array of operations, or an object with patch, merge or instructions"
        )
    comment = body.get("comment") or ""
    environment = body.get("environmentKey")
    if not isinstance(comment, str) or not isinstance(environment, str | None):
        raise InvalidRequest("comment and environmentKey are strings")
    if isinstance(body.get("instructions"), list):
        return SemanticPatch(body["instructions"], environment, comment)
    if isinstance(body.get("patch"), list):
        return JsonPatch(body["patch"], comment)
    if isinstance(body.get("merge"), dict):
        return MergePatch(body["merge"], comment)
    raise InvalidRequest("a patch holds an array patch, an array instructions or an object merge")


def patched(document: dict[str, Any], patch: JsonPatch | MergePatch) -> dict[str, Any]:
    """The document after the patch; the one given is left as it is. Raises `PatchFailed` where it doesn't fit."""
    if isinstance(patch, MergePatch):
        merged: dict[str, Any] = _merged(document, patch.changes)
        return merged
    try:
        result = _applied(document, patch.operations)
    except jsonpatch.JsonPatchTestFailed as error:
        raise OptimisticLock(f"the document is not what the patch expects: {error}") from None
    except (jsonpatch.InvalidJsonPatch, TypeError, AttributeError, KeyError) as error:
        raise InvalidRequest(f"this is no JSON Patch: {error}") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, ValueError) as error:
        raise PatchFailed(f"Could not apply patch: {error}") from None
    if not isinstance(result, dict):
        raise PatchFailed("the patch replaces the whole document")
    return result


def only_json(patch: JsonPatch | MergePatch | SemanticPatch) -> JsonPatch | MergePatch:
    """For resources that have no instructions."""
    if isinstance(patch, SemanticPatch):
        raise InvalidRequest("this resource takes a JSON Patch")
    return patch


def require_comment(environment: Environment, comment: str) -> None:
    """Raises `InvalidRequest` where a change in the environment must say why and doesn't."""
    if environment.require_comments and not comment.strip():
        raise InvalidRequest(f"the environment {environment.key!r} requires a comment with each change")


def converted(document: Any, kind: type[T]) -> T:
    """The document as a record; `InvalidRequest` names the first field of a wrong type."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from None


def _applied(document: dict[str, Any], operations: list[Any]) -> Any:
    result: Any = copy.deepcopy(document)
    for operation in operations:
        result = jsonpatch.JsonPatch(_meant(operation, result)).apply(result, in_place=True)
    return result


def _meant(operation: Any, document: Any) -> list[Any]:
    """What clients of this API mean by an operation: it takes more than RFC 6902 allows.

    A member without a value, which answers leave out, can be replaced. Null takes a member's value away, except
    within a variation's value, where it is one.
    """
    if not isinstance(operation, dict) or operation.get("op") not in ("add", "replace"):
        return [operation]
    path = operation.get("path")
    if not isinstance(path, str) or "value" not in operation:
        return [operation]
    pointer = jsonpointer.JsonPointer(path)
    parent, name = pointer.to_last(document)
    if not isinstance(parent, dict) or name is None:
        return [operation]
    if operation["value"] is not None or "value" in pointer.parts:
        return [{**operation, "op": "add"}]
    return [{**operation, "op": "remove"}] if name in parent else []


def _merged(document: Any, changes: Any) -> Any:
    """Source: RFC 7396, section 2."""
    if not isinstance(changes, dict):
        return changes
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result
