"""The one declaration of the settings."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylecore import settings
from stylecore.setting_kinds import SettingError, numbers
from stylecore.settings import Settings

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2)
)


def test_defaults_are_valid_and_stay() -> None:
    assert Settings.checked({}) == Settings() == Settings.checked(asdict(Settings()))
    with pytest.raises(FrozenInstanceError):
        Settings().strength = 1.0  # type: ignore[misc]


@given(st.sampled_from(list(settings.BY_NAME)), VALUES)
def test_a_value_is_checked_or_refused_in_words(name: str, value: object) -> None:
    try:
        accepted = getattr(Settings.checked({name: value}), name)
    except SettingError as error:
        assert name in str(error)
    else:
        assert accepted == value


@given(st.dictionaries(st.one_of(st.sampled_from([*settings.BY_NAME, "version"]), st.text(max_size=6)), VALUES))
def test_stored_settings_of_any_age_can_be_read(stored: dict[str, object]) -> None:
    read = Settings.from_stored(stored)
    assert Settings.checked(asdict(read)) == read


@given(st.floats(0, 100), st.sampled_from(["draft", "normal", "best"]))
def test_settings_survive_being_stored(strength: float, quality: str) -> None:
    values = Settings(strength=strength, quality=quality)
    assert Settings.from_stored(json.loads(json.dumps(values.to_stored()))) == values


def test_an_unknown_setting_names_those_that_exist() -> None:
    with pytest.raises(SettingError, match=r"strenght.*strength, brush_size"):
        Settings.checked({"strenght": 1})


def test_the_table_names_every_setting() -> None:
    table = settings.markdown_table()
    assert all(f"`{name}`" in table for name in settings.BY_NAME)
    assert table.count("\n") == len(settings.SETTINGS) + 1


@given(st.lists(st.floats(0, 100), min_size=5, max_size=5))
def test_layer_weights_are_read_as_written(weights: list[float]) -> None:
    text = " ".join(str(weight) for weight in weights)
    if any(weights):
        assert numbers(Settings(layer_weights=text).layer_weights) == weights
    else:
        with pytest.raises(SettingError, match="not all 0"):
            Settings.checked({"layer_weights": text})


@pytest.mark.parametrize("text", ["", "1 1 1 1", "1 1 1 1 1 1", "x 1 1 1 1", "1 1 -1 1 1", "nan 1 1 1 1", 5])
def test_wrong_layer_weights_are_refused(text: object) -> None:
    with pytest.raises(SettingError, match="layer_weights"):
        Settings.checked({"layer_weights": text})


def test_results_from_before_a_setting_came_stay_as_they_were_painted() -> None:
    older = Settings(strength=70.0).to_stored()
    del older["edges"]
    assert Settings.from_stored(older) == Settings(strength=70.0, edges=0.0)
    del older["palette"]
    assert Settings.from_stored(older) == Settings(strength=70.0, palette=0.0, edges=0.0)
    assert Settings.from_stored(Settings().to_stored()) == Settings()
    assert Settings.from_stored({"strength": 70.0}).palette == 100.0  # not a stored set


def test_what_is_stored_is_as_it_was_before_settings_had_a_type() -> None:
    stored = {"version": 1, "strength": 70.0, "quality": "draft", "layer_weights": "1 2 1 1 0.50"}
    read = Settings.from_stored(stored)
    assert stored.items() <= read.to_stored().items() and list(read.to_stored()) == ["version", *settings.BY_NAME]
    assert read.changed_from(Settings()) == ["strength", "palette", "edges", "figures", "quality", "layer_weights"]
