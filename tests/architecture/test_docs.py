"""The docs are held in step with the code."""

import re
from pathlib import Path

import assay
from assay.api.routes import OPERATIONS
from assay.settings import TABLE, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def text(path: str) -> str:
    return (ROOT / path).read_text()


def test_every_setting_has_its_row() -> None:
    rows = [line for line in text("docs/reference/settings.md").splitlines() if line.startswith("| `ASSAY_")]
    documented = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in rows]
    assert documented == [(f"`{row.variable}`", str(row.default), row.unit, row.help) for row in TABLE]


def test_the_settings_table_and_the_settings_are_the_same() -> None:
    assert [row.name for row in TABLE] == list(Settings.__dataclass_fields__)


def test_every_operation_is_documented_with_its_role() -> None:
    documented = set()
    for line in text("docs/reference/http.md").splitlines():
        if not line.startswith("| `") or "/api/v2" not in line:
            continue
        cell, roles = (part.strip() for part in line.strip("|").split("|"))
        methods = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE)\b", cell)
        path = re.search(r"/api/v2[^` ]*", cell)
        assert path is not None
        documented |= {
            (method, path[0], role) for method, role in zip(methods, roles.split(", "), strict=True)
        }
    assert documented == {(row.method, row.path, row.role) for row in OPERATIONS}


def test_the_changelog_begins_with_this_version() -> None:
    found = re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)
    assert found is not None
    assert found[1] == assay.__version__


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose(page))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_identifiers_use_the_words_of_the_glossary() -> None:
    unwanted = re.compile(
        r"\b(?:def|class)\s+\w*(?:variant|visitor|uplift|kpi|enrol|Manager|Helper|Impl)\w*", re.IGNORECASE
    )
    found = [
        f"{path.name}: {match}"
        for path in (ROOT / "src").rglob("*.py")
        for match in unwanted.findall(path.read_text())
    ]
    assert found == []


def test_readme_shows_the_two_commands() -> None:
    readme = text("README.md")
    assert "make demo" in readme
    assert "make test" in readme
