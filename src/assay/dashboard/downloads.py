"""Files that pages hand out: those of the REST API's own operations, and how a file is sent."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from assay.api.call import Answer, Call
from assay.dashboard.perform import answer_to
from assay.dashboard.security import HEADERS
from assay.dashboard.visit import Download, Visit
from assay.errors import NotFound

PIECE_BYTES = 65_536


def fetched(
    visit: Visit, handler: Callable[[Call], Answer], query: Mapping[str, str], **path: str
) -> Download:
    """The file that an operation answers with; raises what it raises, `Forbidden` where the visitor may not."""
    found = answer_to(visit, handler, query=query, **path).download
    if found is None:
        raise NotFound("There is no such file")
    return Download(found.name, found.media_type, found.file)


def download_response(shown: Download) -> Response:
    """A large file goes out in pieces, and is closed when the last one went or nobody listens any more."""
    headers = {**HEADERS, "Content-Disposition": _disposition(shown.name)}
    if isinstance(shown.body, bytes):
        return Response(shown.body, 200, headers, shown.media_type)
    headers["Content-Length"] = str(_size(shown.body))
    return StreamingResponse(_pieces(shown.body), 200, headers, shown.media_type)


def _disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
