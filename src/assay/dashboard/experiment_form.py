"""An experiment's design as a form: from what was typed to the body of a request, with what is wrong by field."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from assay.dashboard.forms import Form
from assay.dashboard.words import variation_label
from assay.errors import InvalidRequest
from assay.experiments.experiment import FALLTHROUGH
from assay.experiments.rollout import rule_of
from assay.flags.model import Flag, FlagConfig

# What a metric group is told from a metric by: no key holds a slash.
GROUP = "group/"

ROLES = {"": "not measured", "secondary": "measured, too", "guardrail": "guardrail"}
PLANS = {
    "open": "Open-ended: look at any time, stop at any time",
    "horizon": "Up to a horizon: as many units as were planned",
}


@dataclass(frozen=True, slots=True)
class TreatmentForm:
    """One of the flag's variations; `taken` where it takes part."""

    variation_id: str
    label: str
    name: str
    percent: str
    taken: bool


@dataclass(frozen=True, slots=True)
class DesignForm:
    """Every field as text. `roles`: of metrics other than the primary one, by key, a group's after `GROUP`."""

    name: str = ""
    key: str = ""
    hypothesis: str = ""
    flag: str = ""
    rule: str = FALLTHROUGH
    unit: str = ""
    treatments: tuple[TreatmentForm, ...] = ()
    baseline: str = ""
    primary: str = ""
    roles: tuple[tuple[str, str], ...] = ()
    attributes: str = ""
    plan: str = "open"
    horizon: str = ""
    power: str = "80"
    lift: str = "5"
    turn_on: bool = False

    def role(self, metric: str) -> str:
        return dict(self.roles).get(metric, "")

    @property
    def taken(self) -> tuple[TreatmentForm, ...]:
        return tuple(one for one in self.treatments if one.taken)


def design_as_typed(form: Form) -> DesignForm:
    plan = form.text("plan", "open")
    return DesignForm(
        name=form.text("name"),
        key=form.text("key"),
        hypothesis=form.raw("hypothesis"),
        flag=form.text("flag"),
        rule=form.text("rule", FALLTHROUGH),
        unit=form.text("unit"),
        treatments=tuple(
            TreatmentForm(
                variation_id=row.text("id"),
                label=row.text("id"),
                name=row.text("name"),
                percent=row.text("percent").removesuffix("%").strip().replace(",", "."),
                taken=row.ticked("taken"),
            )
            for row in form.numbered("treatment")
        ),
        baseline=form.text("baseline"),
        primary=form.text("primary"),
        roles=tuple((row.text("key"), row.text("role")) for row in form.numbered("metric")),
        attributes=form.raw("attributes"),
        plan=plan if plan in PLANS else "open",
        horizon=form.text("horizon"),
        power=form.text("power", "80"),
        lift=form.text("lift", "5"),
        turn_on=form.ticked("turn_on"),
    )


def fitted(typed: DesignForm, flag: Flag, config: FlagConfig) -> DesignForm:
    """The form with a row for each of the flag's variations: as typed, or where they were another flag's, anew."""
    rule = typed.rule if rule_of(config, typed.rule) else FALLTHROUGH
    labels = {one.id: variation_label(flag, index) for index, one in enumerate(flag.variations)}
    if [one.variation_id for one in typed.treatments] == list(labels):
        rows = tuple(replace(one, label=labels[one.variation_id]) for one in typed.treatments)
        return replace(typed, rule=rule, treatments=rows)
    percents = even_percents(len(labels))
    rows = tuple(
        TreatmentForm(key, label, label, percent, taken=True)
        for (key, label), percent in zip(labels.items(), percents, strict=True)
    )
    return replace(
        typed, rule=rule, treatments=rows, baseline=flag.variations[_served_now(flag, config, rule)].id
    )


def even_percents(number: int) -> list[str]:
    """As even as thousandths of a percent allow; they add up to 100."""
    each, rest = divmod(100_000, number)
    return [_thousandths(each + (index >= number - rest)) for index in range(number)]


