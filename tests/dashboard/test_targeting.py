"""The targeting editor: what it shows is what it saves, and each button does one thing."""

from typing import Any

import msgspec
import pytest

from assay.dashboard.forms import Form, read_form
from assay.dashboard.targeting import (
    Draft,
    draft_of_flag,
    draft_of_form,
    even_weights,
    parsed_line,
    stepped,
    value_line,
)
from assay.dashboard.targeting_patch import targeting_patch
from assay.errors import InvalidRequest
from assay.flags.model import Flag, FlagConfig
from dashboard.visitor import Visitor, text_of
from live import LiveServer

WHERE = "/environments/production"


def flag_with(**config: Any) -> Flag:
    settings = msgspec.convert({"salt": "s", "sel": "s", "version": 7, "on": True, **config}, FlagConfig)
    document = {
        "key": "f",
        "name": "F",
        "creationDate": 1,
        "variations": [{"value": value, "_id": value} for value in ("a", "b", "c")],
    }
    return msgspec.structs.replace(msgspec.convert(document, Flag), environments={"production": settings})


def patched(draft: Draft, flag: Flag) -> dict[str, Any]:
    """The values that the draft's patch puts, by name."""
    operations = targeting_patch(draft, flag, "production")
    return {
        row["path"].removeprefix(f"{WHERE}/"): row.get("value") for row in operations if row["op"] != "test"
    }


RULES = [
    {
        "_id": "r1",
        "clauses": [
            {
                "attribute": "country",
                "op": "in",
                "values": ["DE", "5"],
                "negate": True,
                "contextKind": "user",
            },
            {"attribute": "age", "op": "greaterThan", "values": [18, 2.5], "contextKind": "user"},
            {"attribute": "beta", "op": "in", "values": [True, "true", "5"], "contextKind": "org"},
            {"attribute": "", "op": "segmentMatch", "values": ["beta"]},
        ],
        "variation": 2,
        "description": "First",
        "trackEvents": True,
    },
    {
        "_id": "r2",
        "clauses": [{"attribute": "plan", "op": "in", "values": ["pro"], "contextKind": "user"}],
        "rollout": {
            "variations": [{"variation": 0, "weight": 33_333}, {"variation": 1, "weight": 66_667}],
            "seed": 42,
            "bucketBy": "group",
            "contextKind": "org",
        },
    },
]


def test_a_form_that_nobody_touched_saves_what_was_there() -> None:
    flag = flag_with(
        rules=RULES,
        fallthrough={"rollout": {"variations": [{"variation": 1, "weight": 100_000}], "seed": 5}},
        offVariation=1,
        targets=[{"variation": 0, "values": ["ada", "5"]}],
        prerequisites=[{"key": "other", "variation": 1}],
    )
    config = flag.environments["production"]
    values = patched(draft_of_flag(flag, config), flag)
    rules = values["rules"]
    assert [rule["_id"] for rule in rules] == ["r1", "r2"]
    assert [clause["values"] for clause in rules[0]["clauses"]] == [
        ["DE", "5"],
        [18, 2.5],
        [True, "true", "5"],
        ["beta"],
    ]
    assert [clause["negate"] for clause in rules[0]["clauses"]] == [True, False, False, False]
    assert rules[0]["trackEvents"] is True
    assert rules[1]["rollout"]["seed"] == 42
    assert rules[1]["rollout"]["contextKind"] == "org"
    weights = {entry["variation"]: entry["weight"] for entry in rules[1]["rollout"]["variations"]}
    assert weights == {0: 33_333, 1: 66_667, 2: 0}
    assert values["fallthrough"]["rollout"]["seed"] == 5
    assert values["offVariation"] == 1
    assert values["targets"] == [{"variation": 0, "contextKind": "user", "values": ["ada", "5"]}]
    assert values["contextTargets"] == []
    assert values["prerequisites"] == [{"key": "other", "variation": 1}]


