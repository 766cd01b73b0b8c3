"""Five thousand flags, fifty writers of one of them: nothing is lost, and nobody sees anything but whole flags."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.flags import Caller
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.model import Fallthrough
from assay.store.store import Store
from flags.flags import config, flag
from live import LiveServer

FLAGS = 5000
WRITERS = 50
CONTESTED = "flag-2500"
PLACE = f"/flags/default/{CONTESTED}"


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    folder: Path = tmp_path_factory.mktemp("many") / "data"
    limits = {"ASSAY_RATE_LIMIT": "1000000"}
    first = LiveServer(folder, limits).start()
    assert first.stop() == 0
    there = config(on=True, fallthrough=Fallthrough(0), off_variation=2)
    store = Store(folder / "metadata.sqlite")
    with store.writing("test") as transaction:
        for number in range(FLAGS):
            made = flag(
                key=f"flag-{number}", name=f"Flag {number}", environments={"production": there, "test": there}
            )
            transaction.put_flag("default", made, FlagExperiments(), "createFlag")
    store.close()
    server = LiveServer(folder, limits).start()
    yield Caller(server)
    assert server.stop() == 0


def served(caller: Caller, unit: str, key: str) -> Any:
    """What an OpenFeature client gets."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    context = {"context": {"targetingKey": unit, "kind": "user", "key": unit}}
    reply = caller.api.request("POST", f"/ofrep/v1/evaluate/flags/{CONTESTED}", context, headers)
    assert reply.status == 200, reply.body
    return reply.body["value"]


def walk(caller: Caller) -> list[str]:
    """The keys of all flags, page by page."""
    found, place = [], "/flags/default?limit=500"
    while place:
        page = caller.get(place)
        assert page["totalCount"] == FLAGS
        found += [one["key"] for one in page["items"]]
        place = page["_links"].get("next", {}).get("href", "").removeprefix("/api/v2")
    return found


def test_pages_hold_every_flag_once(caller: Caller) -> None:
    assert walk(caller) == [f"flag-{number}" for number in range(FLAGS)]


def test_a_filter_looks_at_every_flag(caller: Caller) -> None:
    page = caller.get("/flags/default?filter=query:flag-49&sort=-key")
    wanted = sorted((f"flag-{n}" for n in range(FLAGS) if str(n).startswith("49")), reverse=True)
    assert page["totalCount"] == len(wanted) == 111
    assert [one["key"] for one in page["items"]] == wanted[:20]


def test_fifty_writers_lose_no_update_while_others_read_and_evaluate(caller: Caller) -> None:
    key = caller.api.environment_rep()["apiKey"]
    before = caller.get(PLACE)
    second = before["variations"][1]["_id"]
    clause = {"attribute": "country", "op": "in", "values": ["de"]}
    done = threading.Event()

    def write(number: int) -> Any:
        """A tag by JSON Patch; a target and a rule by instructions, which hold as soon as they are answered."""
        tagged = caller.patch(CONTESTED, [{"op": "add", "path": "/tags/-", "value": f"t{number}"}])
        assert f"t{number}" in tagged["tags"]
        targeted = caller.instruct(
            CONTESTED,
            {"kind": "addUserTargets", "variationId": second, "values": [f"unit-{number}"]},
            {"kind": "addRule", "variationId": second, "clauses": [clause], "description": f"r{number}"},
        )
        assert served(caller, f"unit-{number}", key) == "v1"
        return targeted["_version"], targeted["environments"]["production"]["version"]

    def read(_: int) -> int:
        """A target and its rule come together, and whoever is no target gets what they always got."""
        times = 0
        while not done.is_set():
            there = caller.get(PLACE)["environments"]["production"]
            units = [unit for target in there["targets"] for unit in target["values"]]
            rules = [rule["description"] for rule in there["rules"]]
            assert [unit.removeprefix("unit-") for unit in units] == [
                name.removeprefix("r") for name in rules
            ]
            assert served(caller, "somebody else", key) == "v0"
            times += 1
        return times

    with ThreadPoolExecutor(WRITERS + 3) as pool:
        readers = [pool.submit(read, number) for number in range(2)]
        walker = pool.submit(walk, caller)
        try:
            versions = list(pool.map(write, range(WRITERS)))
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
        assert sorted(walker.result()) == sorted(f"flag-{number}" for number in range(FLAGS))

    after = caller.get(PLACE)
    names = [str(number) for number in range(WRITERS)]
    assert sorted(after["tags"]) == sorted(f"t{name}" for name in names)
    there = after["environments"]["production"]
    assert sorted(rule["description"] for rule in there["rules"]) == sorted(f"r{name}" for name in names)
    assert sorted(there["targets"][0]["values"]) == sorted(f"unit-{name}" for name in names)
    assert after["_version"] == before["_version"] + 2 * WRITERS
    assert after["environments"]["test"] == before["environments"]["test"]
    assert len({version for version, _ in versions}) == WRITERS
    # An environment's flags share one counter, which stood at the number of flags.
    assert sorted(version for _, version in versions) == list(range(FLAGS + 1, FLAGS + 1 + WRITERS))
    assert there["version"] == FLAGS + WRITERS


def test_of_writers_who_test_the_version_first_exactly_one_succeeds(caller: Caller) -> None:
    version = caller.get(PLACE)["_version"]
    body = [{"op": "test", "path": "/_version", "value": version}]

    def write(number: int) -> int:
        patch = [*body, {"op": "replace", "path": "/description", "value": f"by {number}"}]
        return caller.send("PATCH", PLACE, patch).status

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(write, range(WRITERS))) == [200] + [409] * (WRITERS - 1)
