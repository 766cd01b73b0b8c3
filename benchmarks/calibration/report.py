"""The page: what was drawn, what came out, and where a rule breaks its promise."""

import sys
from collections.abc import Iterable
from math import sqrt

from benchmarks.calibration import asos, peers
from benchmarks.calibration.efficiency import Efficiency, efficiencies
from benchmarks.calibration.errors import Cell, Shares, ever_called, grid, uneven_grid
from benchmarks.calibration.ratios import DAYS, UNITS_PER_DAY, alarms

LEVEL = 0.05
RATIO_LEVEL = 0.001


def written(*, replications: int, seed: int, gbstats_python: str | None = None) -> str:
    """The whole page, a function of its arguments (and of whether the real data are at hand)."""
    even = [_measured(cell, replications, seed) for cell in grid()]
    uneven = [_measured(cell, replications, seed) for cell in uneven_grid()]
    costs = efficiencies(replications=8 * replications, seed=seed)
    sections = (
        _opening(replications, seed, even, uneven),
        _even(even),
        _uneven(uneven),
        _efficiency(costs),
        _ratios(replications, seed),
        _asos(),
        _limits(seed, gbstats_python),
    )
    return "\n\n".join(sections) + "\n"


def tolerance(replications: int) -> float:
    """The share of calls that a true error of 5 % does not explain: three standard deviations above it."""
    return LEVEL + 3 * sqrt(LEVEL * (1 - LEVEL) / replications)


def _measured(cell: Cell, replications: int, seed: int) -> Shares:
    print(f"{cell.population.name}, {cell.looks} looks, {cell.units} units", file=sys.stderr)
    return ever_called(cell, replications=replications, seed=seed)


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _worst(shares: Iterable[Shares]) -> tuple[float, str]:
    found = [
        (share, f"{one.cell.population.name}, {one.cell.looks} looks, {one.cell.units} units, {view}, {rule}")
        for one in shares
        for (view, rule), share in one.ever.items()
        if view in ("absolute", "relative", "adjusted")
    ]
    return max(found)


def _opening(replications: int, seed: int, even: list[Shares], uneven: list[Shares]) -> str:
    worst, where = _worst([*even, *uneven])
    held = "holds" if worst <= tolerance(replications) else "**does not hold**"
    return f"""# Calibration: does the default hold its promise?

The promise: of experiments without an effect, at most 5 % are ever called significant, however often one
looks, on the absolute and on the relative view. This page is the measurement. It is written by

    python benchmarks/calibration --replications {replications} --seed {seed}

and holds no figure from anywhere else. Every share stands on {replications:,} simulated experiments; up to
{_percent(tolerance(replications))} is within three standard deviations of a true 5 %. The promise {held}:
the largest of the default's shares is **{_percent(worst)}**

    {where}"""


_VIEWS = (
    ("absolute", "horizon"),
    ("relative", "horizon"),
    ("adjusted", "horizon"),
    ("absolute", "beyond"),
    ("absolute", "unscheduled"),
    ("absolute", "forecast"),
    ("relative", "forecast"),
    ("adjusted", "forecast"),
    ("absolute", "low forecast"),
)
_PEERS = (("raw", "peeking"), ("gbstats relative", "gbstats"))
_COLUMNS = (
    "metric",
    "units",
    "A/A",
    "lift",
    "A/A, adjusted",
    "A/A, twice the horizon",
    "A/A, unscheduled",
    "A/A, no horizon",
    "lift, no h.",
    "adjusted, no h.",
    "A/A, low forecast",
    "*peeking z*",
    "*gbstats*",
)


def _rows(shares: Iterable[Shares], looks: int) -> list[list[str]]:
    return [
        [one.cell.population.name, str(one.cell.units)]
        + [_percent(one.ever[key]) for key in (*_VIEWS, *_PEERS)]
        for one in shares
        if one.cell.looks == looks
    ]


def _even(shares: list[Shares]) -> str:
    tables = "\n\n".join(
        f"### {looks} looks, {when}\n\n{_table(_COLUMNS, _rows(shares, looks))}"
        for looks, when in ((28, "daily"), (672, "hourly"))
    )
    return f"""## Ever called significant without an effect

Two arms of equal size; `units` is how many arrive in each arm between two looks. The first three shares
are the default with a horizon, which is the last look:

- **A/A**: the absolute view's interval leaves out 0. The relative view's leaves out a lift of 0 at
  exactly the same looks, being the same statistic turned round (Fieller), so this column is both.
- **lift**: both arms are drawn with a true lift of 20 %, and the relative interval leaves out 20 %.
- **adjusted**: A/A with a covariate from before the exposure (regression with slopes of each arm's own).

*Twice the horizon*: the horizon was half way, and the looks went on. *Unscheduled*: the boundary for who
may look at any moment. *No horizon*: the sequence tuned at a right forecast; *low forecast*: at a
twentieth of the truth. *Peeking z* is the fixed test believed at every look; *gbstats* is version 0.8.0's
sequential test as it comes: relative difference, delta method, tuned at 5,000 units.

{tables}"""


