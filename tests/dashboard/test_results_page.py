"""The results page over the demo's past: what it shows is what the REST API says."""

import re
from collections.abc import Iterator

import pytest

from assay.dashboard.numbers import signed_percent
from assay.demo.history import make_history
from dashboard.visitor import Visitor
from live import LiveServer

PAGE = "/p/default/production/experiments"
REST = "/projects/default/environments/production/experiments"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("shop") / "data"
    make_history(folder)
    server = LiveServer(folder).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def owner(shop: LiveServer) -> Visitor:
    return Visitor(shop.host).sign_in(shop.token)


def page(owner: Visitor, path: str) -> str:
    reply = owner.get(f"{PAGE}/{path}")
    assert reply.status_code == 200, reply.text[:500]
    return reply.text


def test_units_and_lifts_are_those_of_the_rest_api(shop: LiveServer, owner: Visitor) -> None:
    body = shop.rest("GET", f"{REST}/free-shipping/results").body
    text = page(owner, "free-shipping")
    exposed = [f"{one['units']:,}".replace(",", "\u202f") for one in body["treatments"]]
    assert all(units in text for units in exposed)
    (primary,) = (metric for metric in body["metrics"] if metric["role"] == "primary")
    lifts = [one["lift"] for one in primary["comparisons"] if "lift" in one]
    assert len(lifts) == 2
    assert all(signed_percent(lift) in text for lift in lifts)


def test_lost_units_take_the_place_of_the_verdict(owner: Visitor) -> None:
    text = page(owner, "short-sign-up")
    assert "Don&#39;t trust these numbers yet" in text
    assert re.search(r'class="verdict bad"', text)


def test_whether_the_verdict_can_be_believed_stands_beside_it(owner: Visitor) -> None:
    sound, broken = page(owner, "free-shipping"), page(owner, "short-sign-up")
    assert re.search(r'<a href="#health">\d+ health checks, (none|\d) to look at</a>', sound)
    assert re.search(r'<a href="#health">\d+ health checks, [1-9]\d* to look at</a>', broken)
    assert 'id="health"' in sound


def test_slices_are_shown_where_an_attribute_is_asked_for(owner: Visitor) -> None:
    text = page(owner, "free-shipping?slice=device")
    for value in ("phone", "desktop", "tablet"):
        assert f">{value}</th>" in text
    assert "Slices share alpha" in text
    assert "Slices share alpha" not in page(owner, "free-shipping")


def test_a_stopped_experiment_says_what_was_shipped_and_stands_still(owner: Visitor) -> None:
    text = page(owner, "learned-search")
    assert "was shipped" in text
    assert "data-live" not in text
    assert "data-live" in page(owner, "free-shipping")


def test_every_figure_has_its_numbers_in_a_table(owner: Visitor) -> None:
    text = page(owner, "free-shipping")
    figures = len(re.findall(r'class="figure (?:trend|histogram)"', text))
    assert figures >= 4
    assert text.count("The numbers as a table") == figures


def test_the_page_says_how_it_was_computed(owner: Visitor) -> None:
    text = page(owner, "free-shipping")
    assert "How was this computed?" in text
    assert "from flag_events" in text
    assert "Fieller 1954" in text


def test_no_number_is_missing_in_a_machines_words(owner: Visitor) -> None:
    for key in ("free-shipping", "recommendations", "short-sign-up", "learned-search"):
        shown = re.sub(r"<pre.*?</pre>|<script.*?</script>", "", page(owner, key), flags=re.DOTALL)
        assert not re.search(r"\b(nan|NaN|None|inf|Infinity|NotEstimable)\b", shown)


def test_an_unknown_experiment_or_iteration_is_not_found(owner: Visitor) -> None:
    assert owner.get(f"{PAGE}/nothing").status_code == 404
    assert owner.get(f"{PAGE}/free-shipping?iteration=nothing").status_code == 404


def test_units_are_missing_only_where_a_verdict_is(shop: LiveServer, owner: Visitor) -> None:
    for experiment in ("free-shipping", "learned-search", "recommendations"):
        body = shop.rest("GET", f"{REST}/{experiment}/results").body
        undecided = [
            metric
            for metric in body["metrics"]
            if any(one["verdict"]["word"] not in ("better", "worse") for one in metric["comparisons"])
        ]
        said = re.findall(r'class="quiet small needed">', page(owner, experiment))
        assert len(said) == len(undecided)
