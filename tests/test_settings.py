"""Settings: one table, read once, and never repaired."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from assay.settings import TABLE, InvalidSetting, Settings, read_settings


def test_the_table_and_the_values_have_the_same_names() -> None:
    assert [row.name for row in TABLE] == [field.name for field in dataclasses.fields(Settings)]
    assert len({row.variable for row in TABLE}) == len(TABLE)


def test_every_setting_has_the_type_its_row_says() -> None:
    settings = read_settings({}, {})
    for row in TABLE:
        wanted: type = Path if row.name == "data" else row.kind
        assert isinstance(getattr(settings, row.name), wanted), row.name
        assert row.help
        assert row.unit


def test_without_anything_the_defaults_hold() -> None:
    settings = read_settings({}, {})
    for row in TABLE:
        assert str(getattr(settings, row.name)) == str(row.default)


def test_an_option_goes_before_the_environment_and_that_before_the_default() -> None:
    environ = {"ASSAY_PORT": "1", "ASSAY_HOST": "h"}
    settings = read_settings({"port": 2, "host": None}, environ)
    assert (settings.port, settings.host, settings.log_level) == (2, "h", "info")


@pytest.mark.parametrize("row", [row for row in TABLE if row.kind is int], ids=lambda row: row.name)
def test_a_number_is_whole_and_not_below_the_least(row: Any) -> None:
    assert getattr(read_settings({}, {row.variable: str(row.least)}), row.name) == row.least
    for bad in (str(row.least - 1), "", "many", "1.5", "1e3", "0x10", "NaN"):
        with pytest.raises(InvalidSetting, match=row.variable):
            read_settings({}, {row.variable: bad})


@pytest.mark.parametrize("level", ["INFO", "", "trace", "info "])
def test_a_log_level_is_one_of_four(level: str) -> None:
    with pytest.raises(InvalidSetting, match="log_level"):
        read_settings({}, {"ASSAY_LOG_LEVEL": level})


def test_a_setting_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="prot"):
        read_settings({"prot": 1}, {})


def test_a_variable_of_somebody_else_is_left_alone() -> None:
    assert read_settings({}, {"PORT": "1", "assay_port": "2", "ASSAY_PORTS": "3"}).port == 8030


def test_printing_the_settings_shows_no_token() -> None:
    assert "hush" not in repr(read_settings({"admin_token": "hush-hush-hush-hush"}, {}))
