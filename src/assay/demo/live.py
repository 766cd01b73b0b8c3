"""The demonstration: a past, a server of its own, an experiment by REST, shoppers by the official SDK, and results.

Its present uses only what a user has: the official Python SDK and the official API client, from PyPI.
"""

import random
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from assay.demo.history import DAYS, make_history

FLAG = "checkout-button"
METRICS = ("purchase", "order-value")
BUYING_RATES = (0.40, 0.46)
SEED = 20


def run_demo(*, shoppers: int, port: int, stay: bool) -> None:
    """Serves a temporary folder, runs the experiment and prints its results; stays up if asked to."""
    try:
        import launchdarkly_api  # noqa: F401, PLC0415
        import ldclient  # noqa: F401, PLC0415
    except ImportError:
        raise click.ClickException("the demo needs its extra: pip install 'assay[demo]'") from None
    with tempfile.TemporaryDirectory(prefix="assay-demo-") as folder:
        click.echo(f"Simulating {DAYS} days of a shop's past, with four experiments")
        make_history(Path(folder))
        server, host = _start(Path(folder), port)
        try:
            token = (Path(folder) / "admin-token").read_text().strip()
            _demonstrate(host, token, shoppers)
            if stay:
                click.echo(f"\nThe server stays up. Open {host} and sign in with the admin token {token}")
                click.echo("Ctrl-C ends it.")
                server.wait()
        except KeyboardInterrupt:
            click.echo()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)


def _start(folder: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "assay", "serve", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert server.stdout is not None  # noqa: S101
    for line in server.stdout:
        if found := re.search(r"listens on (\S+)", line):
            return server, found[1]
    raise click.ClickException("the server did not start")


def _demonstrate(host: str, token: str, shoppers: int) -> None:
    import launchdarkly_api  # noqa: PLC0415
    from launchdarkly_api.api import experiments__beta_api, projects_api  # noqa: PLC0415

    configuration = launchdarkly_api.Configuration(host=host)
    configuration.api_key["ApiKey"] = token
    with launchdarkly_api.ApiClient(configuration) as client:
        click.echo("Creating a flag, two metrics and an experiment through the REST API")
        _create_experiment(client)
        environments = projects_api.ProjectsApi(client).get_project("default").environments
        sdk_key = next(item.api_key for item in environments if item.key == "production")
        _shop(host, sdk_key, shoppers)
        results = experiments__beta_api.ExperimentsBetaApi(client)
        for metric in METRICS:
            _print_results(metric, results.get_experiment("default", FLAG, "production", metric))


def _create_experiment(client: Any) -> None:
    from launchdarkly_api.api import feature_flags_api, metrics_api  # noqa: PLC0415
    from launchdarkly_api.model.feature_flag_body import FeatureFlagBody  # noqa: PLC0415
    from launchdarkly_api.model.json_patch import JSONPatch  # noqa: PLC0415
    from launchdarkly_api.model.metric_post import MetricPost  # noqa: PLC0415
    from launchdarkly_api.model.patch_operation import PatchOperation  # noqa: PLC0415
    from launchdarkly_api.model.patch_with_comment import PatchWithComment  # noqa: PLC0415
    from launchdarkly_api.model.variate import Variate  # noqa: PLC0415

    metrics = metrics_api.MetricsApi(client)
    metrics.post_metric("default", MetricPost(key="purchase", kind="custom", event_key="purchase"))
    numeric = MetricPost(key="order-value", kind="custom", event_key="purchase", is_numeric=True, unit="€")
    metrics.post_metric("default", numeric)
    flags = feature_flags_api.FeatureFlagsApi(client)
    variations = [Variate(value="plain", name="Plain"), Variate(value="bold", name="Bold")]
    flags.post_feature_flag(
        "default", FeatureFlagBody(name="Checkout button", key=FLAG, variations=variations)
    )
    halves = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
    running = [{"metricKey": metric, "environments": ["production"]} for metric in METRICS]
    changes = (
        ("/environments/production/on", True),
        ("/environments/production/fallthrough", {"rollout": {"variations": halves}}),
        ("/experiments", {"baselineIdx": 0, "items": running}),
    )
    operations = [PatchOperation(op="replace", path=path, value=value) for path, value in changes]
    patch = PatchWithComment(patch=JSONPatch(operations), comment="Start the demo's experiment")
    flags.patch_feature_flag("default", FLAG, patch)


def _shop(host: str, sdk_key: str, shoppers: int) -> None:
    import ldclient  # noqa: PLC0415
    from ldclient.config import Config  # noqa: PLC0415

    # Room for every event: the SDK drops what its queue can't hold, and on closing what all its senders are too
    # busy to take, so nothing here asks it to flush more often than it does by itself.
    config = Config(
        sdk_key,
        base_uri=host,
        stream_uri=host,
        events_uri=host,
        flush_interval=1,
        events_max_pending=4 * shoppers,
        diagnostic_opt_out=True,
    )
    chance = random.Random(SEED)  # noqa: S311
    with ldclient.LDClient(config, start_wait=10) as client:
        if not client.is_initialized():
            raise click.ClickException("the SDK could not start")
        with click.progressbar(range(shoppers), label="Shoppers", file=sys.stdout) as progress:
            for number in progress:
                context = ldclient.Context.create(f"shopper-{number}")
                button = client.variation(FLAG, context, "plain")
                if chance.random() < BUYING_RATES[button == "bold"]:
                    client.track("purchase", context, metric_value=round(chance.lognormvariate(3, 0.6), 2))


def _print_results(metric: str, results: Any) -> None:
    click.echo(f"\n{metric}: results by launchdarkly-api 6.0.1")
    head = f"{'variation':<10}{'exposed':>9}{'count':>8}{'per unit':>11}{'95 % interval':>20}{'lift':>9}{'p-value':>10}"
    click.echo(head + f"{'sample needed':>15}")
    for labels, total in zip(results.metadata, results.totals, strict=True):
        interval = total.cumulative_confidence_interval
        bounds = f"{interval.lower:.4f} – {interval.upper:.4f}"
        lift = f"{total['improvement']:+.1%}" if "improvement" in total else "baseline"
        p_value = _p_value(total["p_value"]) if "p_value" in total else ""
        click.echo(
            f"{labels['key']:<10}{total.cumulative_impression_count:>9}{total.cumulative_count:>8}"
            f"{total.cumulative_conversion_rate:>11.4f}{bounds:>20}{lift:>9}{p_value:>10}{total.min_sample_size:>15}"
        )
    winner = results.stats.get("winning_variation_idx")
    named = "none yet" if winner is None else results.metadata[winner]["key"]
    click.echo(f"Winner: {named}")


def _p_value(p_value: float) -> str:
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"