def design_faults(typed: DesignForm) -> dict[str, str]:
    """What is wrong, by the name of the field that it stands beside."""
    faults = {}
    if not typed.name:
        faults["name"] = "Give it a name."
    if not typed.flag:
        faults["flag"] = "Choose the flag whose variations are compared."
    elif len(typed.taken) < 2:
        faults["treatments"] = "Compare at least two variations."
    elif typed.baseline not in {one.variation_id for one in typed.taken}:
        faults["treatments"] = "Choose as the baseline one of those that take part."
    elif fault := _fault_of_percents(typed):
        faults["treatments"] = fault
    if not typed.primary:
        faults["primary"] = "Choose the metric that decides."
    for name, most in (("power", 100.0), ("lift", 100_000.0)):
        value = fraction(getattr(typed, name))
        if value is None or not 0 < value < most / 100:
            faults[name] = (
                f"A percentage above 0 and below {most:g}." if most < 1000 else "A percentage above 0."
            )
    if "power" not in faults and (fraction(typed.power) or 0) < 0.5:
        faults["power"] = "At least 50 %: below, it would rather miss the effect than find it."
    if typed.plan == "horizon" and typed.horizon and not horizon_units(typed):
        faults["horizon"] = "A whole number of units, 1 or more."
    return faults


def fraction(text: str) -> float | None:
    """A percentage as typed, as a fraction; None where it is none."""
    try:
        value = float(text.removesuffix("%").strip().replace(",", ".")) / 100
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def horizon_units(typed: DesignForm) -> int | None:
    """The horizon as typed; None where there is none, or none was planned."""
    digits = "".join(typed.horizon.split()).replace(",", "")
    whole = digits.isascii() and digits.isdecimal() and len(digits) < 16
    return (int(digits) or None) if typed.plan == "horizon" and whole else None


def iteration_body(typed: DesignForm, version: int, *, horizon: int | None) -> dict[str, Any]:
    """What the REST API takes, of a form without faults; `version`: the flag's, as it was shown."""
    if typed.plan == "horizon" and horizon is None:
        raise InvalidRequest(
            "Say how many units the horizon is: the size that is needed can't be told beforehand"
        )
    measured = [(key, role) for key, role in typed.roles if role in ROLES and role and key != typed.primary]
    return {
        "hypothesis": typed.hypothesis,
        "flags": {typed.flag: {"ruleId": typed.rule, "flagConfigVersion": version}},
        "treatments": [
            {
                "name": one.name or one.label,
                "allocationPercent": one.percent,
                "baseline": one.variation_id == typed.baseline,
                "parameters": [{"flagKey": typed.flag, "variationId": one.variation_id}],
            }
            for one in typed.taken
        ],
        "metrics": [_metric_input(key) for key in (typed.primary, *(key for key, _ in measured))],
        **_decides(typed.primary),
        "randomizationUnit": typed.unit or None,
        "attributes": attributes_of(typed),
        "assay": {
            "horizonUnits": horizon,
            "power": fraction(typed.power),
            "minimumLift": fraction(typed.lift),
            "guardrails": [key.removeprefix(GROUP) for key, role in measured if role == "guardrail"],
        },
    }


def _metric_input(key: str) -> dict[str, Any]:
    return {"key": key.removeprefix(GROUP), "isGroup": key.startswith(GROUP)}


def _decides(primary: str) -> dict[str, str]:
    """A funnel or a metric, whichever is primary."""
    if primary.startswith(GROUP):
        return {"primaryFunnelKey": primary.removeprefix(GROUP)}
    return {"primarySingleMetricKey": primary}


def attributes_of(typed: DesignForm) -> list[str]:
    return Form({"attributes": (typed.attributes,)}).words("attributes")


def percents(treatments: Iterable[TreatmentForm]) -> list[float]:
    """The shares of those that take part, as fractions; empty where one is no percentage."""
    found = [fraction(one.percent) for one in treatments]
    known = [one for one in found if one is not None and 0 <= one <= 1]
    return known if len(known) == len(found) else []


def _fault_of_percents(typed: DesignForm) -> str:
    shares = percents(typed.taken)
    if not shares:
        return "Shares are percentages between 0 and 100."
    total = round(100 * sum(shares), 6)
    if total > 100:
        return f"The shares add up to {total:g} %; 100 % is the most."
    return "" if all(share > 0 for share in shares) else "A variation that takes part has a share above 0 %."


def _served_now(flag: Flag, config: FlagConfig, rule: str) -> int:
    """The variation that is likely the state of today."""
    place = rule_of(config, rule)
    number = place.variation if config.on and place else config.off_variation
    return number if number is not None and number < len(flag.variations) else 0


def _thousandths(value: int) -> str:
    return f"{value / 1000:.3f}".rstrip("0").rstrip(".")
