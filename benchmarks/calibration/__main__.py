"""Measures what the default analysis promises, and writes docs/explanation/calibration.md."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.calibration import report

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "calibration.md"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--replications", type=int, default=5_000)
    arguments.add_argument("--seed", type=int, default=4)
    arguments.add_argument("--gbstats-python", help="an interpreter that has gbstats 0.8.0")
    arguments.add_argument("--page", type=Path, default=PAGE)
    given = arguments.parse_args()
    text = report.written(
        replications=given.replications, seed=given.seed, gbstats_python=given.gbstats_python
    )
    given.page.parent.mkdir(parents=True, exist_ok=True)
    given.page.write_text(text)
    print(f"wrote {given.page}", file=sys.stderr)


if __name__ == "__main__":
    main()
