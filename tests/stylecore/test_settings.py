"""The one declaration of the settings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylecore import settings

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2)
)


def test_defaults_are_valid() -> None:
    assert settings.validate({}) == settings.defaults() == settings.validate(settings.defaults())


@given(st.sampled_from(list(settings.BY_NAME)), VALUES)
def test_a_value_is_checked_or_refused_in_words(name: str, value: object) -> None:
    try:
        accepted = settings.validate({name: value})[name]
    except settings.SettingError as error:
        assert name in str(error)
    else:
        assert accepted == value


@given(st.dictionaries(st.one_of(st.sampled_from([*settings.BY_NAME, "version"]), st.text(max_size=6)), VALUES))
def test_stored_settings_of_any_age_can_be_read(stored: dict[str, object]) -> None:
    migrated = settings.migrate(stored)
    assert settings.validate(migrated) == migrated


@given(st.floats(0, 100), st.sampled_from(["draft", "normal", "best"]))
def test_settings_survive_being_stored(strength: float, quality: str) -> None:
    values = settings.validate({"strength": strength, "quality": quality})
    assert settings.migrate(json.loads(json.dumps(settings.stored(values)))) == values


def test_an_unknown_setting_names_those_that_exist() -> None:
    with pytest.raises(settings.SettingError, match=r"strenght.*strength, brush_size"):
        settings.validate({"strenght": 1})


def test_the_table_names_every_setting() -> None:
    table = settings.markdown_table()
    assert all(f"`{name}`" in table for name in settings.BY_NAME)
    assert table.count("\n") == len(settings.SETTINGS) + 1


@given(st.lists(st.floats(0, 100), min_size=5, max_size=5))
def test_layer_weights_are_read_as_written(weights: list[float]) -> None:
    text = " ".join(str(weight) for weight in weights)
    if any(weights):
        assert settings.numbers(settings.validate({"layer_weights": text})["layer_weights"]) == weights
    else:
        with pytest.raises(settings.SettingError, match="not all 0"):
            settings.validate({"layer_weights": text})


@pytest.mark.parametrize("text", ["", "1 1 1 1", "1 1 1 1 1 1", "x 1 1 1 1", "1 1 -1 1 1", "nan 1 1 1 1", 5])
def test_wrong_layer_weights_are_refused(text: object) -> None:
    with pytest.raises(settings.SettingError, match="layer_weights"):
        settings.validate({"layer_weights": text})


def test_results_from_before_the_palette_stay_as_they_were_painted() -> None:
    older = settings.stored({**settings.defaults(), "strength": 70.0})
    del older["palette"]
    assert settings.migrate(older) == {**settings.defaults(), "strength": 70.0, "palette": 0.0}
    assert settings.migrate(settings.stored(settings.defaults())) == settings.defaults()
    assert settings.migrate({"strength": 70.0})["palette"] == 100.0  # not a stored set
