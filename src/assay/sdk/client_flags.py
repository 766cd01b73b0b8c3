"""Flags to client-side SDKs: evaluated here, for the one context that they show.

The context stands in the path or the body with its private attributes; it is evaluated and forgotten.
"""

import hmac
import time
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from assay.errors import InvalidRequest
from assay.flags.client_side import Audience, encode_patch, evaluate_all
from assay.flags.context import Context, parse_context, secure_mode_hash
from assay.flags.evaluation import CompiledSet, evaluate
from assay.sdk import fdv2
from assay.sdk.broadcast import Update, encode_message
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange
from assay.sdk.server_flags import answer_cacheable, named
from assay.sdk.streams import Streams
from assay.sdk.wire import JSON, Budget, decode_base64, decode_json, read_body
from assay.store.flag_sets import FlagSets
from assay.store.store import Place
from assay.store.transaction import Kind

LARGEST_CONTEXT_BYTES = 4_000_000
PING = b"event: ping\ndata:  \n\n"


class ClientFlags:
    """The handlers of every endpoint that a browser (or a mobile SDK) reads flags from."""

    def __init__(
        self, flag_sets: FlagSets, streams: Streams, find_place: FindPlace, audience: Audience, budget: Budget
    ) -> None:
        self._flag_sets = flag_sets
        self._streams = streams
        self._find_place = find_place
        self._audience = audience
        self._budget = budget

    async def poll(self, exchange: Exchange) -> None:
        """Every flag that this audience may see, by key."""
        place = self._find_place(exchange)
        context, raw = await self._context(exchange, place)
        reasons = _with_reasons(exchange)
        version, compiled = self._flag_sets.compiled(place)
        # The context itself, since REPORT requests for different ones share an address.
        etag = f'"{place[1].id}-{version}-{zlib.crc32(raw):x}{"-r" if reasons else ""}"'
        body = evaluate_all(compiled, context, self._audience, version=version, with_reasons=reasons)
        await answer_cacheable(exchange, place, etag, body)

    async def stream(self, exchange: Exchange) -> None:
        """A `put` of the same, then a `patch` or `delete` for each flag whose result may have changed."""
        place = self._find_place(exchange)
        context = (await self._context(exchange, place))[0]
        reasons = _with_reasons(exchange)

        def begin() -> bytes:
            version, compiled = self._flag_sets.compiled(place)
            body = evaluate_all(compiled, context, self._audience, version=version, with_reasons=reasons)
            return b"event: put\ndata: %s\n\n" % body

        def render(update: Update) -> bytes:
            version, compiled = self._flag_sets.compiled(place)
            keys = self._affected(compiled, version, update, place)
            patches = (self._patch(compiled, key, context, version, reasons) for key in keys)
            return b"".join(patches)

        await self._streams.follow(exchange, self._find_place, begin, render)

    async def ping(self, exchange: Exchange) -> None:
        """A word that there is news; the SDK then polls."""
        await self._streams.follow(exchange, self._find_place, lambda: PING, lambda _: PING)

    async def poll_changes(self, exchange: Exchange) -> None:
        """The second protocol's poll: results as objects of the kind `flag-eval`."""
        place = self._find_place(exchange)
        context = (await self._context(exchange, place))[0]
        events = self._transfer(place, context, exchange)
        await exchange.answer(200, [*JSON, *named(place)], msgspec.json.encode(fdv2.polled(events)))

    async def stream_changes(self, exchange: Exchange) -> None:
        """The second protocol's stream."""
        place = self._find_place(exchange)
        context = (await self._context(exchange, place))[0]
        reasons = _with_reasons(exchange)

        def render(update: Update) -> bytes:
            version, compiled = self._flag_sets.compiled(place)
            keys = self._affected(compiled, version, update, place)
            events = [self._changed(compiled, key, context, version, reasons) for key in keys]
            return fdv2.streamed([*events, fdv2.transferred(place[1].id, version)]) if events else b""

        def begin() -> bytes:
            return fdv2.streamed(self._transfer(place, context, exchange))

        await self._streams.follow(exchange, self._find_place, begin, render)

    async def _context(self, exchange: Exchange, place: Place) -> tuple[Context, bytes]:
        """The context in the path or else the body, proven by its hash where the environment asks for that."""
        encoded = exchange.scope["path_params"].get("context")
        if encoded is not None:
            raw = decode_base64(exchange.segment("context"))
        else:
            raw = await read_body(exchange.receive, LARGEST_CONTEXT_BYTES, self._budget)
            self._budget.give_back(len(raw))
        context = parse_context(decode_json(raw))
        environment = place[1]
        if environment.secure_mode and self._audience == "browser":
            given = (exchange.query("h") or "").encode()
            keys = environment.sdk_keys(time.time_ns() // 1_000_000)
            hashes = [secure_mode_hash(context, key).encode() for key in keys]
            if not any(hmac.compare_digest(expected, given) for expected in hashes):
                raise InvalidRequest(
                    "the environment is in secure mode, and the hash does not fit the context"
                )
        return context, raw

    def _patch(self, compiled: CompiledSet, key: str, context: Context, version: int, reasons: bool) -> bytes:
        evaluation = evaluate(compiled, key, context) if self._visible(compiled, key) else None
        if evaluation is None:
            return encode_message("delete", {"key": key, "version": version})
        return b"event: patch\ndata: %s\n\n" % encode_patch(evaluation, version=version, with_reasons=reasons)

    def _changed(
        self, compiled: CompiledSet, key: str, context: Context, version: int, reasons: bool
    ) -> fdv2.Event:
        evaluation = evaluate(compiled, key, context) if self._visible(compiled, key) else None
        if evaluation is None:
            return fdv2.delete_object("flag-eval", key, version)
        result = msgspec.json.decode(encode_patch(evaluation, version=version, with_reasons=reasons))
        return _flag_eval(key, version, result)

    def _transfer(self, place: Place, context: Context, exchange: Exchange) -> list[fdv2.Event]:
        version, compiled = self._flag_sets.compiled(place)
        reasons = _with_reasons(exchange)
        body = evaluate_all(compiled, context, self._audience, version=version, with_reasons=reasons)
        results: dict[str, Any] = msgspec.json.decode(body)
        objects = [_flag_eval(key, version, result) for key, result in results.items()]
        return fdv2.transfer(place[1].id, version, objects, exchange.query("basis"))

    def _affected(self, compiled: CompiledSet, version: int, update: Update, place: Place) -> list[str]:
        if version not in update.affected:
            update.affected[version] = affected_keys(compiled, update.kind, update.key)
        shown = self._flag_sets.shown(place, self._audience)
        return [key for key in update.affected[version] if key in shown]

    def _visible(self, compiled: CompiledSet, key: str) -> bool:
        flag = compiled.flags.get(key)
        if flag is None:
            return False
        return bool(flag.flag.for_browsers if self._audience == "browser" else flag.flag.for_mobile)


def affected_keys(compiled: CompiledSet, kind: Kind, changed: str) -> list[str]:
    """The flag that changed, or those that ask for the segment that did, and whoever asks for them in turn."""
    return _asking(compiled, [changed] if kind == "flag" else _flags_with_segment(compiled, changed))


def _asking(compiled: CompiledSet, asked: list[str]) -> list[str]:
    """These flags and those that ask for them, directly or through others, as prerequisites."""
    affected, found = list(asked), set(asked)
    for key in affected:
        for other, flag in compiled.flags.items():
            wanted = {prerequisite["key"] for prerequisite in flag.source.get("prerequisites") or ()}
            if key in wanted and other not in found:
                found.add(other)
                affected.append(other)
    return affected


def _flags_with_segment(compiled: CompiledSet, changed: str) -> list[str]:
    """The flags that ask for a segment, directly or through other segments."""
    segments = {key: _segments_asked(source) for key, source in compiled.segment_sources.items()}
    affected, added = {changed}, True
    while added:
        more = {key for key, asked in segments.items() if asked & affected} - affected
        affected, added = affected | more, bool(more)
    return [key for key, flag in compiled.flags.items() if _segments_asked(flag.source) & affected]


def _segments_asked(source: Mapping[str, Any]) -> set[str]:
    """The segments that the rules of a flag or a segment name."""
    return {
        value
        for rule in source.get("rules") or ()
        for clause in rule["clauses"]
        if clause["op"] == "segmentMatch"
        for value in clause["values"]
        if isinstance(value, str)
    }


def _flag_eval(key: str, version: int, result: dict[str, Any]) -> fdv2.Event:
    """A result as an object, whose version and key stand around it."""
    content = {name: value for name, value in result.items() if name not in ("key", "version")}
    return fdv2.put_object("flag-eval", key, version, content)


def _with_reasons(exchange: Exchange) -> bool:
    return exchange.query("withReasons") == "true"
