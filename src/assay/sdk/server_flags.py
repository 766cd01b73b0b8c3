"""Flags and segments to server-side SDKs: streams, polls and single ones, in both delivery protocols."""

from collections.abc import Mapping
from typing import Any

import msgspec

from assay.errors import NotFound
from assay.sdk import fdv2
from assay.sdk.broadcast import Update, encode_message
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange
from assay.sdk.streams import Streams
from assay.sdk.wire import JSON, Headers
from assay.store.flag_sets import FlagSets
from assay.store.store import Place
from assay.store.transaction import Kind


class ServerFlags:
    """The handlers of every endpoint that a server-side SDK reads flags from."""

    def __init__(self, flag_sets: FlagSets, streams: Streams, find_place: FindPlace) -> None:
        self._flag_sets = flag_sets
        self._streams = streams
        self._find_place = find_place

    async def stream(self, exchange: Exchange) -> None:
        """`/all`: a `put` of everything, then each change."""
        place = self._find_place(exchange)

        def begin() -> bytes:
            return b'event: put\ndata: {"path":"/","data":%s}\n\n' % self._flag_sets.current(place).body

        await self._streams.follow(exchange, self._find_place, begin, lambda update: update.message)

    async def stream_flags_only(self, exchange: Exchange) -> None:
        """`/flags`, for SDKs from before segments: paths without a prefix."""
        place = self._find_place(exchange)

        def begin() -> bytes:
            return encode_message("put", self._flag_sets.current(place).flags)

        await self._streams.follow(exchange, self._find_place, begin, _flags_only)

    async def poll(self, exchange: Exchange) -> None:
        """`/sdk/latest-all`."""
        place = self._find_place(exchange)
        flags = self._flag_sets.current(place)
        await answer_cacheable(exchange, place, flags.etag, flags.body)

    async def all_flags(self, exchange: Exchange) -> None:
        """`/sdk/flags`, for PHP."""
        place = self._find_place(exchange)
        flags = self._flag_sets.current(place)
        await answer_cacheable(exchange, place, flags.etag, msgspec.json.encode(flags.flags))

    async def one_flag(self, exchange: Exchange) -> None:
        """`/sdk/flags/{key}`, for PHP; 404 tells it that there is no such flag."""
        place = self._find_place(exchange)
        await self._one(exchange, place, "flag", self._flag_sets.current(place).flags)

    async def one_segment(self, exchange: Exchange) -> None:
        """`/sdk/segments/{key}`, for PHP."""
        place = self._find_place(exchange)
        await self._one(exchange, place, "segment", self._flag_sets.current(place).segments)

    async def poll_changes(self, exchange: Exchange) -> None:
        """`/sdk/poll`: the change set from the `basis` that the SDK has."""
        place = self._find_place(exchange)
        events = self._transfer(place, exchange.query("basis"))
        await exchange.answer(200, [*JSON, *named(place)], msgspec.json.encode(fdv2.polled(events)))

    async def stream_changes(self, exchange: Exchange) -> None:
        """`/sdk/stream`: the same, then each change as it comes."""
        place = self._find_place(exchange)
        environment_id = place[1].id

        def begin() -> bytes:
            return fdv2.streamed(self._transfer(place, exchange.query("basis")))

        def render(update: Update) -> bytes:
            if "fdv2" not in update.encoded:
                events = [_changed(update), fdv2.transferred(environment_id, update.version)]
                update.encoded["fdv2"] = fdv2.streamed(events)
            return update.encoded["fdv2"]

        await self._streams.follow(exchange, self._find_place, begin, render)

    async def _one(
        self, exchange: Exchange, place: Place, kind: Kind, known: Mapping[str, dict[str, Any]]
    ) -> None:
        found = known.get(exchange.segment("key"))
        if found is None:
            raise NotFound(f"Unknown {kind} key {exchange.segment('key')!r}")
        etag = f'"{place[1].id}-{found["version"]}"'
        await answer_cacheable(exchange, place, etag, msgspec.json.encode(found))

    def _transfer(self, place: Place, basis: str | None) -> list[fdv2.Event]:
        current = self._flag_sets.current(place)
        known: tuple[tuple[Kind, dict[str, dict[str, Any]]], ...] = (
            ("segment", current.segments),
            ("flag", current.flags),
        )
        objects = [
            fdv2.put_object(kind, key, found["version"], found)
            for kind, all_of_kind in known
            for key, found in all_of_kind.items()
        ]
        return fdv2.transfer(place[1].id, current.version, objects, basis)


def _changed(update: Update) -> fdv2.Event:
    """A change after the first transfer, which needs no new intent."""
    if update.delivered is None:
        return fdv2.delete_object(update.kind, update.key, update.version)
    return fdv2.put_object(update.kind, update.key, update.version, update.delivered)


def _flags_only(update: Update) -> bytes:
    if update.kind == "segment":
        return b""
    path = f"/{update.key}"
    if update.delivered is None:
        return encode_message("delete", {"path": path, "version": update.version})
    return encode_message("patch", {"path": path, "data": update.delivered})


async def answer_cacheable(exchange: Exchange, place: Place, etag: str, body: bytes) -> None:
    """The body, or 304 where the client has this very state."""
    headers = [(b"etag", etag.encode()), *named(place)]
    if exchange.header(b"if-none-match") == etag:
        await exchange.answer(304, headers)
    else:
        await exchange.answer(200, [*JSON, *headers], body)


def named(place: Place) -> Headers:
    """The header by which an SDK learns its environment's id."""
    return [(b"x-ld-envid", place[1].id.encode())]
