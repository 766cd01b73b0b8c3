"""The official client of the founding generation, unmodified: its strict models take every answer, and print it."""

from collections.abc import Iterator
from pprint import pformat
from typing import Any

import launchdarkly_api
import pytest
from launchdarkly_api.api import (
    access_tokens_api,
    audit_log_api,
    environments_api,
    experiments__beta_api,
    feature_flags_api,
    metrics_api,
    projects_api,
)
from launchdarkly_api.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from launchdarkly_api.model.access_token_post import AccessTokenPost
from launchdarkly_api.model.client_side_availability_post import ClientSideAvailabilityPost
from launchdarkly_api.model.custom_properties import CustomProperties
from launchdarkly_api.model.custom_property import CustomProperty
from launchdarkly_api.model.defaults import Defaults
from launchdarkly_api.model.environment_post import EnvironmentPost
from launchdarkly_api.model.feature_flag_body import FeatureFlagBody
from launchdarkly_api.model.json_patch import JSONPatch
from launchdarkly_api.model.metric_post import MetricPost
from launchdarkly_api.model.patch_operation import PatchOperation
from launchdarkly_api.model.patch_with_comment import PatchWithComment
from launchdarkly_api.model.project_post import ProjectPost
from launchdarkly_api.model.url_post import UrlPost
from launchdarkly_api.model.variate import Variate

from api.replies import fresh
from live import LiveServer, exposure, tracked


@pytest.fixture
def client(api: LiveServer) -> Iterator[Any]:
    with connected(api, api.token) as client:
        yield client


def connected(api: LiveServer, token: str) -> Any:
    configuration = launchdarkly_api.Configuration(host=api.host)
    configuration.api_key["ApiKey"] = token
    return launchdarkly_api.ApiClient(configuration)


def operations(*rows: tuple[str, str, Any]) -> JSONPatch:
    return JSONPatch([PatchOperation(op=op, path=path, value=value) for op, path, value in rows])


def printed(model: Any) -> str:
    """As the founding document's snippets print it."""
    assert repr(model)
    assert model.to_dict()
    return pformat(model)


def test_flags_are_made_read_listed_patched_and_deleted(client: Any) -> None:
    flags, key = feature_flags_api.FeatureFlagsApi(client), fresh("flag")
    body = FeatureFlagBody(
        name="A flag",
        key=key,
        description="what it is for",
        include_in_snippet=True,
        temporary=False,
        tags=["a"],
        variations=[
            Variate(value="plain", name="Plain"),
            Variate(value={"a": [1]}, description="compound"),
            Variate(value=[1, "two"]),
        ],
        defaults=Defaults(on_variation=1, off_variation=2),
        client_side_availability=ClientSideAvailabilityPost(
            using_environment_id=True, using_mobile_key=False
        ),
        custom_properties=CustomProperties(jira=CustomProperty(name="Jira", value=["A-1"])),
    )
    made = flags.post_feature_flag("default", body)
    assert key in printed(made)
    rule = {
        "variation": 0,
        "clauses": [{"attribute": "country", "op": "in", "values": ["de"], "negate": False}],
    }
    halves = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
    patch = operations(
        ("replace", "/environments/production/on", True),
        ("add", "/environments/production/rules/-", rule),
        ("add", "/environments/production/targets/-", {"values": ["ann"], "variation": 2}),
        ("replace", "/environments/production/fallthrough", {"rollout": {"variations": halves, "seed": 7}}),
        ("add", "/tags/-", "b"),
        ("remove", "/tags/0", None),
    )
    patched = flags.patch_feature_flag("default", key, PatchWithComment(patch=patch, comment="try it"))
    assert "'country'" in printed(patched)
    assert patched.tags == ["b"]
    got = flags.get_feature_flag("default", key, env="production")
    assert printed(got)
    assert got.environments["production"].on is True
    own = f"query:{key}"  # this client can't print a variation that is a list of objects, as others make
    listing = flags.get_feature_flags("default", tag="b", limit=100, offset=0, summary=False, filter=own)
    assert key in printed(listing)
    assert flags.delete_feature_flag("default", key) is None
    with pytest.raises(NotFoundException):
        flags.get_feature_flag("default", key)


def test_a_flag_that_carries_an_experiment_prints(api: LiveServer, client: Any) -> None:
    flags, key = feature_flags_api.FeatureFlagsApi(client), fresh("flag")
    metric = fresh("metric")
    api.create_experiment(key, metric)
    pause = operations(("remove", "/experiments/items/0/environments/0", None))
    paused = flags.patch_feature_flag("default", key, PatchWithComment(patch=pause))
    assert metric in printed(paused)
    assert paused.experiments.items[0].environments == []
    again = operations(("add", "/experiments/items/0/environments/0", "production"))
    resumed = flags.patch_feature_flag("default", key, PatchWithComment(patch=again))
    (item,) = resumed.experiments.items
    assert len(item.environment_settings["production"].enabled_periods) == 2
    assert metric in printed(flags.get_feature_flags("default", filter=f"query:{key}"))


