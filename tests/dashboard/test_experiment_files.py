"""What can be taken away from an experiment's page: by whom, what it holds, and that it needs nothing else."""

import html
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from api.experiments import config, instruct, make_experiment, make_flag, planned
from api.replies import fresh
from api.results import send_conversions
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms, tracked

ALL = "/projects/default/environments/production/experiments"
PAGES = "/p/default/production/experiments"
DAY_MS = 86_400_000
HOSTILE = "</style><script>alert(1)</script>'''\"\"\"\\ [x](javascript:alert(1)) `{{ 7 * 7 }}`"

# What a shop is measured by, and whether the notebook computes it again.
METRICS: dict[str, dict[str, Any]] = {
    "bought": {},
    "revenue": {"isNumeric": True},
    "basket": {"isNumeric": True, "unitAggregationType": "average", "eventDefault": {"disabled": True}},
    "guess": {"isNumeric": True, "eventDefault": {"disabled": False, "value": 4}},
    "per-visit": {"isNumeric": True, "denominator": {"eventName": "visit"}},
    "median": {"isNumeric": True, "analysisType": "percentile", "percentileValue": 50},
    "capped": {"isNumeric": True, "winsorUpperPercentile": 95},
}
COMPUTED = ("bought", "revenue", "basket", "guess", "per-visit")


@pytest.fixture(scope="module")
def shop(site: LiveServer) -> str:
    """The key of a running experiment of three treatments, all kinds of metrics, and units that have a past."""
    key = fresh("shop")
    make_flag(site, key)
    names = {metric: f"{key}-{metric}" for metric in METRICS}
    for metric, more in METRICS.items():
        body = {"key": names[metric], "name": metric, "kind": "custom", "eventKey": f"{key}-purchase", **more}
        if "denominator" in body:
            body["denominator"] = {"eventName": f"{key}-visit"}
        reply = site.rest("POST", "/metrics/default", body)
        assert reply.status == 201, reply.body
    metrics = [{"key": name, "isGroup": False} for name in names.values()]
    iteration = planned(site, key, names["bought"], "40", "30", "30", metrics=metrics)
    assert site.rest("POST", ALL, {"key": key, "name": "A shop", "iteration": iteration}).status == 201
    assert instruct(site, key, "startIteration").status == 200
    site.send(_shopping(site, key, random.Random(3)))
    return key


def _shopping(site: LiveServer, key: str, chance: random.Random) -> list[dict[str, Any]]:
    """Purchases before and after the exposure; who bought much before buys much again."""
    now, version = now_ms() - 20_000, config(site, key)["version"]
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    events = []
    for number in range(360):
        unit, purse = f"{'=' if number % 50 == 0 else ''}unit-{number}", chance.lognormvariate(2, 0.8)
        variation = chance.choices((0, 1, 2), (40, 30, 30))[0]
        if number % 3:
            events.append(tracked(unit, now - DAY_MS, f"{key}-purchase", metricValue=round(purse, 2)))
        events.append(exposure(unit, variation, now, key, version=version, reason=reason))
        events += [tracked(unit, now + 10, f"{key}-visit")] * chance.randint(1, 4)
        if chance.random() < 0.4 + 0.15 * variation:
            paid = round(purse * chance.lognormvariate(0.1 * variation, 0.4), 2)
            events.append(tracked(unit, now + 20, f"{key}-purchase", metricValue=paid))
    return events


@pytest.fixture(scope="module")
def hostile(site: LiveServer) -> str:
    """The key of an experiment whose every name is hostile."""
    key = fresh("hostile-files")
    make_experiment(site, key, hypothesis=HOSTILE)
    assert instruct(site, key, "updateName", value=HOSTILE).status == 200
    for path, name in ((f"/metrics/default/{key}", "/name"), (f"/flags/default/{key}", "/variations/0/name")):
        reply = site.rest("PATCH", path, [{"op": "add", "path": name, "value": HOSTILE}])
        assert reply.status == 200, reply.body
    assert instruct(site, key, "startIteration").status == 200
    send_conversions(site, key, (0.2, 0.5), units=40)
    return key