def test_saving_demands_the_version_that_the_form_began_with() -> None:
    flag = flag_with()
    draft = draft_of_flag(flag, flag.environments["production"])
    first = targeting_patch(draft, flag, "production")[0]
    assert first == {"op": "test", "path": f"{WHERE}/version", "value": 7}


def test_an_experiments_rollout_is_kept_to_the_letter() -> None:
    rollout = {
        "kind": "experiment",
        "variations": [
            {"variation": 0, "weight": 50_000},
            {"variation": 1, "weight": 10_000},
            {"variation": 0, "weight": 40_000, "_untracked": True},
        ],
        "seed": 9,
    }
    flag = flag_with(fallthrough={"rollout": rollout})
    draft = draft_of_flag(flag, flag.environments["production"])
    assert draft.fallthrough.choice == "kept"
    assert patched(draft, flag)["fallthrough"] == {"rollout": rollout}


def test_targets_of_several_kinds_say_where_users_stand_among_them() -> None:
    form = {
        "target.0.variation": "1",
        "target.0.kind": "org",
        "target.0.keys": "acme\nacme\n",
        "target.1.variation": "0",
        "target.1.kind": "user",
        "target.1.keys": "ada",
    }
    flag = flag_with()
    values = patched(draft_of_form(filled(form)), flag)
    assert values["targets"] == [{"variation": 0, "contextKind": "user", "values": ["ada"]}]
    assert values["contextTargets"] == [
        {"variation": 1, "contextKind": "org", "values": ["acme"]},
        {"variation": 0, "contextKind": "user", "values": []},
    ]


def filled(fields: dict[str, str]) -> Form:
    return Form({"fallthrough.choice": ("0",), **{name: (value,) for name, value in fields.items()}})


