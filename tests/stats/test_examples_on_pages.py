"""The figures on the pages about the methods are what the code says."""

import doctest
from pathlib import Path

import pytest

METHODS = Path(__file__).parents[2] / "docs" / "explanation" / "methods"


PAGES = sorted(page.stem for page in METHODS.glob("*.md") if ">>>" in page.read_text())


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_on_the_page_give_what_it_shows(page: str) -> None:
    failed, tried = doctest.testfile(str(METHODS / f"{page}.md"), module_relative=False)
    assert tried > 0
    assert failed == 0
