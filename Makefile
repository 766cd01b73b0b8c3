# Each target is a line that a person can type. Everything lives in .venv, which is built on the first call.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types soak bench calibration screenshots --once clean

# The whole product in one command. `make demo ARGS=--once` (or `make demo -- --once`) ends after the results.
demo: .venv/demo
	$(BIN)/assay demo $(ARGS) $(filter --once,$(MAKECMDGOALS))

--once:
	@:

test: lint types
	$(BIN)/pytest -n 2 --dist loadfile
	$(BIN)/pytest -n 2 -c clients/python/pyproject.toml clients/python/tests

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/dev
	$(BIN)/mypy
	cd clients/python && ../../$(BIN)/mypy

.venv/python:
	$(PYTHON) -c 'import sys; sys.exit("Assay needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo: .venv/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo]'
	touch $@

.venv/dev: .venv/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Sends each operation of the REST API hundreds of requests that nobody thought of, other ones each time.
soak: .venv/dev
	ASSAY_SOAK_EXAMPLES=500 $(BIN)/pytest -n 2 --timeout 3600 tests/api/test_fuzz.py tests/api/test_fuzz_patches.py

# Each prints ratios to a reference taken in the same run.
bench: .venv/dev
	$(BIN)/python benchmarks/bench_intake.py
	$(BIN)/python benchmarks/bench_streams.py
	$(BIN)/python benchmarks/bench_evaluation.py
	$(BIN)/python benchmarks/bench_statistics.py
	$(BIN)/python benchmarks/bench_results.py
	$(BIN)/python benchmarks/bench_unit_values.py
	$(BIN)/python benchmarks/bench_evalx.py
	$(BIN)/python benchmarks/bench_pages.py

# Rewrites docs/explanation/calibration.md; some six minutes of processor time.
calibration: .venv/dev
	$(BIN)/python benchmarks/calibration

# Rewrites docs/screenshots: every page of the dashboard, in light and dark. Needs Chromium.
screenshots: .venv/dev
	PYTHONPATH=tests $(BIN)/python tests/dashboard/screenshots.py

clean:
	rm -rf .venv
