"""Experiment results: read them, reset them."""

from typing import Any, TypedDict, Unpack, overload

from launchdarkly_api.api_client import ApiClient, Operation
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep

_PATH = "/api/v2/flags/{proj_key}/{flag_key}/experiments/{env_key}/{metric_key}"

GET_EXPERIMENT = Operation(
    "get_experiment", "GET", _PATH, {"_from": "from", "to": "to"}, ExperimentResultsRep
)
RESET_EXPERIMENT = Operation("reset_experiment", "DELETE", _PATH + "/results", {}, None)


class CallOptions(TypedDict, total=False):
    """Keywords that leave the type of the answer alone."""

    _request_timeout: float | tuple[float, float] | None
    _check_input_type: bool
    _check_return_type: bool
    _host_index: int | None


class WindowOptions(CallOptions, total=False):
    """A window of time as well, in epoch milliseconds."""

    _from: int
    to: int


class ExperimentsBetaApi:
    """The two operations, by the names and positions that scripts use.

    Three keywords change what a call returns: `async_req=True` makes it a `PendingResult`,
    `_preload_content=False` the raw `RESTResponse`, `_return_http_data_only=False` a tuple
    (answer, status, headers).
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = ApiClient() if api_client is None else api_client

    @overload
    def get_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Unpack[WindowOptions]
    ) -> ExperimentResultsRep: ...
    @overload
    def get_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Any
    ) -> Any: ...
    def get_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Any
    ) -> Any:
        """Results of one metric between `_from` and `to`, or over the window the server chooses."""
        keys = {"proj_key": proj_key, "flag_key": flag_key, "env_key": env_key, "metric_key": metric_key}
        return self.api_client.call(GET_EXPERIMENT, keys, options)

    @overload
    def reset_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Unpack[CallOptions]
    ) -> None: ...
    @overload
    def reset_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Any
    ) -> Any: ...
    def reset_experiment(
        self, proj_key: str, flag_key: str, env_key: str, metric_key: str, **options: Any
    ) -> Any:
        """Delete what the experiment has collected so far and go on collecting."""
        keys = {"proj_key": proj_key, "flag_key": flag_key, "env_key": env_key, "metric_key": metric_key}
        return self.api_client.call(RESET_EXPERIMENT, keys, options)