def links(page: str, part: str) -> list[str]:
    found = re.findall(r'href="([^"]*/download/[^"]*)"', page)
    return [html.unescape(href) for href in found if part in href]


@pytest.mark.parametrize("kind", ["csv", "parquet", "ndjson"])
def test_every_table_is_what_the_api_exports(site: LiveServer, admin: Visitor, shop: str, kind: str) -> None:
    hrefs = links(admin.get(f"{PAGES}/{shop}").text, f"format={kind}")
    assert len(hrefs) == 2 + len(METRICS)
    for href in hrefs:
        reply = admin.get(href)
        assert reply.status_code == 200
        what = re.search(r"download/([a-z-]+)\?", href)
        metric = re.search(r"metric=([^&]+)", href)
        assert what is not None
        query = f"format={kind}" + (f"&metric={metric[1]}" if metric else "")
        same = site.rest("GET", f"{ALL}/{shop}/export/{what[1]}?{query}")
        if kind != "parquet":
            assert reply.content == same.body if isinstance(same.body, bytes) else reply.json() == same.body
        assert reply.headers["content-length"] == str(len(reply.content))
        assert reply.headers["content-disposition"].startswith("attachment; filename*=UTF-8''" + shop)
        assert reply.headers["content-disposition"].endswith(f".{kind}")
        assert (
            reply.headers["content-type"].partition(";")[0] == same.headers["content-type"].partition(";")[0]
        )
        assert reply.headers["cache-control"] == "no-store"


def test_a_reader_gets_results_and_no_keys_of_units(reader: Visitor, shop: str) -> None:
    page = reader.get(f"{PAGES}/{shop}").text
    assert len(links(page, "download/results")) == 3
    assert links(page, "download/exposures") == links(page, "download/metric-values") == []
    assert reader.get(links(page, "download/results")[0]).status_code == 200
    for table in ("exposures", f"metric-values?metric={shop}-bought"):
        assert reader.get(f"{PAGES}/{shop}/download/{table}").status_code == 403
    assert "unit-17" not in reader.get(f"{PAGES}/{shop}/download/report").text
    assert "unit-17" not in reader.get(f"{PAGES}/{shop}/download/notebook").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("download/nothing", 404),
        ("download/results?format=xlsx", 400),
        ("download/metric-values", 400),
        ("download/metric-values?metric=none", 404),
        ("download/results?iteration=none", 404),
        ("download/report?iteration=none", 404),
    ],
)
def test_what_does_not_exist_is_a_page_that_says_so(
    admin: Visitor, shop: str, path: str, status: int
) -> None:
    reply = admin.get(f"{PAGES}/{shop}/{path}")
    assert reply.status_code == status
    assert "Not possible" in reply.text


def test_a_draft_has_nothing_to_take_away(site: LiveServer, admin: Visitor) -> None:
    key = fresh("draft-files")
    make_experiment(site, key)
    assert links(admin.get(f"{PAGES}/{key}").text, "") == []
    for what in ("report", "notebook", "results"):
        assert admin.get(f"{PAGES}/{key}/download/{what}").status_code == 404


def test_no_file_is_left_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = LiveServer(tmp_path / "data", {"TMPDIR": str(temporary)}).start()
    visitor = Visitor(server.host).sign_in(server.token)
    make_experiment(server, "tidy")
    assert instruct(server, "tidy", "startIteration").status == 200
    for kind in ("csv", "parquet"):
        assert visitor.get(f"{PAGES}/tidy/download/exposures?format={kind}").status_code == 200
    assert list(temporary.glob("assay-export-*")) == []
    assert server.stop() == 0


def test_the_report_says_what_the_page_says(admin: Visitor, shop: str) -> None:
    page, report = admin.get(f"{PAGES}/{shop}"), admin.get(f"{PAGES}/{shop}/download/report")
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert f"{shop}-report.html" in report.headers["content-disposition"]
    verdict = re.search(r'<h2 id="verdict">([^<]*)</h2><p>([^<]*)', page.text)
    assert verdict is not None
    assert verdict[0] in report.text
    for drawn in re.findall(r'<svg class="figure [^>]*>', page.text):
        assert drawn in report.text
    shown = text_of(report.text)
    for words in ("A shop", "Computed by Assay", "from the events received until", "treatment 2"):
        assert words in shown


