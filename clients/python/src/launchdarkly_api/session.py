"""The short way in: one object that reads and resets by keyword, blocking or awaited."""

import copy
from datetime import datetime
from typing import Any, NotRequired, Self, TypedDict, Unpack

from launchdarkly_api.api.experiments__beta_api import GET_EXPERIMENT, RESET_EXPERIMENT
from launchdarkly_api.api_client import ApiClient, Operation
from launchdarkly_api.configuration import Configuration
from launchdarkly_api.exceptions import ApiTypeError, ApiValueError
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep

Moment = datetime | int


class Measured(TypedDict):
    """A metric of a flag's experiment."""

    project: str
    flag: str
    environment: str
    metric: str


class Window(Measured):
    """The same between two moments: aware datetimes or epoch milliseconds; all there is without them."""

    start: NotRequired[Moment | None]
    end: NotRequired[Moment | None]


def experiments(
    host: str, token: str, *, timeout: float | None = None, configuration: Configuration | None = None
) -> "Experiments":
    """Experiments on the server at `host`. `timeout`: seconds that a call may take, repeats included."""
    settings = copy.deepcopy(configuration) or Configuration.get_default_copy()
    settings.host = host
    settings.api_key["ApiKey"] = token
    if timeout is not None:
        settings.total_timeout = timeout
    return Experiments(ApiClient(settings))


class Experiments:
    """Use it under `with` or `async with`; the `_async` methods are the same on the caller's event loop."""

    def __init__(self, api_client: ApiClient) -> None:
        self._client = api_client

    def read(self, **what: Unpack[Window]) -> ExperimentResultsRep:
        """The results of one metric."""
        results: ExperimentResultsRep = self._client.call(*_arguments(GET_EXPERIMENT, **what))
        return results

    def reset(self, **what: Unpack[Measured]) -> None:
        """Delete what has been collected so far and go on collecting."""
        self._client.call(*_arguments(RESET_EXPERIMENT, **what))

    async def read_async(self, **what: Unpack[Window]) -> ExperimentResultsRep:
        """`read`, awaited."""
        results: ExperimentResultsRep = await self._client.acall(*_arguments(GET_EXPERIMENT, **what))
        return results

    async def reset_async(self, **what: Unpack[Measured]) -> None:
        """`reset`, awaited."""
        await self._client.acall(*_arguments(RESET_EXPERIMENT, **what))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()


def _arguments(
    operation: Operation, *, project: str, flag: str, environment: str, metric: str, **window: Any
) -> tuple[Operation, dict[str, str], dict[str, Any]]:
    keys = {"proj_key": project, "flag_key": flag, "env_key": environment, "metric_key": metric}
    names = {"start": "_from", "end": "to"}
    given = {names.get(name, name): _epoch_ms(value) for name, value in window.items() if value is not None}
    return operation, keys, given


def _epoch_ms(moment: Moment) -> int:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ApiValueError("a datetime needs a time zone")
        return round(moment.timestamp() * 1000)
    if isinstance(moment, bool) or not isinstance(moment, int):
        raise ApiTypeError("a moment is an aware datetime or an int of epoch milliseconds")
    return moment
