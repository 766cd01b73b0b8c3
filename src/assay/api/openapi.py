"""The API's description in OpenAPI 3.1, generated from the table of operations, so that it can't drift from it."""

import functools
import inspect
import re
from types import UnionType
from typing import Any, TypedDict, Union, get_args, get_origin

import msgspec

from assay import __version__
from assay.api.call import ANYONE, BETA, VERSIONS, Answer, Call, Operation
from assay.api.patching import PatchBody
from assay.errors import (
    AssayError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PatchFailed,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)

Schema = dict[str, Any]

READING: tuple[type[AssayError], ...] = (InvalidRequest, NotFound, TooManyRequests, Unavailable)
WRITING: tuple[type[AssayError], ...] = (Conflict, TooLarge, PatchFailed)
WITH_TOKEN: tuple[type[AssayError], ...] = (Unauthorized, Forbidden)

# Query parameters that aren't text, wherever they stand.
WHOLE_NUMBERS = ("limit", "offset", "from", "to", "before", "after", "expiry")

REFERENCE = "#/components/schemas/{name}"


class Refusal(TypedDict):
    """Every error: a code, a message for people, and an id that a line of the server's log may carry."""

    code: str
    message: str
    id: str


def with_description(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations, and one more that describes them and itself."""

    @functools.cache
    def document() -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(_document(described)))

    def get_openapi_spec(_: Call) -> Answer:
        """This description."""
        return Answer(body=document())

    own = Operation("GET", "/api/v2/openapi.json", ANYONE, get_openapi_spec, answer=dict[str, Any])
    described = (*operations, own)
    return described


def description(operations: tuple[Operation, ...]) -> Schema:
    """The whole document, as a client reads it."""
    # Defaults of structs are tuples, which a validator takes for no array.
    plain: Schema = msgspec.json.decode(msgspec.json.encode(_document(operations)))
    return plain


def _document(operations: tuple[Operation, ...]) -> Schema:
    kinds = [kind for row in operations for kind in (*_parts(_body(row)), *_parts(row.answer))]
    schemas, components = msgspec.json.schema_components([Refusal, *kinds], ref_template=REFERENCE)
    by_kind = {str(kind): schema for kind, schema in zip([Refusal, *kinds], schemas, strict=True)}
    paths: dict[str, Schema] = {}
    for row in operations:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assay", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in sorted({_tag(row) for row in operations})],
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": {"version": VERSION},
            "responses": {error.__name__: _refusal(error, by_kind) for error in _errors()},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }


VERSION: Schema = {
    "name": "LD-API-Version",
    "in": "header",
    "description": "The version of the API whose representations are wanted; the founding generation's without it.",
    "schema": {"enum": [*VERSIONS, BETA]},
}


def _operation(row: Operation, by_kind: dict[str, Schema]) -> Schema:
    errors = [
        *READING,
        *(() if row.method == "GET" else WRITING),
        *(() if row.role == ANYONE else WITH_TOKEN),
    ]
    body: Schema = {
        "operationId": operation_id(row),
        "summary": row.handler.__name__.replace("_", " ").capitalize(),
        "tags": [_tag(row)],
        "parameters": [*_parameters(row), {"$ref": "#/components/parameters/version"}],
        "responses": {str(row.status): _success(row, by_kind)}
        | {
            str(error.status): {"$ref": f"#/components/responses/{error.__name__}"}
            for error in sorted(errors, key=lambda error: error.status)
        },
    }
    if text := inspect.getdoc(row.handler):
        body["description"] = text
    if row.role == ANYONE:
        body["security"] = []
    if _body(row) is not None:
        body["requestBody"] = {"required": True, "content": _json(_body(row), by_kind)}
    return body


def operation_id(row: Operation) -> str:
    """The handler's name as clients' generators like it."""
    first, *others = row.handler.__name__.split("_")
    return first + "".join(word.capitalize() for word in others)


def _body(row: Operation) -> Any:
    return PatchBody if row.body is None and row.method == "PATCH" else row.body


def _tag(row: Operation) -> str:
    return row.handler.__module__.rpartition(".")[2].replace("_", " ")


def _parameters(row: Operation) -> list[Schema]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", row.path)
    ]
    in_query = [
        {
            "name": name,
            "in": "query",
            "schema": {"type": "integer", "format": "int64"} if name in WHOLE_NUMBERS else {"type": "string"},
        }
        for name in row.query
    ]
    return [*in_path, *in_query]


def _success(row: Operation, by_kind: dict[str, Schema]) -> Schema:
    body: Schema = {"description": "Done"}
    if row.media:
        return body | {"content": {name: {} for name in row.media}}
    return body if row.answer is None else body | {"content": _json(row.answer, by_kind)}


def _refusal(error: type[AssayError], by_kind: dict[str, Schema]) -> Schema:
    return {"description": error.code, "content": _json(Refusal, by_kind)}


def _errors() -> tuple[type[AssayError], ...]:
    return (*READING, *WRITING, *WITH_TOKEN)


def _json(kind: Any, by_kind: dict[str, Schema]) -> Schema:
    schemas = [by_kind[str(part)] for part in _parts(kind)]
    return {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}


def _parts(kind: Any) -> tuple[Any, ...]:
    """The types that a body may have; unions are taken apart, as msgspec refuses those of several objects."""
    if kind is None:
        return ()
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
