"""What browsers are to watch for: clicks on elements, and views of pages, that an active metric counts."""

import msgspec

from assay.experiments.metric import Metric
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange, Handler
from assay.sdk.wire import JSON
from assay.store.store import Store


def goals(store: Store, find_place: FindPlace) -> Handler:
    """Always 200, an array: a browser fetches it once for each page."""

    async def handle(exchange: Exchange) -> None:
        project, _ = find_place(exchange)
        metrics = store.state.all("metric", project).values()
        found = [
            _goal(metric) for metric in metrics if metric.is_active and metric.kind in ("click", "pageview")
        ]
        await exchange.answer(200, JSON, msgspec.json.encode(found))

    return handle


def _goal(metric: Metric) -> dict[str, object]:
    """The key comes back as that of the event, by which it finds its metric."""
    goal: dict[str, object] = {"key": metric.key, "kind": metric.kind, "urls": list(metric.urls)}
    return goal | ({"selector": metric.selector} if metric.kind == "click" else {})
