"""A script as users of the official client write it; it must print the same under both clients.

Arguments: host, token, a token that may only read, project, flag, environment, metric, from, to.
"""

import json
import sys
from ast import literal_eval
from pprint import pformat
from typing import Any

import launchdarkly_api
from launchdarkly_api.api import experiments__beta_api
from launchdarkly_api.exceptions import ForbiddenException, NotFoundException, UnauthorizedException
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep
from launchdarkly_api.models import ExperimentTimeSeriesVariationSlices, ExperimentTotalsRep

host, token, reader, *where = sys.argv[1:8]
start, end = int(sys.argv[8]), int(sys.argv[9])


def shown(printed: Any) -> Any:
    """What pretty-printing shows, without its line breaks, in which the clients differ."""
    return literal_eval(pformat(printed))


def client(key: str | None) -> Any:
    configuration = launchdarkly_api.Configuration(host=host)
    if key:
        configuration.api_key["ApiKey"] = key
    return experiments__beta_api.ExperimentsBetaApi(launchdarkly_api.ApiClient(configuration))


api = client(token)
results = api.get_experiment(*where, _from=start, to=end)
print(shown(results.series))
print(shown(results["totals"]))
print(shown(results.stats))
print(results.granularity, sorted(results.links), results.links["self"].href)
print([entry.key for entry in results.metadata])
for total in results.totals:
    interval = total.cumulative_confidence_interval
    print(total.cumulative_impression_count, total.cumulative_count, total.cumulative_value)
    print(interval.lower, interval["upper"], total.get("p_value"), total.get("improvement", "baseline"))
    print("p_value" in total, hasattr(total, "improvement"), total == total)
for bucket in results.series:
    print(bucket.time, [entry.count for entry in bucket.variation_data.value], shown(bucket))
print(type(results).__name__, isinstance(results, ExperimentResultsRep), type(results.totals).__name__)
print(isinstance(results.series[0].variation_data, ExperimentTimeSeriesVariationSlices))
print(sorted(results.to_dict()))
print(results.assay["method"], sorted(results.assay), results.assay["plan"]["alpha"])
made = ExperimentTotalsRep(p_value=0.5, cumulative_count=3)
print(made, repr(made), made.to_str(), made.to_dict())

print(api.get_experiment(*where, _from=start, to=end, async_req=True).get() == results)
data, status, headers = api.get_experiment(*where, _from=1, to=1, _return_http_data_only=False)
print(status, headers["content-type"], data.totals[0].cumulative_count, len(data.series))
raw = api.get_experiment(*where, _from=start, to=end, _preload_content=False)
print(raw.status, raw.reason, len(raw.data) > 100, raw.headers["Content-Type"])
print(api.get_experiment(*where, _request_timeout=(5, 10.5), _check_return_type=False).granularity)
print(api.get_experiment(*where, _request_timeout=10, _host_index=None).granularity)

calls: dict[str, Any] = {
    "missing attribute": lambda: results.totals[0].p_value,
    "missing key": lambda: results.totals[0]["p_value"],
    "wrong key type": lambda: api.get_experiment(1, *where[1:]),
    "wrong window": lambda: api.get_experiment(*where, _from="1"),
    "no window": lambda: api.get_experiment(*where, to=None, _check_input_type=False),
    "unknown keyword": lambda: api.get_experiment(*where, since=1),
    "wrong value": lambda: setattr(results, "granularity", 3),
}
for label, attempt in calls.items():
    try:
        print(label, attempt())
    except launchdarkly_api.OpenApiException as error:
        kinds = (AttributeError, KeyError, TypeError, ValueError, launchdarkly_api.ApiException)
        print(label, type(error).__name__, [kind.__name__ for kind in kinds if isinstance(error, kind)])

calls = {
    "400": lambda: api.get_experiment(*where, _from=2**70),
    "401": lambda: client("api-wrong").get_experiment(*where),
    "401 without a key": lambda: client(None).get_experiment(*where),
    "403": lambda: client(reader).reset_experiment(*where),
    "404": lambda: api.get_experiment(*where[:3], "unknown"),
    "404 reset": lambda: api.reset_experiment("a/b ü?", *where[1:]),
}
for label, attempt in calls.items():
    try:
        print(label, attempt())
    except launchdarkly_api.ApiException as error:
        headers = error.headers or {}
        print(label, type(error).__name__, error.status, error.reason, headers.get("content-type"))
        said = json.loads(error.body or "{}")
        print(said["code"], said["message"])
        shared = (UnauthorizedException, ForbiddenException, NotFoundException)
        print([kind.__name__ for kind in shared if isinstance(error, kind)])

if sys.argv[10:] == ["reset"]:
    print(api.reset_experiment(*where))
    print([total.cumulative_impression_count for total in api.get_experiment(*where).totals])
