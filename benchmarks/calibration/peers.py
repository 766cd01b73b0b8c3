"""That our line for gbstats is gbstats: its own classes on the same numbers, in an environment of their own.

gbstats 0.8.0 wants an older numpy than the project, so it is asked through an interpreter that has it:
python -m venv peer && peer/bin/pip install gbstats==0.8.0.
"""

import json
import subprocess

import numpy as np
from benchmarks.calibration import rules

ASK = """
import json, sys
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import SampleMeanStatistic
def arm(n, mean, sd):
    return SampleMeanStatistic(n=n, sum=n * mean, sum_squares=(n - 1) * sd**2 + n * mean**2)
tests = (SequentialTwoSidedTTest(arm(*a), arm(*b), SequentialConfig()) for a, b in json.load(sys.stdin))
json.dump([[float(end) for end in test.compute_result().ci] for test in tests], sys.stdout)
"""


def largest_difference(python: str, *, seed: int, cases: int = 300) -> float:
    """Relative difference of the half widths of the sequential interval on random cases."""
    rng = np.random.default_rng([seed, 8])
    pairs = [
        [(int(rng.integers(20, 200_000)), rng.uniform(0.1, 10), rng.uniform(0.1, 30)) for _ in range(2)]
        for _ in range(cases)
    ]
    answer = subprocess.run(
        [python, "-W", "ignore", "-c", ASK],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    found = zip(pairs, json.loads(answer.stdout), strict=True)
    return max(float(abs((high - low) / 2 / _half_width(pair) - 1)) for pair, (low, high) in found)


def _half_width(pair: list[tuple[int, float, float]]) -> float:
    (n, base, sd), (m, mean, other) = pair
    error = np.sqrt(other**2 / base**2 / m + sd**2 * mean**2 / base**4 / n)
    return float(rules.gbstats_sequential(np.array([float(n + m)]))[0] * error)
