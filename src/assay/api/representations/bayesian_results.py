"""Results of one metric as clients 9 to 17 read them: LaunchDarkly's Bayesian body.

Those clients accept no null and no float where the description has an integer. What their shape has no place for is
under `assay`, a dictionary that they pass over.
"""

from typing import Any, Required, TypedDict

from assay.analysis.experiment_results import Covariate, FailedMetric, IterationResults, MetricResults
from assay.api.links import Links
from assay.api.representations.experiment_results import MetricResultsRep, metric_rep
from assay.api.representations.metric_groups import MetricInGroupRep
from assay.stats.bayesian import Lift, Posterior, Standing
from assay.stats.distributions import Beta, Normal
from assay.stats.estimate import NotEstimable


class CredibleIntervalRep(TypedDict):
    lower: float
    upper: float


class RelativeDifferenceRep(TypedDict, total=False):
    fromTreatmentId: Required[str]
    lower: Required[float]
    upper: Required[float]
    variance: Required[float]
    varianceReduction: float


class DistributionRep(TypedDict):
    kind: str
    parameters: dict[str, float]


class TreatmentResultRep(TypedDict, total=False):
    treatmentId: Required[str]
    treatmentName: Required[str]
    mean: float
    dataMean: float
    dataStdDev: float
    credibleInterval: CredibleIntervalRep
    pBest: float
    relativeDifferences: list[RelativeDifferenceRep]
    units: Required[int]
    traffic: Required[int]
    eventValuesSum: float
    distribution: DistributionRep
    correlation: float
    standardDeviationRatio: float
    covariateImbalance: float
    varianceReduction: float
    model: str
    bayesianNormal: dict[str, float]
    bayesianBeta: dict[str, float]


class MetricSeenRep(TypedDict, total=False):
    ever: Required[bool]
    timestamp: int


class SlicedResultsRep(TypedDict):
    treatmentResults: list[TreatmentResultRep]


class BayesianResultsRep(TypedDict, total=False):
    _links: Required[Links]
    treatmentResults: Required[list[TreatmentResultRep]]
    metricSeen: Required[MetricSeenRep]
    probabilityOfMismatch: float
    results: Required[list[SlicedResultsRep]]
    assay: Required[MetricResultsRep]


class MetricInGroupResultsRep(TypedDict):
    metric: MetricInGroupRep
    results: BayesianResultsRep


class GroupResultsRep(TypedDict):
    _links: Links
    metrics: list[MetricInGroupResultsRep]


def bayesian_results_rep(
    results: IterationResults, metric: MetricResults | FailedMetric, links: Links
) -> BayesianResultsRep:
    """One metric's body."""
    seen = results.seen_ms.get(metric.label.key)
    rows = _treatments_rep(results, metric)
    body: BayesianResultsRep = {
        "_links": links,
        "treatmentResults": rows,
        "metricSeen": {"ever": False} if seen is None else {"ever": True, "timestamp": seen},
        "results": [{"treatmentResults": rows}],
        "assay": metric_rep(metric, results.arms, results.seen_ms, series=False),
    }
    if not isinstance(results.sample_ratio, NotEstimable):
        body["probabilityOfMismatch"] = results.sample_ratio.mismatch_probability
    return body


def _treatments_rep(
    results: IterationResults, metric: MetricResults | FailedMetric
) -> list[TreatmentResultRep]:
    baseline = next(index for index, arm in enumerate(results.arms) if arm.is_baseline)
    rows: list[TreatmentResultRep] = []
    for index, (arm, exposed) in enumerate(zip(results.arms, results.exposed, strict=True)):
        row: TreatmentResultRep = {
            "treatmentId": arm.id,
            "treatmentName": arm.name,
            "units": 0,
            "traffic": exposed,
        }
        if isinstance(metric, MetricResults):
            row |= _known(metric, index, results.arms[baseline].id)
        rows.append(row)
    return rows


def _known(metric: MetricResults, index: int, baseline_id: str) -> TreatmentResultRep:
    figures, standing = metric.arms[index], metric.bayesian[index]
    row: dict[str, Any] = {"units": figures.units}
    optional = (
        ("eventValuesSum", figures.total),
        ("dataMean", figures.value),
        ("dataStdDev", figures.deviation),
    )
    row |= {name: value for name, value in optional if not isinstance(value, NotEstimable)}
    if isinstance(standing, Standing):
        row |= _standing_rep(standing)
        if isinstance(standing.lift, Lift):
            row["relativeDifferences"] = [_difference_rep(standing.lift, metric, index, baseline_id)]
    if isinstance(metric.covariate, Covariate):
        row |= _covariate_rep(metric.covariate, index)
    found: TreatmentResultRep = row  # type: ignore[assignment]
    return found


def _standing_rep(standing: Standing) -> dict[str, Any]:
    posterior = standing.posterior
    return {
        "mean": posterior.distribution.mean,
        "credibleInterval": {"lower": standing.interval.lower, "upper": standing.interval.upper},
        "pBest": standing.probability_best,
        **_model_rep(posterior),
    }


def _model_rep(posterior: Posterior) -> dict[str, Any]:
    distribution, prior = posterior.distribution, posterior.prior
    if isinstance(distribution, Beta):
        block = {"dataWeight": posterior.data_weight}
        if isinstance(prior, Beta):
            block |= {"priorAlpha": prior.alpha, "priorBeta": prior.beta, "priorMean": prior.mean}
        parameters = {"alpha": distribution.alpha, "beta": distribution.beta}
        return {
            "distribution": {"kind": "beta", "parameters": parameters},
            "model": "bayesianBeta",
            "bayesianBeta": block,
        }
    block = {"dataWeight": posterior.data_weight}
    if isinstance(prior, Normal):
        block["priorMean"] = prior.mu
    parameters = {"mu": distribution.mu, "sigma": distribution.sigma}
    return {
        "distribution": {"kind": "normal", "parameters": parameters},
        "model": "bayesianNormal",
        "bayesianNormal": block,
    }


def _difference_rep(lift: Lift, metric: MetricResults, index: int, baseline_id: str) -> RelativeDifferenceRep:
    body: RelativeDifferenceRep = {
        "fromTreatmentId": baseline_id,
        "lower": lift.interval.lower,
        "upper": lift.interval.upper,
        "variance": lift.distribution.sigma**2,
    }
    if isinstance(metric.covariate, Covariate):
        removed = metric.covariate.variance_removed[index]
        if not isinstance(removed, NotEstimable):
            body["varianceReduction"] = removed
    return body


def _covariate_rep(covariate: Covariate, index: int) -> dict[str, Any]:
    figures = {
        "correlation": covariate.correlation[index],
        "standardDeviationRatio": covariate.deviation_ratio[index],
        "covariateImbalance": covariate.imbalance[index],
        "varianceReduction": covariate.variance_removed[index],
    }
    return {name: value for name, value in figures.items() if not isinstance(value, NotEstimable)}
