"""What it costs to evaluate all flags for a browser: processor time of the server, against a bare ASGI application.

Fifty flags, half of them with a rule or a rollout, and a context in each request that was never seen before, so that
no answer can be kept. Both servers run under uvicorn in a process of their own and get the same requests over the
same number of connections; `bare` answers as many bytes without looking at the request.
"""

import asyncio
import base64
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.request import Request, urlopen

from bench_intake import processor_s, served

CONNECTIONS = 16
FLAGS = 50
REQUESTS = 5000
ROUNDS = 5

BARE = """
import uvicorn
async def bare(scope, receive, send):
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%(size)d")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * %(size)d})
config = uvicorn.Config(bare, port=0, lifespan="off", log_config=None, access_log=False)
listening = config.bind_socket()
print("listens on http://127.0.0.1:%%d" %% listening.getsockname()[1], flush=True)
uvicorn.Server(config).run(sockets=[listening])
"""

_numbers = count()


class Rest:
    """A server's REST API."""

    def __init__(self, host: str, folder: str) -> None:
        self._host = host
        self._token = (Path(folder) / "admin-token").read_text().strip()

    def __call__(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._token, "Content-Type": "application/json"}
        with urlopen(Request(f"{self._host}/api/v2{path}", data, headers, method=method)) as response:
            found: dict[str, object] = json.load(response)
            return found


def create_flags(rest: Rest) -> None:
    """Every other flag is on with a rule, or else a rollout; all may be seen by browsers."""
    for number in range(FLAGS):
        flag = {
            "key": f"flag-{number}",
            "name": f"flag {number}",
            "clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": True},
        }
        rest("POST", "/flags/default", flag)
        on = {"op": "replace", "path": "/environments/production/on", "value": True}
        patch = [on, *([decision(number)] if number % 2 else [])]
        rest("PATCH", f"/flags/default/flag-{number}", patch)


def decision(number: int) -> dict[str, object]:
    """A patch with a rule of two clauses for every fourth flag, with a rollout for another fourth."""
    if number % 4 == 1:
        clauses = [
            {"attribute": "country", "op": "in", "values": ["NL", "BE"], "contextKind": "user"},
            {"attribute": "email", "op": "endsWith", "values": [f"{number}.example"], "contextKind": "user"},
        ]
        rule = {"clauses": clauses, "variation": 0}
        return {"op": "add", "path": "/environments/production/rules/0", "value": rule}
    weights = [{"variation": 0, "weight": 40_000}, {"variation": 1, "weight": 60_000}]
    value = {"rollout": {"variations": weights}}
    return {"op": "replace", "path": "/environments/production/fallthrough", "value": value}


def requests(environment: str, number: int) -> Iterator[bytes]:
    """Each with a context of its own, as a browser sends it."""
    for _ in range(number):
        unit = next(_numbers)
        context = {
            "kind": "user",
            "key": f"unit-{unit}",
            "name": "Ann Example",
            "email": f"ann@{unit % 100}.example",
            "country": "NL" if unit % 2 else "DE",
            "plan": "pro",
        }
        encoded = base64.urlsafe_b64encode(json.dumps(context).encode()).rstrip(b"=")
        yield (
            b"GET /sdk/evalx/%s/contexts/%s HTTP/1.1\r\nHost: bench\r\nOrigin: https://shop.example\r\n"
            b"Accept: */*\r\nX-LaunchDarkly-User-Agent: JSClient/3.9.5\r\n\r\n"
            % (environment.encode(), encoded)
        )


async def get_all(host: str, prepared: list[bytes]) -> None:
    """The answers to all requests, each of which must be a 200, over `CONNECTIONS` connections."""
    address, port = host.removeprefix("http://").split(":")
    left = iter(prepared)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(address, int(port))
        for request in left:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(content_length(head))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


def content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])


def cost(pid: int, host: str, environment: str) -> tuple[float, float]:
    """Microseconds of processor time for each request, and requests in a second of the wall's clock."""
    prepared = list(requests(environment, REQUESTS))
    before, started = processor_s(pid), time.perf_counter()
    asyncio.run(get_all(host, prepared))
    elapsed = time.perf_counter() - started
    return (processor_s(pid) - before) / REQUESTS * 1e6, REQUESTS / elapsed


def answer_size(host: str, environment: str) -> int:
    """Bytes of an answer, which must have every flag."""
    path = next(requests(environment, 1)).split()[1].decode()
    with urlopen(host + path) as response:
        body = response.read()
    assert len(json.loads(body)) == FLAGS
    return len(body)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "assay", "serve", "--data", folder, "--port", "0"]
        with served(serve, folder) as (pid, host):
            rest = Rest(host, folder)
            create_flags(rest)
            project: dict[str, object] = rest("GET", "/projects/default?expand=environments")
            found = project["environments"]["items"]  # type: ignore[index]
            environment = next(str(item["_id"]) for item in found if item["key"] == "production")
            size = answer_size(host, environment)
            with served([sys.executable, "-c", BARE % {"size": size}], folder) as (bare_pid, bare_host):
                report(
                    size,
                    [
                        (cost(pid, host, environment), cost(bare_pid, bare_host, environment))
                        for _ in range(ROUNDS)
                    ],
                )


def report(size: int, rounds: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    print(
        f"evalx with {FLAGS} flags, {size} bytes an answer, medians of {ROUNDS} rounds of {REQUESTS} requests"
    )
    print(f"{'':>8}{'µs of processor':>17}{'a core, requests/s':>20}{'as measured':>13}")
    for name, costs in zip(("assay", "bare"), zip(*rounds, strict=True), strict=True):
        spent, rate = (statistics.median(values) for values in zip(*costs, strict=True))
        print(f"{name:>8}{spent:>17.0f}{1e6 / spent:>20.0f}{rate:>13.0f}")
    ratio = statistics.median(ours[0] / bare[0] for ours, bare in rounds)
    print(f"{'ratio':>8}{ratio:>17.1f}")


if __name__ == "__main__":
    main()
