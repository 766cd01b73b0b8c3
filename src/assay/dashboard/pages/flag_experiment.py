"""Results of a flag-scoped experiment, those of the first generation: one metric on one flag."""

import hashlib
from dataclasses import dataclass, replace

import msgspec

from assay.analysis.results import FlagExperimentResults
from assay.analysis.windows import Window
from assay.api import experiments_beta
from assay.dashboard.asking import lately_flag_results
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.flag_results_view import FlagResultsView, Named, flag_results_view
from assay.dashboard.pages.flag_targeting import FLAG
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, Unchanged, View, Visit
from assay.dashboard.words import variation_label
from assay.errors import AssayError, Forbidden

# As the page of other experiments.
MAX_AGE_S = 5.0


@dataclass(frozen=True, slots=True)
class FlagExperimentPage:
    """`results` is None where `fault` says why there are none."""

    flag: FlagFrame
    href: str
    metric: str
    metric_key: str
    metric_href: str
    running: bool
    started_ms: int | None
    stopped_ms: int | None
    may_reset: bool
    results: FlagResultsView | None
    fault: str


def show_flag_experiment(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    key = visit.path["metric"]
    check(visit, experiments_beta.get_legacy_experiment_results, **_place(visit))
    metric = visit.state.metric(visit.project.key, key)
    found, fault = _results(visit)
    tag = _tag(visit, found) if found else ""
    if tag and tag == visit.known_tag:
        return Unchanged()
    experiments = visit.state.experiments(visit.project.key, flag.key)
    names = tuple(variation_label(flag, index) for index in range(len(flag.variations)))
    item = experiments.item(key)
    periods = item.periods.get(visit.environment.key, ()) if item else ()
    page = FlagExperimentPage(
        flag=flag_frame(visit, f"experiment {key}"),
        href=visit.here("flags", flag.key, "experiments", key),
        metric=metric.name,
        metric_key=key,
        metric_href=visit.here("metrics", key),
        running=item is not None and item.running(visit.environment.key),
        started_ms=periods[0].start_date if periods else None,
        stopped_ms=periods[-1].stop_date if periods else None,
        may_reset=may(visit, experiments_beta.reset_legacy_experiment, **_place(visit)),
        results=flag_results_view(found, Named(names, experiments.baseline, metric)) if found else None,
        fault=fault,
    )
    return Page("flag_experiment.html", f"{flag.name}: {metric.name}", page, tag=tag)


def reset_flag_experiment(visit: Visit) -> Shown:
    viewed_flag(visit)
    perform(visit, experiments_beta.reset_legacy_experiment, None, query=None, **_place(visit))
    here = visit.here("flags", visit.path["flag"], "experiments", visit.path["metric"])
    return SeeOther(here, "Results begin anew. Events from before don't count any more.")


def _place(visit: Visit) -> dict[str, str]:
    return {
        "project": visit.project.key,
        "flag": visit.path["flag"],
        "environment": visit.environment.key,
        "metric": visit.path["metric"],
    }


def _results(visit: Visit) -> tuple[FlagExperimentResults | None, str]:
    """The results, or why there are none."""
    try:
        return lately_flag_results(visit, visit.path["flag"], visit.path["metric"]), ""
    except AssayError as error:
        if isinstance(error, Forbidden):
            raise
        return None, str(error)


def _tag(visit: Visit, found: FlagExperimentResults) -> str:
    """Different for different results; that time goes on makes none."""
    shown = replace(found, window=Window(0, 0))
    return hashlib.sha256(visit.target.encode() + msgspec.json.encode(shown)).hexdigest()[:32]


VIEWS = (
    View("GET", FLAG + "/experiments/{metric}", show_flag_experiment, "flags"),
    View("POST", FLAG + "/experiments/{metric}", reset_flag_experiment, "flags"),
)