def test_metrics_of_every_kind_are_made_read_listed_patched_and_deleted(client: Any) -> None:
    metrics, key = metrics_api.MetricsApi(client), fresh("metric")
    exact = UrlPost(kind="exact", url="https://shop.example/")
    posts = [
        MetricPost(key=key, kind="custom", event_key="bought", success_criteria=1, tags=["a"]),
        MetricPost(key=f"{key}-value", kind="custom", event_key="bought", is_numeric=True, unit="€"),
        MetricPost(key=f"{key}-page", kind="pageview", urls=[exact], name="Page", description="seen"),
        MetricPost(key=f"{key}-click", kind="click", urls=[exact], selector=".buy", is_active=True),
    ]
    for post in posts:
        made = metrics.post_metric("default", post)
        assert post.key in printed(made)
        assert post.key in printed(metrics.get_metric("default", post.key))
    listing = printed(metrics.get_metrics("default"))
    assert all(post.key in listing for post in posts)
    rows = ("replace", "/name", "Renamed"), ("replace", "/successCriteria", 0), ("remove", "/tags/0", None)
    patched = metrics.patch_metric("default", key, operations(*rows).value)
    assert "Renamed" in printed(patched)
    for post in posts:
        assert metrics.delete_metric("default", post.key) is None


def test_projects_and_environments_are_made_read_listed_patched_and_deleted(client: Any) -> None:
    projects, environments = projects_api.ProjectsApi(client), environments_api.EnvironmentsApi(client)
    key = fresh("project")
    made = projects.post_project(ProjectPost(name="P", key=key, tags=["a"]))
    assert key in printed(made)
    assert key in printed(projects.get_project(key))
    assert key in printed(projects.get_projects())
    renamed = projects.patch_project(key, operations(("replace", "/name", "Q")).value)
    assert "'Q'" in printed(renamed)
    post = EnvironmentPost(name="Dev", key="dev", color="abcdef", default_ttl=3, tags=["t"])
    environment = environments.post_environment(key, post)
    assert environment.api_key in printed(environment)
    assert printed(environments.get_environment(key, "dev"))
    patch = operations(("replace", "/color", "123456"), ("replace", "/defaultTrackEvents", True))
    assert "123456" in printed(environments.patch_environment(key, "dev", patch.value))
    assert environments.delete_environment(key, "dev") is None
    assert projects.delete_project(key) is None
    with pytest.raises(NotFoundException):
        projects.get_project(key)


def test_tokens_are_made_read_listed_and_deleted(client: Any) -> None:
    tokens = access_tokens_api.AccessTokensApi(client)
    made = tokens.post_token(
        AccessTokenPost(name="ci", role="writer", service_token=True, default_api_version=20191212)
    )
    assert made.token in printed(made)
    assert made.token not in printed(tokens.get_token(made.id))
    assert made.token not in printed(tokens.get_tokens(show_all=True))
    assert tokens.delete_token(made.id) is None


def test_the_audit_log_is_listed_and_read(client: Any) -> None:
    log = audit_log_api.AuditLogApi(client)
    (latest, *_) = log.get_audit_log_entries(limit=5).items
    assert printed(latest)
    assert log.get_audit_log_entry(latest.id).id == latest.id


def test_results_print_and_reset(api: LiveServer, client: Any) -> None:
    experiments = experiments__beta_api.ExperimentsBetaApi(client)
    for numeric in (False, True):
        flag, metric = fresh("flag"), fresh("metric")
        api.create_experiment(flag, metric, numeric=numeric, variations=3)
        place = ("default", flag, "production", metric)
        assert printed(experiments.get_experiment(*place))
        events = [exposure(f"u{number}", number % 3, flag=flag) for number in range(30)]
        api.send([*events, *(tracked(f"u{number}", key=metric, metricValue=number) for number in range(20))])
        results = experiments.get_experiment(*place)
        assert "'variation_data'" in printed(results)
        assert [total.cumulative_impression_count for total in results.totals] == [10, 10, 10]
        assert len(results.series[-1].variation_data.value) == 3
        assert printed(experiments.get_experiment(*place, _from=1, to=1))
        assert experiments.reset_experiment(*place) is None
        assert experiments.get_experiment(*place).totals[0].cumulative_impression_count == 0


def test_keys_that_need_encoding_are_just_unknown(client: Any) -> None:
    flags = feature_flags_api.FeatureFlagsApi(client)
    for key in ("a/b", "a b", "a?b", "a%2Fb", "ü", "#", "../default", "a\nb"):
        with pytest.raises(NotFoundException):
            flags.get_feature_flag("default", key)


def test_each_refusal_raises_what_the_client_has_for_it(api: LiveServer, client: Any) -> None:
    body = FeatureFlagBody(name="a", key=fresh("flag"))
    with (
        connected(api, "api-wrong") as stranger,
        pytest.raises(UnauthorizedException, match="Invalid access token"),
    ):
        projects_api.ProjectsApi(stranger).get_projects()
    reader = api.rest("POST", "/tokens", {"name": "r", "role": "reader"}).body["token"]
    with connected(api, reader) as weak, pytest.raises(ForbiddenException):
        feature_flags_api.FeatureFlagsApi(weak).post_feature_flag("default", body)
    flags = feature_flags_api.FeatureFlagsApi(client)
    flags.post_feature_flag("default", body)
    with pytest.raises(ApiException) as conflict:
        flags.post_feature_flag("default", body)
    assert conflict.value.status == 409
    patch = PatchWithComment(patch=operations(("replace", "/nothing/at/all", 1)))
    with pytest.raises(ApiException) as failed:
        flags.patch_feature_flag("default", body.key, patch)
    assert (failed.value.status, "patch_failed" in failed.value.body) == (422, True)


def test_a_host_that_ends_with_a_slash_works(api: LiveServer) -> None:
    configuration = launchdarkly_api.Configuration(host=f"{api.host}/")
    configuration.api_key["ApiKey"] = api.token
    configuration.api_key_prefix["ApiKey"] = "Bearer"
    with launchdarkly_api.ApiClient(configuration) as client:
        assert printed(projects_api.ProjectsApi(client).get_project("default"))