def _uneven(shares: list[Shares]) -> str:
    chosen = (
        ("absolute", "horizon"),
        ("relative", "horizon"),
        ("adjusted", "horizon"),
        ("absolute", "forecast"),
        ("raw", "horizon"),
        ("gbstats relative", "gbstats"),
    )
    rows = [
        [one.cell.population.name, str(one.cell.looks), f"{one.cell.smaller} / {one.cell.units}"]
        + [_percent(one.ever[key]) for key in chosen]
        for one in shares
    ]
    head = ["metric", "looks", "units", "A/A", "lift", "A/A, adjusted", "A/A, no horizon"]
    return f"""## A tenth of the units in the treatment

A small arm's own standard error is wrong at the worst time: none of its units has converted yet, and its
error is zero. The default never takes the error of a difference below the pooled one. *Without the floor*
is the same test without that rule.

{_table([*head, "*without the floor*", "*gbstats*"], rows)}"""


def _efficiency(costs: list[Efficiency]) -> str:
    rows = [
        [
            one.name,
            f"{one.width:.3f}",
            _percent(one.power),
            *(_percent(power) for power in one.simulated),
            f"{one.expected_units:.2f}",
            f"{one.units:.2f}",
            _percent(one.error),
        ]
        for one in costs
    ]
    head = ["rule", "width", "power", "power, conversion 5 %", "power, revenue"]
    return f"""## What looking costs

50 looks, a horizon of 100,000 units, and an effect that the fixed test finds with power 80 % there. *Width*
is the interval's at the horizon over the fixed test's. *Power* is by recursive integration, then simulated
for two metrics (revenue's own standard errors are skewed, which moves every rule's power alike). *Units used*
is when it ends on average, as a share of the horizon, with that effect. *Units for 80 %* is the size to plan,
over the fixed test's. *Error* is without an effect, by recursion, up to the horizon: the default keeps the
rest for the time after, for which those marked "over" make no promise.

{_table([*head, "units used", "units for 80 %", "error"], rows)}"""


def _ratios(replications: int, seed: int) -> str:
    found = [
        alarms(share, level=RATIO_LEVEL, replications=replications, seed=seed)
        for share in (0.5, 0.502, 0.505, 0.51, 0.52)
    ]
    rows = [
        [
            _percent(one.share),
            _percent(one.sequential),
            _percent(one.pearson),
            _percent(one.pearson_at_the_end),
        ]
        for one in found
    ]
    return f"""## Sample ratio mismatch

Half of the units planned for each arm, {UNITS_PER_DAY:,} a day for {DAYS} days, alarm at p below 0.1 %.
The first row is the false alarms: the sequential test may be looked at every day, Pearson's may not.

{_table(["true share", "sequential, daily", "*Pearson, daily*", "Pearson, last day only"], rows)}"""


def _asos() -> str:
    if not asos.SNAPSHOTS.exists():
        return "## Real experiments\n\nThe ASOS data were not at hand when this page was written."
    found = asos.cries()
    rows = [
        ["peeking z, at some look", _percent(found.peeking)],
        ["fixed z, at the end", _percent(found.at_the_end)],
        ["called while peeking, but not at the end", _percent(found.traps)],
        ["default, horizon declared, at some look", _percent(found.horizon)],
        ["default, no horizon, at some look", _percent(found.forecast)],
    ]
    return f"""## Real experiments

78 experiments of ASOS (Liu, Cardoso, Couturier & McCoy 2021) hold {found.series} daily or half-daily series
of an arm and a metric. Nobody knows which have an effect; the point is how much the answer depends on when
one looks. The horizon, and the forecast without one, are the units that came in the end. The default may call
at any look and the fixed test at the last one only: an effect that was there for a while is in the first.

{_table(["rule", "series called"], rows)}"""


def _limits(seed: int, gbstats_python: str | None) -> str:
    real = "Its own classes were not asked for this page."
    if gbstats_python is not None:
        difference = peers.largest_difference(gbstats_python, seed=seed)
        real = (
            f"Its own classes gave the same half widths to a relative {difference:.0e} on 300 random cases."
        )
    return f"""## What this does not show

- Units arrive independently, and their values are complete when they arrive. Where values grow after the
  exposure, the looks are correlated otherwise than assumed; no rule on this page accounts for that.
- gbstats' column is a vectorized line of its interval, silent where gbstats is silent (no variance, no
  baseline). {real}
- Revenue's tail is lognormal with a log-sd of 1.5. With a heavier one the tests call less often, and find
  less."""
