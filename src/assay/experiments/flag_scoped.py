"""Flag-scoped experiments: a metric attached to a flag and switched on and off in each environment."""

import msgspec
from msgspec.structs import replace


class Period(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """From start to stop, epoch milliseconds; without a stop it goes on."""

    start_date: int
    stop_date: int | None = None


class FlagExperiment(msgspec.Struct, frozen=True):
    """One metric measured on a flag: for each environment's key the periods it was switched on."""

    metric_key: str
    periods: dict[str, tuple[Period, ...]] = {}

    def running(self, environment: str) -> bool:
        periods = self.periods.get(environment, ())
        return bool(periods) and periods[-1].stop_date is None

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments it runs in now."""
        return tuple(environment for environment in self.periods if self.running(environment))


class FlagExperiments(msgspec.Struct, frozen=True):
    """All experiments of one flag, measured against one baseline variation."""

    baseline: int = 0
    items: tuple[FlagExperiment, ...] = ()

    def running(self, environment: str) -> bool:
        """Whether any of them runs there, so that the SDKs must send every evaluation."""
        return any(item.running(environment) for item in self.items)

    def item(self, metric_key: str) -> FlagExperiment | None:
        return next((item for item in self.items if item.metric_key == metric_key), None)


def without_environment(experiments: FlagExperiments, environment: str) -> FlagExperiments:
    """The experiments as they are once the environment is gone, with its periods."""
    items = tuple(
        replace(item, periods={key: periods for key, periods in item.periods.items() if key != environment})
        for item in experiments.items
    )
    return replace(experiments, items=items)


def switched(item: FlagExperiment, environments: frozenset[str], now_ms: int) -> FlagExperiment:
    """The experiment running in exactly `environments`: others stop now, new ones start now."""
    periods = dict(item.periods)
    for environment in sorted(set(item.environments) - environments):
        *earlier, last = periods[environment]
        periods[environment] = (*earlier, replace(last, stop_date=max(now_ms, last.start_date)))
    for environment in sorted(environments - set(item.environments)):
        periods[environment] = (*periods.get(environment, ()), Period(now_ms))
    return replace(item, periods=periods)
