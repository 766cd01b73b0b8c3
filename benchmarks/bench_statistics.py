"""How long the whole result takes for 10 variations × 50 metrics × 20 slices, against two references.

    python benchmarks/bench_statistics.py [--repetitions 3]

From moments to JSON in one call, against gbstats 0.8.0's frequentist pass to JSON (claim: at most 1/100), and
from moments to arrays against bare numpy computing the same figures without checks, reasons or types
(claim: at most 10 times). gbstats needs numpy 1, so it runs in an environment of its own, made on first use.
"""

import argparse
import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

VARIATIONS, METRICS, SLICES = 10, 50, 20
SEED, TUNED_AT, ALPHA = 20, 20_000.0, 0.05
ENVIRONMENT = Path(__file__).parents[1] / ".venv" / "gbstats"

IMPORTS = """
import sys, time
import numpy, scipy.special, msgspec
began = time.perf_counter()
import assay.stats.comparison
print(time.perf_counter() - began, "scipy.stats" in sys.modules)
"""


def grid() -> tuple[Any, Any, Any]:
    """Units, means and sums of squares of shape (slices, metrics, variations)."""
    rng = np.random.default_rng(SEED)
    n = np.repeat(rng.integers(5_000, 20_000, (SLICES, 1, VARIATIONS)), METRICS, axis=1)
    mean = rng.uniform(1, 10, (SLICES, METRICS, 1)) * (1 + rng.normal(0, 0.02, (SLICES, METRICS, VARIATIONS)))
    return n, mean, mean**2 * n


def time_of(work: Callable[[], Any], repetitions: int) -> float:
    """Median seconds, after one call to warm up."""
    work()
    times = []
    for _ in range(repetitions):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return median(times)


def bare_numpy(n: Any, mean: Any, squares: Any) -> tuple[Any, ...]:
    """The figures of a comparison and nothing else: every input is taken to be in order."""
    from scipy import special

    w = squares / ((n - 1) * n)
    d, v = mean[..., 1:] - mean[..., :1], w[..., 1:] + w[..., :1]
    se = np.sqrt(v)
    freedom = v**2 / (w[..., 1:] ** 2 / (n[..., 1:] - 1) + w[..., :1] ** 2 / (n[..., :1] - 1))
    t, total = -special.stdtrit(freedom, ALPHA / 2), n[..., 1:] + n[..., :1]
    p = 2 * special.stdtr(freedom, -np.abs(d / se))
    rho2 = (-special.lambertw(-(ALPHA**2) / np.e, -1).real - 1) / TUNED_AT
    x = total * rho2
    m = np.sqrt((1 + 1 / x) * (np.log1p(x) - 2 * np.log(ALPHA)))
    log_e = x / (1 + x) * (d / se) ** 2 / 2 - np.log1p(x) / 2
    base, wide = mean[..., :1], w[..., :1]
    out = [d, se, freedom, p, d / base, d - t * se, d + t * se, d - m * se, d + m * se, log_e, np.exp(-log_e)]
    for c in (t, m):
        a, b = base**2 - c**2 * wide, base * d + c**2 * wide
        root = np.sqrt(b**2 - a * (d**2 - c**2 * v))
        out += [(b - root) / a, (b + root) / a]
    counts, shares = n[:, 0], np.full(VARIATIONS, 1 / VARIATIONS)
    for k in (1e2, 1e4, 1e6):
        prior = k * shares
        odds = special.gammaln(k) - special.gammaln(k + counts.sum(-1))
        out.append(odds + (special.gammaln(prior + counts) - special.gammaln(prior)).sum(-1))
    return tuple(out)


def ours(n: Any, mean: Any, squares: Any) -> Any:
    from assay.stats.comparison import compare
    from assay.stats.contrasts import mean_estimates
    from assay.stats.default_rule import DefaultRule
    from assay.stats.moments import JointMoments

    moments = JointMoments(n, mean[..., None], squares[..., None, None])
    shares = np.full(VARIATIONS, 1 / VARIATIONS)
    rule = DefaultRule(ALPHA, forecast=TUNED_AT)
    return compare(mean_estimates(moments), exposures=n[:, 0], shares=shares, rule=rule)