def rule_form(**fields: str) -> Form:
    rule = {
        "clause.0.attribute": "country",
        "clause.0.op": "in",
        "clause.0.values": "DE",
        "serve.choice": "1",
    }
    return filled({f"rule.0.{name}": value for name, value in (rule | fields).items()})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clause.0.attribute": ""}, "names no attribute"),
        ({"clause.0.values": " \n "}, "has no values"),
        ({"serve.choice": "7"}, "no variation number 7"),
        ({"serve.choice": "x"}, "is a number"),
        ({"serve.choice": "rollout", "serve.weight.0.percent": "50"}, "add up to 50, not to 100"),
        ({"serve.choice": "rollout", "serve.weight.0.percent": "a lot"}, "is no percentage"),
        ({"serve.choice": "rollout", "serve.weight.0.percent": "-1"}, "is no percentage"),
        ({"serve.choice": "kept"}, "is a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(fields: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        targeting_patch(draft_of_form(rule_form(**fields)), flag_with(), "production")


def test_percentages_are_exact_to_a_thousandth_and_may_have_a_comma() -> None:
    shares = {"serve.weight.0.percent": "33.333", "serve.weight.1.percent": "33,333"}
    draft = draft_of_form(
        rule_form(**{"serve.choice": "rollout", "serve.weight.2.percent": "33.334", **shares})
    )
    rollout = patched(draft, flag_with())["rules"][0]["rollout"]
    assert [entry["weight"] for entry in rollout["variations"]] == [33_333, 33_333, 33_334]


@pytest.mark.parametrize("count", [2, 3, 6, 7, 11])
def test_even_percentages_add_up(count: int) -> None:
    assert round(sum(float(text) * 1000 for text in even_weights(count))) == 100_000


@pytest.mark.parametrize(
    "value",
    ["DE", "5", 5, 2.5, True, "true", "null", None, '"quoted"', [1, "a"], {"a": 1}, "", " x", "-", "NaN"],
)
def test_a_value_survives_being_a_line(value: Any) -> None:
    assert parsed_line(value_line(value, text_only=False), text_only=False) == (
        "null" if value is None else value
    )


@pytest.mark.parametrize("text", ["5", "true", '"5"', "[1"])
def test_where_only_texts_make_sense_a_line_is_a_text(text: str) -> None:
    assert parsed_line(value_line(text, text_only=True), text_only=True) == text


def steps(draft: Draft, *names: str) -> Draft:
    for name in names:
        draft = stepped(draft, name)
    return draft


def test_each_button_does_one_thing() -> None:
    empty = draft_of_flag(flag_with(), flag_with().environments["production"])
    assert len(steps(empty, "add-rule", "add-rule").rules) == 2
    assert len(steps(empty, "add-rule", "add-clause.0").rules[0].clauses) == 2
    assert len(steps(empty, "add-rule", "add-clause.0", "remove-clause.0.0").rules[0].clauses) == 1
    assert steps(empty, "add-rule", "remove-rule.0").rules == ()
    assert len(steps(empty, "add-target").targets) == 1
    assert steps(empty, "add-target", "remove-target.0").targets == ()
    assert len(steps(empty, "add-prerequisite").prerequisites) == 1
    assert steps(empty, "add-prerequisite", "remove-prerequisite.0").prerequisites == ()


def test_rules_move_up_and_down_and_stop_at_the_ends() -> None:
    flag = flag_with(rules=RULES)
    draft = draft_of_flag(flag, flag.environments["production"])
    assert [rule.id for rule in steps(draft, "down.0").rules] == ["r2", "r1"]
    assert [rule.id for rule in steps(draft, "up.1").rules] == ["r2", "r1"]
    for name in ("up.0", "down.1", "up.9", "down", "up.x", "dance.0"):
        assert steps(draft, name) in (draft, steps(draft, "down.0")), name


def test_a_form_reads_what_a_browser_sends() -> None:
    form = read_form(b"a=1&a=2&rule.10.id=ten&rule.2.id=two&text=x%0D%0Ay&bad=%ff")
    assert form.every("a") == ("1", "2")
    assert [part.text("id") for part in form.numbered("rule")] == ["two", "ten"]
    assert form.raw("text") == "x\ny"
    assert form.raw("bad") == "\ufffd"
    with pytest.raises(InvalidRequest):
        read_form(b"&".join(b"a%d=1" % number for number in range(30_000)))


def test_saving_over_somebody_elses_change_is_refused_once(site: LiveServer, admin: Visitor) -> None:
    assert site.rest("POST", "/flags/default", {"key": "contested", "name": "Contested"}).status == 201
    home = "/p/default/production/flags/contested"
    fields = admin.form_of(home)
    on = [{"op": "replace", "path": f"{WHERE}/on", "value": True}]
    assert site.rest("PATCH", "/flags/default/contested", on).status == 200
    late = admin.post(home, {**fields, "off": "0", "do": "save"})
    assert late.status_code == 409
    assert "Somebody changed this flag while you did" in text_of(late.text)
    again = {**fields, "version": str(version_of(site, "contested")), "off": "0", "do": "save"}
    assert "Saved." in text_of(admin.post(home, again).text)
    assert (
        site.rest("GET", "/flags/default/contested").body["environments"]["production"]["offVariation"] == 0
    )


def version_of(site: LiveServer, key: str) -> int:
    version: int = site.rest("GET", f"/flags/default/{key}").body["environments"]["production"]["version"]
    return version


def test_a_refused_form_keeps_what_was_typed(site: LiveServer, admin: Visitor) -> None:
    assert site.rest("POST", "/flags/default", {"key": "typed", "name": "Typed"}).status == 201
    home = "/p/default/production/flags/typed"
    fields = {
        "rule.0.clause.0.attribute": "country",
        "rule.0.clause.0.op": "in",
        "rule.0.clause.0.values": "",
    }
    page = admin.post(home, {**admin.form_of(home), **fields, "comment": "Half done", "do": "save"})
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert 'value="country"' in page.text
    assert 'value="Half done"' in page.text
