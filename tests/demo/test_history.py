"""The demo's past: four experiments at four stages, with events that the tables hold."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from assay.app import House, open_house
from assay.demo.history import DAYS, ENVIRONMENT, PROJECT, make_history
from assay.demo.shop import DAY_MS, new_shopper, one_day
from assay.flags.evaluation import compile_set
from assay.settings import read_settings


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    make_history(folder)
    house = open_house(read_settings({"data": folder}, {}))
    house.rooms.loader.start()
    yield house
    house.close()


def test_its_experiments_are_at_different_stages(house: House) -> None:
    found = house.rooms.store.state.all("experiment", PROJECT)
    assert {key: one.iterations[-1].status for key, one in found.items()} == {
        f"{ENVIRONMENT}/learned-search": "stopped",
        f"{ENVIRONMENT}/free-shipping": "running",
        f"{ENVIRONMENT}/recommendations": "running",
        f"{ENVIRONMENT}/short-sign-up": "running",
    }


def test_the_winner_that_was_shipped_is_what_everybody_gets(house: House) -> None:
    flag = house.rooms.store.state.flag(PROJECT, "search-ranking")
    variation = flag.environments[ENVIRONMENT].fallthrough.variation
    assert variation is not None
    assert flag.variations[variation].value == "learned"


def test_its_events_lie_in_the_past_and_in_the_tables(house: House) -> None:
    connection = house.rooms.engine
    assert connection.position() == house.rooms.log.durable
    now_ms = house.rooms.store.now_ms()
    assert house.rooms.store.state.flag(PROJECT, "free-shipping").creation_date == pytest.approx(
        now_ms - DAYS * DAY_MS, abs=600_000
    )


def test_the_same_chance_makes_the_same_day() -> None:
    def day() -> list[object]:
        chance = random.Random(1)
        shoppers = [new_shopper(number, chance) for number in range(50)]
        return list(one_day(shoppers, 0, DAY_MS, compile_set({}, {}), chance))

    events = day()
    assert events == day()
    kinds = Counter(event["key"] for event in events if isinstance(event, dict))
    assert kinds["page-load"] > kinds["basket"] > kinds["purchase"] > kinds["return"]
