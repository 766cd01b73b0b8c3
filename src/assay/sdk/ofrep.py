"""The OpenFeature Remote Evaluation Protocol: flags for any OpenFeature client, one by one or all at once.

Whoever shows an SDK key, a mobile key or a client-side id (as a bearer token or in `X-API-Key`) may ask; with the
latter two for the flags that such SDKs may see.
"""

import zlib
from typing import Any

import msgspec

from assay.errors import Forbidden, InvalidRequest, Unauthorized
from assay.flags.context import parse_context
from assay.flags.evaluation import CompiledFlag, CompiledSet, evaluate
from assay.flags.results import Evaluation
from assay.sdk.endpoint import Exchange
from assay.sdk.wire import JSON, Budget, decode_json, read_body
from assay.store.flag_sets import FlagSets
from assay.store.store import CredentialKind, Place, Store

LARGEST_REQUEST_BYTES = 4_000_000
KINDS: tuple[CredentialKind, ...] = ("server", "mobile", "client")

REASONS = {
    "OFF": "DISABLED",
    "FALLTHROUGH": "DEFAULT",
    "TARGET_MATCH": "TARGETING_MATCH",
    "RULE_MATCH": "TARGETING_MATCH",
    "PREREQUISITE_FAILED": "DEFAULT",
}


class Ofrep:
    """The handlers of both endpoints."""

    def __init__(self, store: Store, flag_sets: FlagSets, budget: Budget) -> None:
        self._store = store
        self._flag_sets = flag_sets
        self._budget = budget

    async def single(self, exchange: Exchange) -> None:
        """One flag: 200, 404 where there is no such flag, 400 where the context can't be read."""
        kind, place = self._place(exchange)
        key = exchange.segment("key")
        context, problem = await self._context(exchange)
        if problem is not None:
            await exchange.answer(400, JSON, msgspec.json.encode({"key": key, **problem}))
            return
        _, compiled = self._flag_sets.compiled(place)
        seen = {flag.flag.key for flag in _seen(compiled, kind)}
        evaluation = evaluate(compiled, key, context) if key in seen else None
        if evaluation is None:
            body = {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"there is no flag {key!r}"}
            await exchange.answer(404, JSON, msgspec.json.encode(body))
        elif evaluation.reason["kind"] == "ERROR":
            await exchange.answer(400, JSON, msgspec.json.encode(_member(evaluation)))
        else:
            await exchange.answer(200, JSON, msgspec.json.encode(_member(evaluation)))

    async def bulk(self, exchange: Exchange) -> None:
        """All flags that the credential may see; 304 where none has changed."""
        kind, place = self._place(exchange)
        context, problem = await self._context(exchange)
        if problem is not None:
            await exchange.answer(400, JSON, msgspec.json.encode(problem))
            return
        version, compiled = self._flag_sets.compiled(place)
        found = [evaluate(compiled, flag.flag.key, context) for flag in _seen(compiled, kind)]
        body = msgspec.json.encode({"flags": [_member(evaluation) for evaluation in found if evaluation]})
        etag = f'"{place[1].id}-{version}-{zlib.crc32(body):x}"'
        if exchange.header(b"if-none-match") == etag:
            await exchange.answer(304, [(b"etag", etag.encode())])
        else:
            await exchange.answer(200, [*JSON, (b"etag", etag.encode())], body)

    def _place(self, exchange: Exchange) -> tuple[CredentialKind, Place]:
        given = exchange.header(b"x-api-key") or exchange.header(b"authorization") or ""
        credential = given.removeprefix("Bearer ").strip()
        for kind in KINDS:
            place = self._store.place_of(kind, credential)
            if place is None:
                continue
            if kind == "client" and place[1].secure_mode:
                # Nothing in this protocol could prove the context.
                raise Forbidden(
                    "the environment is in secure mode, which needs another key than the client-side id"
                )
            return kind, place
        raise Unauthorized("Unknown key")

    async def _context(self, exchange: Exchange) -> tuple[Any, dict[str, str] | None]:
        """The context of the request, or else the protocol's error."""
        raw = await read_body(exchange.receive, LARGEST_REQUEST_BYTES, self._budget)
        self._budget.give_back(len(raw))
        try:
            body = decode_json(raw)
        except InvalidRequest:
            return None, {"errorCode": "PARSE_ERROR", "errorDetails": "the body is no JSON"}
        given = body.get("context") if isinstance(body, dict) else None
        if not isinstance(given, dict):
            return None, {"errorCode": "INVALID_CONTEXT", "errorDetails": "context is an object"}
        if not given.get("targetingKey") and not given.get("key") and given.get("kind") != "multi":
            return None, {"errorCode": "TARGETING_KEY_MISSING", "errorDetails": "targetingKey is needed"}
        try:
            return parse_context(_with_key(given)), None
        except InvalidRequest as error:
            return None, {"errorCode": "INVALID_CONTEXT", "errorDetails": str(error)}


def _with_key(given: dict[str, Any]) -> dict[str, Any]:
    """OpenFeature's context as one of ours: its targeting key is the key, its kind is `user` unless it says."""
    attributes = {name: value for name, value in given.items() if name != "targetingKey"}
    if attributes.get("kind") == "multi":
        return attributes
    key = given.get("targetingKey") or given.get("key")
    return {"kind": "user", **attributes, "key": key}


def _seen(compiled: CompiledSet, kind: CredentialKind) -> tuple[CompiledFlag, ...]:
    if kind == "server":
        return tuple(compiled.flags.values())
    return compiled.mobile if kind == "mobile" else compiled.browser


def _member(evaluation: Evaluation) -> dict[str, Any]:
    reason, key = evaluation.reason, evaluation.flag.key
    if reason["kind"] == "ERROR":
        return {"key": key, "errorCode": "GENERAL", "errorDetails": str(reason.get("errorKind", ""))}
    split = reason.get("inExperiment")
    body = {
        "key": key,
        "reason": "SPLIT" if split else REASONS[reason["kind"]],
        "metadata": {"version": evaluation.flag.version},
    }
    if evaluation.variation is not None:
        body |= {"value": evaluation.value, "variant": str(evaluation.variation)}
    return body
