"""Fan-out: how long until a flag's change has reached the last of many idle streams, and what a stream weighs.

`bench_streams.py 10000 browser` asks for streams whose every message is evaluated for a context of its own. The
reference, in the same run, is a bare asyncio server that writes the same bytes to the same number of sockets.
"""

import base64
import json
import re
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

CHANGES = 5
FIRST_MESSAGE = re.compile(rb"event: put\ndata: .*\n\n")

BARE = """
import asyncio, sys
writers = []
async def stream(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\n\\r\\nevent: put\\ndata: {}\\n\\n")
    writers.append(writer)
async def main():
    server = await asyncio.start_server(stream, "127.0.0.1", 0, backlog=4096)
    print("listens on http://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        for writer in writers:
            writer.write(b"event: patch\\ndata: " + b"x" * 500 + b"\\n\\n")
import uvloop
uvloop.run(main())
"""


def start(command: list[str]) -> tuple[subprocess.Popen[str], str, int]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"listens on (http://127.0.0.1:(\d+))", line):
            return process, found[1], int(found[2])
    raise SystemExit("a server did not start")


def memory_kb(pid: int) -> int:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def request(target: str, key: str, number: int) -> bytes:
    """A server-side SDK's, or with the target `/eval/...` a browser's, for a context of its own."""
    if target != "/all":
        context = json.dumps({"kind": "user", "key": f"unit-{number}"}).encode()
        target = f"{target}/{base64.urlsafe_b64encode(context).rstrip(b'=').decode()}"
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: {key}\r\n\r\n".encode()


def open_streams(port: int, target: str, key: str, count: int) -> list[socket.socket]:
    """Connections that have got their first message."""
    streams = []
    for number in range(count):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(request(target, key, number))
        streams.append(stream)
    for stream in streams:
        received = b""
        while not FIRST_MESSAGE.search(received):
            received += stream.recv(65536)
        stream.setblocking(False)
    return streams


def last_heard_ms(streams: list[socket.socket], change: object) -> float:
    """From the change until the last stream has got it."""
    selector = selectors.DefaultSelector()
    for stream in streams:
        selector.register(stream, selectors.EVENT_READ)
    started = time.perf_counter()
    change()  # type: ignore[operator]
    left = len(streams)
    while left:
        for ready, _ in selector.select(10):
            stream = ready.fileobj
            assert isinstance(stream, socket.socket)
            if b"event: patch" in stream.recv(65536):
                selector.unregister(stream)
                left -= 1
    selector.close()
    return (time.perf_counter() - started) * 1000


def measure(pid: int, port: int, target: str, key: str, *, count: int, change: object) -> tuple[float, float]:
    """The median time until the last stream heard (ms), and memory for each stream (kB)."""
    before = memory_kb(pid)
    streams = open_streams(port, target, key, count)
    weight = (memory_kb(pid) - before) / count
    times = [last_heard_ms(streams, change) for _ in range(CHANGES)]
    for stream in streams:
        stream.close()
    return statistics.median(times), weight


def main(count: int, who: str) -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (min(2 * count + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2
    )
    with tempfile.TemporaryDirectory() as folder:
        ours, host, port = start([sys.executable, "-m", "assay", "serve", "--data", folder, "--port", "0"])
        bare, _, bare_port = start([sys.executable, "-c", BARE])
        token = (Path(folder) / "admin-token").read_text().strip()

        def rest(method: str, path: str, body: object = None) -> dict[str, object]:
            data = None if body is None else json.dumps(body).encode()
            with urlopen(
                Request(f"{host}/api/v2{path}", data, {"Authorization": token}, method=method)
            ) as response:
                found: dict[str, object] = json.load(response)
                return found

        seen = {"usingEnvironmentId": True, "usingMobileKey": True}
        rest("POST", "/flags/default", {"key": "flag", "name": "flag", "clientSideAvailability": seen})
        project: dict[str, object] = rest("GET", "/projects/default?expand=environments")
        found = project["environments"]["items"]  # type: ignore[index]
        environment = next(item for item in found if item["key"] == "production")
        key = str(environment["apiKey"])
        target = "/all" if who == "server" else f"/eval/{environment['_id']}"
        on = iter([True, False] * CHANGES)

        def change() -> None:
            rest(
                "PATCH",
                "/flags/default/flag",
                [{"op": "replace", "path": "/environments/production/on", "value": next(on)}],
            )

        def change_bare() -> None:
            assert bare.stdin is not None
            bare.stdin.write("\n")
            bare.stdin.flush()

        heard, weight = measure(ours.pid, port, target, key, count=count, change=change)
        bare_heard, bare_weight = measure(bare.pid, bare_port, target, key, count=count, change=change_bare)
        print(f"{count} streams of {who}s, medians of {CHANGES} changes")
        print(f"{'':>8}{'last heard ms':>15}{'kB a stream':>13}")
        print(f"{'assay':>8}{heard:>15.0f}{weight:>13.1f}")
        print(f"{'bare':>8}{bare_heard:>15.0f}{bare_weight:>13.1f}")
        print(f"{'ratio':>8}{heard / bare_heard:>15.1f}{weight / bare_weight:>13.1f}")
        for process in (ours, bare):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, sys.argv[2] if len(sys.argv) > 2 else "server")
