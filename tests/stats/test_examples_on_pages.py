"""The figures on the pages about these methods are what the code says."""

import doctest
from pathlib import Path

import pytest

METHODS = Path(__file__).parents[2] / "docs" / "explanation" / "methods"


@pytest.mark.parametrize("page", ["bayesian", "multiplicity", "decision"])
def test_the_examples_on_the_page_give_what_it_shows(page: str) -> None:
    failed, tried = doctest.testfile(str(METHODS / f"{page}.md"), module_relative=False)
    assert tried > 0
    assert failed == 0