def test_the_report_asks_nobody_for_anything(admin: Visitor, hostile: str) -> None:
    report = admin.get(f"{PAGES}/{hostile}/download/report").text
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in report
    assert re.findall(r"<(?:script|link|iframe|img|form|base|object)\b", report) == []
    assert re.findall(r'\b(?:src|href|action)="', report) == []
    assert re.findall(r"url\((?!\"data:)|@import", report) == []
    assert html.escape("</style><script>alert(1)</script>", quote=False) in report
    assert "49" not in re.findall(r"`(.*?)`", html.unescape(report))
    assert report.count("</style>") == 1


def watched(context: BrowserContext, asked: list[str], complaints: list[str]) -> Page:
    """A page that notes what it asks for, and what the browser complains about."""
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    return page


def test_the_report_shows_its_styles_in_a_browser_without_a_server(
    chromium: Browser, admin: Visitor, hostile: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(admin.get(f"{PAGES}/{hostile}/download/report").content)
    colours = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        context = chromium.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
        asked: list[str] = []
        complaints: list[str] = []
        page = watched(context, asked, complaints)
        page.goto(file.as_uri())
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert asked == [file.as_uri()]
        assert complaints == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert page.evaluate("[...document.querySelectorAll('details.fold')].every(one => one.open)")
        context.close()
    assert colours["light"] != colours["dark"]


def test_a_printed_report_is_light_and_fits_on_a4(
    chromium: Browser, admin: Visitor, shop: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(admin.get(f"{PAGES}/{shop}/download/report").content)
    # A4 less its margins, at 96 pixels an inch.
    context = chromium.new_context(color_scheme="dark", viewport={"width": 703, "height": 1000})
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(file.as_uri())
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert page.locator("svg.interval").first.is_visible()
    context.close()


def run(folder: Path, notebook: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The notebook's code as a kernel would run it, cell by cell in one process; a warning is an error."""
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    command = [sys.executable, "-W", "error", "-c", "\n\n".join(cells)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory, admin: Visitor, shop: str) -> Path:
    """A folder with the notebook and the tables that the page offers for it, under their own names."""
    folder = tmp_path_factory.mktemp("notebook")
    download(folder, admin, shop)
    return folder


def download(folder: Path, visitor: Visitor, key: str) -> None:
    page = visitor.get(f"{PAGES}/{key}").text
    for href in (*links(page, "format=ndjson"), *links(page, "download/notebook")):
        reply = visitor.get(href)
        name = reply.headers["content-disposition"].rpartition("''")[2]
        (folder / name).write_bytes(reply.content)


def notebook_in(folder: Path, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{key}.ipynb").read_text())
    return found


def test_the_notebook_computes_the_same_figures_in_its_own_way(beside: Path, shop: str) -> None:
    ran = run(beside, notebook_in(beside, shop))
    assert ran.returncode == 0, ran.stderr
    for metric in COMPUTED:
        assert f"{metric}: units, totals and values agree." in ran.stdout
    assert ran.stdout.count("agrees: effect") == 2 * len(COMPUTED)
    assert ran.stdout.count("fixed_lift_lower") == 2 * len(COMPUTED)
    source = "".join(cell["source"] for cell in notebook_in(beside, shop)["cells"])
    assert source.count("Not computed again here") == len(METRICS) - len(COMPUTED)
    assert "import assay" not in source
    assert "from assay" not in source


def test_what_the_notebook_agreed_with_is_adjusted_for_the_past(site: LiveServer, shop: str) -> None:
    found = site.rest("GET", f"{ALL}/{shop}/results").body
    by_name = {one["name"]: one for one in found["metrics"]}
    for metric in COMPUTED:
        for arm in by_name[metric]["treatments"]:
            assert arm["adjustedValue"] != arm["value"], metric


def test_one_changed_number_is_found(beside: Path, shop: str, tmp_path: Path) -> None:
    for name in beside.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    values = tmp_path / f"{shop}-metric-values-{shop}-revenue.ndjson"
    rows = [json.loads(line) for line in values.read_text().splitlines()]
    rows[5]["value"] += 1e-4
    values.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = run(tmp_path, notebook_in(tmp_path, shop))
    assert ran.returncode == 1
    assert "AssertionError: treatment" in ran.stderr
    rows[5]["value"] -= 1e-4
    values.write_text("".join(json.dumps(row) + "\n" for row in rows[:-1]))
    assert "units" in run(tmp_path, notebook_in(tmp_path, shop)).stderr


def test_a_changed_figure_of_assays_is_found(beside: Path, shop: str) -> None:
    notebook = notebook_in(beside, shop)
    (cell,) = [one for one in notebook["cells"] if one["source"].startswith("nan = ")]
    text = cell["source"]
    found = re.search(r"'fixed_upper': (-?[0-9.]+)", text)
    assert found is not None
    cell["source"] = text.replace(found[0], f"'fixed_upper': {float(found[1]) + 1e-6!r}", 1)
    assert "fixed_upper: computed here" in run(beside, notebook).stderr


def test_a_notebook_without_its_values_says_which_file_it_wants(
    tmp_path: Path, beside: Path, shop: str
) -> None:
    ran = run(tmp_path, notebook_in(beside, shop))
    assert ran.returncode == 1
    assert f"Put {shop}-metric-values-{shop}-bought.ndjson beside this notebook" in ran.stderr


def test_the_notebook_is_one_of_nbformat_4(beside: Path, shop: str) -> None:
    notebook = notebook_in(beside, shop)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert set(cell) == {"id", "cell_type", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )


def test_hostile_names_are_neither_code_nor_markup_in_a_notebook(
    admin: Visitor, hostile: str, tmp_path: Path
) -> None:
    download(tmp_path, admin, hostile)
    notebook = notebook_in(tmp_path, hostile)
    ran = run(tmp_path, notebook)
    assert ran.returncode == 0, ran.stderr
    prose = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    assert not any("<script" in text or "[x](" in text for text in prose)


def test_too_few_units_are_said_to_be_too_few(site: LiveServer, admin: Visitor, tmp_path: Path) -> None:
    key = fresh("few")
    make_experiment(site, key)
    assert instruct(site, key, "startIteration").status == 200
    send_conversions(site, key, (1.0, 0.0), units=1)
    download(tmp_path, admin, key)
    ran = run(tmp_path, notebook_in(tmp_path, key))
    assert ran.returncode == 0, ran.stderr
    assert "fewer than two units" in ran.stdout


def test_a_page_that_did_not_change_is_not_sent_again(site: LiveServer, admin: Visitor) -> None:
    key = fresh("unchanged")
    make_experiment(site, key)
    assert instruct(site, key, "startIteration").status == 200
    send_conversions(site, key, (0.2, 0.5), units=20)
    path = f"{PAGES}/{key}"
    site.rest("GET", f"{ALL}/{key}/results")
    tag = _settled(admin, path)
    live = {"X-Live": "1", "If-None-Match": tag}
    again = admin.send("GET", path, headers=live)
    assert (again.status_code, again.content) == (304, b"")
    assert admin.send("GET", path, headers={"If-None-Match": tag}).status_code == 200
    assert admin.send("GET", f"{path}?slice=country", headers=live).status_code == 200
    send_conversions(site, key, (0.9, 0.9), units=30)
    site.rest("GET", f"{ALL}/{key}/results")
    assert _settled(admin, path, old=tag) != tag


def _settled(visitor: Visitor, path: str, old: str = "") -> str:
    """The page's tag, once it is no longer the old one: a page may be seconds behind."""
    for _ in range(60):
        tag = str(visitor.get(path).headers["etag"])
        if tag != old:
            return tag
        time.sleep(0.25)
    raise AssertionError("the page stayed the same")
