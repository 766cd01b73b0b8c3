"""What it costs to accept an event: processor time of the server, against a bare ASGI application that only answers.

Both run under uvicorn in a process of their own and get the same payloads over the same number of connections. The
ratio is what counts: `bare` neither reads, checks, stores nor loads anything.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

CONNECTIONS = 16
EVENTS = 100_000
MOST_PAYLOADS = 5000
ROUNDS = 3
SIZES = (3, 100, 1000)

BARE = """
import uvicorn
async def bare(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
config = uvicorn.Config(bare, port=0, lifespan="off", log_config=None, access_log=False)
listening = config.bind_socket()
print("listens on http://127.0.0.1:%d" % listening.getsockname()[1], flush=True)
uvicorn.Server(config).run(sockets=[listening])
"""


def payload(size: int) -> bytes:
    """Six exposures, three metric events and an index in every ten, with contexts of a realistic size."""
    attributes = {
        "name": "Ann Example",
        "email": "ann@example.com",
        "country": "NL",
        "plan": "pro",
        "beta": True,
    }
    events = []
    for n in range(size):
        context = {"kind": "user", "key": f"unit-{n}", **attributes}
        common = {"creationDate": 1_795_448_807_334 + n, "context": context}
        feature = {
            "kind": "feature",
            "key": "flag",
            "version": 3,
            "variation": n % 2,
            "value": True,
            "default": False,
        }
        custom = {"kind": "custom", "key": "purchase", "metricValue": 12.5, "data": {"sku": "X1"}}
        kind = feature if n % 10 < 6 else custom if n % 10 < 9 else {"kind": "index"}
        events.append({**kind, **common, **({"reason": {"kind": "FALLTHROUGH"}} if kind is feature else {})})
    return json.dumps(events).encode()


@contextmanager
def served(command: list[str], folder: str) -> Iterator[tuple[int, str]]:
    """A server's process id and address."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listens on (\S+)", line):
                yield process.pid, found[1]
                return
        raise SystemExit("a server did not start")
    finally:
        process.terminate()
        process.wait()


def processor_s(pid: int) -> float:
    """Processor time of a process so far, all threads that still run."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


async def post_all(host: str, key: str, body: bytes, count: int) -> None:
    """`count` payloads over `CONNECTIONS` connections, each with an id of its own."""
    address, port = host.removeprefix("http://").split(":")
    left = iter(range(count))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(address, int(port))
        for _ in left:
            head = (
                f"POST /bulk HTTP/1.1\r\nHost: bench\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
                f"X-LaunchDarkly-Payload-ID: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 202 " in answer, answer
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


def cost_us(pid: int, host: str, key: str, size: int) -> float:
    """Microseconds of processor time for each event."""
    body, count = payload(size), min(MOST_PAYLOADS, EVENTS // size)
    asyncio.run(post_all(host, key, body, 10))
    before = processor_s(pid)
    asyncio.run(post_all(host, key, body, count))
    return (processor_s(pid) - before) / (count * size) * 1e6


def sdk_key(host: str, folder: str) -> str:
    token = (Path(folder) / "admin-token").read_text().strip()
    request = Request(f"{host}/api/v2/projects/default?expand=environments", headers={"Authorization": token})
    with urlopen(request) as response:
        return str(json.load(response)["environments"]["items"][0]["apiKey"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "assay", "serve", "--data", folder, "--port", "0"]
        with (
            served(serve, folder) as (pid, host),
            served([sys.executable, "-c", BARE], folder) as (bare_pid, bare_host),
        ):
            key = sdk_key(host, folder)
            print(
                "processor time of one event (µs), median of",
                ROUNDS,
                "rounds; loading into the tables included",
            )
            print(f"{'events a payload':>17}{'assay':>9}{'bare':>9}{'ratio':>8}")
            for size in SIZES:
                pairs = [
                    (cost_us(pid, host, key, size), cost_us(bare_pid, bare_host, key, size))
                    for _ in range(ROUNDS)
                ]
                ours, bare = (statistics.median(values) for values in zip(*pairs, strict=True))
                ratio = statistics.median(ours / bare for ours, bare in pairs)
                print(f"{size:>17}{ours:>9.2f}{bare:>9.2f}{ratio:>8.1f}")


if __name__ == "__main__":
    main()