def gbstats_rows(n: Any, mean: Any, squares: Any) -> dict[str, Any]:
    """The same grid as gbstats takes it: one row by slice and variation, with raw sums of every metric."""
    names = [f"v{k}" for k in range(VARIATIONS)]
    rows = []
    for s in range(SLICES):
        for k in range(VARIATIONS):
            row: dict[str, Any] = {"dimension": f"slice {s}", "variation": names[k], "users": int(n[s, 0, k])}
            row["count"] = row["users"]
            for j in range(METRICS):
                total = float(mean[s, j, k] * n[s, j, k])
                row[f"m{j}_main_sum"] = total
                row[f"m{j}_main_sum_squares"] = float(squares[s, j, k] + total * mean[s, j, k])
            rows.append(row)
    metrics = {
        f"metric {j}": {"id": f"metric {j}", "name": f"metric {j}", "statistic_type": "mean"}
        | {"main_metric_type": "count"}
        for j in range(METRICS)
    }
    analysis = {"var_names": names, "var_ids": names, "weights": [1 / VARIATIONS] * VARIATIONS}
    analysis |= {"stats_engine": "frequentist", "dimension": "slice", "max_dimensions": SLICES}
    return {
        "metrics": metrics,
        "analyses": [analysis],
        "query_results": [{"rows": rows, "metrics": list(metrics), "sql": None}],
    }


def gbstats_alone() -> None:
    """In gbstats' environment: reads the grid, answers with the seconds of each pass and one p-value."""
    from gbstats.gbstats import process_experiment_results

    task = json.load(sys.stdin)
    times = []
    for _ in range(task["repetitions"]):
        began = perf_counter()
        results = process_experiment_results(task["data"])
        text = json.dumps(results)
        times.append(perf_counter() - began)
    first = results[0]["analyses"][0]["dimensions"]
    slices = {dimension["dimension"]: dimension["variations"] for dimension in first}
    print(json.dumps({"times": times, "bytes": len(text), "lift": slices["slice 0"][1]["expected"]}))


def gbstats_environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "gbstats==0.8.0"], check=True)
    return python


def gbstats_seconds(data: dict[str, Any], repetitions: int) -> dict[str, Any]:
    answer = subprocess.run(
        [gbstats_environment(), "-W", "ignore", __file__, "--gbstats-alone"],
        input=json.dumps({"data": data, "repetitions": repetitions}),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the comparison of moments.")
    parser.add_argument(
        "--repetitions", type=int, default=3, help="passes of gbstats; ours run ten times as often"
    )
    parser.add_argument("--gbstats-alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.gbstats_alone:
        gbstats_alone()
    else:
        report(options.repetitions)


def report(repetitions: int) -> None:
    from assay.stats.comparison import encoded

    n, mean, squares = grid()
    reference = gbstats_seconds(gbstats_rows(n, mean, squares), repetitions)
    result = ours(n, mean, squares)
    # Both sides must have done the same work.
    assert abs(result.lift[0, 0, 0] / reference["lift"] - 1) < 1e-9
    bare = time_of(lambda: bare_numpy(n, mean, squares), 10 * repetitions)
    arrays = time_of(lambda: ours(n, mean, squares), 10 * repetitions)
    whole = time_of(lambda: encoded(ours(n, mean, squares)), 10 * repetitions)
    gbstats = median(reference["times"])
    imported = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    seconds, heavy = imported.stdout.split()
    print(f"{VARIATIONS} variations × {METRICS} metrics × {SLICES} slices, medians")
    print(f"  gbstats 0.8.0, frequentist, to JSON  {gbstats * 1e3:10.1f} ms  {reference['bytes']:>9} bytes")
    print(f"  ours, everything, to JSON            {whole * 1e3:10.1f} ms  {len(encoded(result)):>9} bytes")
    print(f"  ours, everything, to arrays          {arrays * 1e3:10.1f} ms")
    print(f"  bare numpy, the same figures         {bare * 1e3:10.1f} ms")
    print(f"  ours to JSON / gbstats               1/{gbstats / whole:.0f}   (claim: at most 1/100)")
    print(f"  ours to arrays / bare numpy          {arrays / bare:.1f}     (claim: at most 10)")
    print(f"  import beyond numpy, scipy, msgspec  {float(seconds) * 1e3:.1f} ms, scipy.stats: {heavy}")


if __name__ == "__main__":
    main()
