"""The default test with a horizon: as sharp as a planned one when the plan is met, valid for ever after.

Of alpha, nine tenths are spent up to the horizon (Hwang, Shih & DeCani 1990, gamma −4, in the manner of
Lan & DeMets 1983) and one tenth from there to the end of time: by t > 1 horizons 0.9 alpha + 0.1 alpha (1
− 1/t) are gone. The boundary is solved for someone who watches without a pause, so that no look need be
remembered. Who promises a pause of some units between looks gets the difference back by Siegmund's correction
(1985, "Sequential Analysis", section 3.5), with a second-order term fitted to exact recursions:

    critical value = c − √r (0.5826 − √r / c),   r = pause / n,   c from the table at n / horizon.

So the answer at a look depends on n and the plan. Look where a fixed time bucket since the start ends and at
least the pause's units have come since the look before, and the same events give the same verdict, whoever
asked in between. Looks further apart than the pause only make the test more careful.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from assay.stats.horizon_boundary import ALPHAS, TIMES_AND_CRITICAL_VALUES
from assay.stats.moments import Floats

_OVERSHOOT = 0.5826  # −ζ(1/2)/√(2π): how far beyond a boundary a random walk of unit steps first lands
_LATEST_LAST_LOOK = 1.08  # horizons: a later one at the horizon's boundary would err in more than alpha
_LONGEST_PAUSE = _OVERSHOOT / 2  # in units of c: beyond it the second-order correction would turn round


def hybrid_multiplier(
    n: ArrayLike,
    *,
    horizon: ArrayLike,
    pause: ArrayLike = 0.0,
    previous: ArrayLike | None = None,
    alpha: ArrayLike = 0.05,
) -> Floats:
    """Half the interval's width in standard errors, two-sided; also the critical value of |z|.

    `n`: units now; `horizon`: units planned; `pause`: units that come between two looks at least, 0 for
    looks at any moment; `previous`: units at the look before, which only matters at the first look beyond
    the horizon: with it, that look is still the planned test's if it comes within 8 % of the horizon. All
    broadcast. Valid at every look for any asymptotically normal estimate whose error shrinks with n. Raises
    ValueError where `alpha` is outside [1e-12, 0.9] or sizes are out of order. A one-sided bound at alpha is
    one end of the two-sided interval at twice that.
    """
    levels = np.asarray(alpha, dtype=float)
    if np.any((levels < ALPHAS[-1]) | (levels > ALPHAS[0])):
        raise ValueError(f"alpha lies between {ALPHAS[-1]} and {ALPHAS[0]}, not at {levels.tolist()}")
    time, share = _time_and_pause(n, horizon, pause=pause, previous=previous)
    time, levels = np.broadcast_arrays(time, levels)
    watched = _read_across(_table_at(time), _fixed_z(levels))
    root = np.minimum(np.sqrt(share), _LONGEST_PAUSE * watched)
    return watched - root * (_OVERSHOOT - root / watched)


def hybrid_p_value(
    z: ArrayLike,
    n: ArrayLike,
    *,
    horizon: ArrayLike,
    pause: ArrayLike = 0.0,
    previous: ArrayLike | None = None,
) -> Floats:
    """The smallest alpha at which `z` = estimate / standard error crosses; two-sided, valid at every look.

    At most alpha exactly where |z| reaches `hybrid_multiplier` at that alpha. Never below 1e-12; 1 above 0.9.
    """
    time, share = _time_and_pause(n, horizon, pause=pause, previous=previous)
    reached, time = np.broadcast_arrays(without_pauses(np.abs(np.asarray(z, dtype=float)), share), time)
    columns = _table_at(time)
    p = 2 * special.ndtr(-_read_back(columns, reached))
    return np.where(reached < columns[..., 0], 1.0, np.clip(p, ALPHAS[-1], 1.0))


def without_pauses(critical: ArrayLike, pause: ArrayLike) -> Floats:
    """The critical value without pauses that belongs to one with them: the correction above turned round."""
    value, root = np.asarray(critical, dtype=float), np.sqrt(np.asarray(pause, dtype=float))
    straight = value / (1 - _OVERSHOOT * _OVERSHOOT / 4)
    half = (value + _OVERSHOOT * root) / 2
    curved = half + np.sqrt(np.maximum(half * half - root * root, 0.0))
    return np.where(root >= _LONGEST_PAUSE * straight, straight, curved)


def _time_and_pause(
    n: ArrayLike, horizon: ArrayLike, *, pause: ArrayLike, previous: ArrayLike | None
) -> tuple[Floats, Floats]:
    now, planned, rest = (np.asarray(size, dtype=float) for size in (n, horizon, pause))
    before = now if previous is None else np.asarray(previous, dtype=float)
    if np.any(now <= 0) or np.any(planned <= 0) or np.any(rest < 0) or np.any((before < 0) | (before > now)):
        raise ValueError("sizes must be positive, and no look comes before the one before it")
    is_last_planned = (before < planned) & (now <= _LATEST_LAST_LOOK * planned)
    time = np.where(is_last_planned, np.minimum(now / planned, 1.0), now / planned)
    return time, np.broadcast_to(np.minimum(rest / now, 1.0), np.broadcast_shapes(time.shape, rest.shape))


@lru_cache(maxsize=1)
def _table() -> tuple[Floats, Floats]:
    rows = np.array(TIMES_AND_CRITICAL_VALUES.split(), dtype=float).reshape(-1, 1 + len(ALPHAS))
    return np.log(rows[:, 0]), rows[:, 1:]


def _fixed_z(alpha: ArrayLike) -> Floats:
    return -np.asarray(special.ndtri(np.asarray(alpha, dtype=float) / 2))


def _table_at(time: Floats) -> Floats:
    """The table's row at each time, alphas last: straight lines in log time.

    Before the table starts, B = Z√t keeps its first boundary; after its end the last slope goes on.
    """
    log_times, table = _table()
    position = np.log(time)
    place = np.clip(np.searchsorted(log_times, position), 1, len(log_times) - 1)
    share = (position - log_times[place - 1]) / (log_times[place] - log_times[place - 1])
    share = np.maximum(share, 0.0)[..., None]
    row = table[place - 1] * (1 - share) + table[place] * share
    early = np.exp(np.maximum(log_times[0] - position, 0.0) / 2)[..., None]
    return np.asarray(row * early)


def _read_across(columns: Floats, wanted: Floats) -> Floats:
    """The critical value at a fixed-horizon z, between the two neighbouring alphas of each row."""
    marks = _fixed_z(ALPHAS)
    place = np.clip(np.searchsorted(marks, wanted), 1, len(marks) - 1)
    share = (wanted - marks[place - 1]) / (marks[place] - marks[place - 1])
    place = np.broadcast_to(place, columns.shape[:-1])[..., None]
    lower = np.take_along_axis(columns, place - 1, axis=-1)[..., 0]
    upper = np.take_along_axis(columns, place, axis=-1)[..., 0]
    return lower + (upper - lower) * share


def _read_back(columns: Floats, reached: Floats) -> Floats:
    """The fixed-horizon z at which each row holds the value reached."""
    marks = _fixed_z(ALPHAS)
    place = np.clip(np.sum(columns < reached[..., None], axis=-1), 1, len(marks) - 1)
    lower = np.take_along_axis(columns, place[..., None] - 1, axis=-1)[..., 0]
    upper = np.take_along_axis(columns, place[..., None], axis=-1)[..., 0]
    share = np.minimum((reached - lower) / (upper - lower), 1.0)
    return np.asarray(marks[place - 1] + (marks[place] - marks[place - 1]) * share)
