"""GIMP's own ways to keep settings and to come back to earlier ones, which the dialog follows."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

import pytest

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, JOB, eventually, open_from_menu, set_last_run, until_over
from tests.gimp.looking import (
    ALL,
    CHOSEN,
    FOCUS,
    focused,
    go_to,
    look,
    open_again,
    open_menu,
    point_at,
    tab_to,
    until,
    values,
)
from tests.gimp.session import GimpSession

#: All that is written in the dialog.
WORDS = "result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]"

#: What the button beside a name's field says, and whether it can be pressed; "" for none.
NAMING = """
fields = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Popover)]
buttons = [each for field in fields for each in inside(field) if isinstance(each, Gtk.Button)]
result = [buttons[0].get_label().replace("_", ""), buttons[0].is_sensitive()] if buttons else ["", False]
"""


#: How the values to explore are written and read where people write 0,5.
WITH_COMMAS = """
import sys
rows = sys.modules["dialog.settings.axis_row"]
before, rows._has_decimal_comma = rows._has_decimal_comma, lambda: True
read = [rows._read(text) for text in ("0; 0,5; 2", "25, 50", "0,5 1,5")]
result = [rows._written(["0", "0.5", "2"]), read]
rows._has_decimal_comma = before
"""


def has(name: str) -> Any:
    """Return a test of whether something that the keyboard could be in has this name."""
    return lambda now: any(each["name"] == name for each in now)


def reset(gimp: GimpSession, to: str) -> None:
    """Choose one of the two ways of GIMP's Reset button."""
    for _ in range(5):
        # On a busy machine a key may come before the two are shown, and close them.
        go_to(gimp, "Reset")
        gimp.display.key("space")
        if not has(to)(until(gimp, ALL, has(to), 4)):
            continue
        for _ in range(4):
            if (now := focused(gimp)) is not None and now["name"] == to:
                gimp.display.key("space")
                return
            gimp.display.key("Tab")
            until(gimp, FOCUS, lambda then, now=now: then is not None and then != now, 2)
    raise AssertionError(f"The keyboard does not lead to {to}.")


@pytest.mark.both_series
def test_saved_settings_and_reset(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, strength=70.0, colours="photo", quality="draft", iterations=3)
    assert (values(gimp)["Strength"], values(gimp)["Colors"]) == (70.0, "photo")
    gimp.display.key("space")
    style = until(gimp, CHOSEN, lambda now: len(now) == 1)
    assert has("Before")(until(gimp, ALL, has("Before"), 60))  # there is a preview
    go_to(gimp, "Strength")
    gimp.display.key("Up")
    assert until(gimp, FOCUS, lambda now: now["value"] == 71.0)["value"] == 71.0
    go_to(gimp, "Save Settings")
    gimp.display.key("space")

    reset(gimp, "Reset to Factory Defaults")
    assert until(gimp, CHOSEN, lambda now: now == []) == []
    now = values(gimp)
    assert (now["Strength"], now["Colors"], now["Quality"]) == (50.0, "style", "normal")
    assert not {"Before", "Apply Style"} & set(now)  # neither a preview nor anything to apply
    reset(gimp, "Reset to Initial Values")
    until(gimp, ALL, lambda now: 70.0 in [each["value"] for each in now])
    assert (values(gimp)["Strength"], values(gimp)["Colors"], look(gimp, CHOSEN)) == (70.0, "photo", [])
    gimp.display.screenshot("reset")

    go_to(gimp, "Load Saved Settings")
    gimp.display.key("space")
    assert until(gimp, CHOSEN, lambda now: now == style) == style
    assert (values(gimp)["Strength"], values(gimp)["Colors"], values(gimp)["Quality"]) == (71.0, "photo", "draft")
    assert has("Before")(until(gimp, ALL, has("Before"), 60))
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    eventually(gimp, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"])
    until_over(gimp)  # what it remembers comes last
    memory = gimp.run("result = json.loads(bytes(image.get_layers()[0].get_parasite('neural-style').get_data()))")
    assert (memory["settings"]["strength"], memory["settings"]["colours"]) == (71.0, "photo")
    set_last_run(gimp)  # for the tests that follow nothing is saved


def test_explore_and_variations_are_for_one_run(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, strength=70.0, quality="draft", iterations=3)
    gimp.display.key("space")
    until(gimp, CHOSEN, lambda now: len(now) == 1)
    assert has("Advanced (1 changed)")(until(gimp, ALL, has("Advanced (1 changed)")))  # the iterations
    go_to(gimp, "Pictures")
    gimp.display.key("Down")
    assert has("Variations differ in")(until(gimp, ALL, has("Variations differ in")))
    assert values(gimp)["Variations"] == 4.0
    gimp.display.key("Down")
    assert has("Values of Strength")(until(gimp, ALL, has("Values of Strength")))
    assert not has("Variations differ in")(look(gimp, ALL))
    assert has("Do not explore this setting")(look(gimp, ALL))  # and not “Close”, as its icon is called
    assert look(gimp, WITH_COMMAS) == ["0; 0,5; 2", [["0", "0.5", "2"], ["25", "50"], ["0.5", "1.5"]]]
    go_to(gimp, "Values of Strength")
    gimp.display.key("ctrl+a")
    gimp.display.type("25, much")
    assert not has("Apply Style")(until(gimp, ALL, lambda now: not has("Apply Style")(now)))  # and nothing else is painted
    assert "Numbers from 0 to 100, with commas between" in look(gimp, WORDS)
    gimp.display.key(*["BackSpace"] * 4)
    gimp.display.type("75")
    assert has("Apply Style")(until(gimp, ALL, has("Apply Style")))
    go_to(gimp, "Another Setting")
    gimp.display.key("space")
    assert "6 pictures of each layer" in until(gimp, WORDS, lambda now: "6 pictures of each layer" in now)
    tab_to(gimp, "Setting to explore", "shift+Tab")
    gimp.display.key("Down")  # from brush size to the colours, of which a menu shows the values
    assert has("Values of Colors")(until(gimp, ALL, has("Values of Colors")))
    gimp.display.screenshot("explore")
    go_to(gimp, "Values of Colors")
    gimp.display.key("space")
    gimp.display.key("Down", "Down", "space", "Escape")  # without the last of them
    assert "4 pictures of each layer" in until(gimp, WORDS, lambda now: "4 pictures of each layer" in now)
    assert has("Advanced (1 changed)")(look(gimp, ALL))
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    made = eventually(gimp, lambda now: len(now["layers"]) == 2 and "variations" in now["layers"][0]["name"])
    assert made["layers"][0]["name"] == "photo – variations"
    names = gimp.run("result = [layer.get_name() for layer in image.get_layers()[0].get_children()]")
    wanted = [f"Strength {strength}, Colors: From the {colors}" for strength in (25, 75) for colors in ("style", "photo")]
    assert [name.partition(" – ")[0] for name in names] == wanted

    open_again(gimp)
    now = {each["name"]: each["value"] for each in until(gimp, ALL, has("Pictures"))}
    assert (now["Pictures"], now["Strength"]) == (0, 70.0)
    assert not {"Variations", "Values of Strength"} & set(now)
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


def test_what_is_changed_under_advanced_is_said_and_reset(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, strength=70.0, total_variation=2.5, seed=7)
    assert has("Advanced (2 changed)")(until(gimp, ALL, has("Advanced (2 changed)")))
    gimp.display.screenshot("advanced-closed-changed")
    point_at(gimp, "Reset Advanced")
    gimp.display.xdotool("click", 1)
    now = until(gimp, ALL, has("Advanced"))
    assert has("Advanced")(now) and not has("Reset Advanced")(now)
    gimp.display.key("alt+v")
    until(gimp, ALL, has("Smoothing"))
    now = values(gimp)
    assert (now["Smoothing"], now["Seed"], now["Strength"]) == (0.5, 0.0, 70.0)
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


@one_series
def test_looks_have_names_and_the_last_ones_are_remembered(opened: GimpSession) -> None:
    gimp = opened
    shutil.rmtree(gimp.shared / "user-styles", ignore_errors=True)
    (gimp.shared / "home" / ".cache" / "gimp-neural-style" / "recent-looks.json").unlink(missing_ok=True)
    open_from_menu(gimp, strength=70.0, quality="draft", iterations=3)
    gimp.display.key("space")
    style = until(gimp, CHOSEN, lambda now: len(now) == 1)

    # Saved under a name, and applied, which is remembered.
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.key("Return")
    assert has("Name of the look")(until(gimp, ALL, has("Name of the look")))
    until(gimp, FOCUS, lambda now: now is not None and now["name"] == "Name of the look")
    assert look(gimp, NAMING) == ["Save", False]
    gimp.display.type("Evening light")
    assert until(gimp, NAMING, lambda now: now[1]) == ["Save", True]
    gimp.display.screenshot("look-named")
    gimp.display.key("Return")
    saved = gimp.shared / "user-styles" / ".looks.json"
    end = time.monotonic() + 20
    while not saved.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert json.loads(saved.read_text())[0]["name"] == "Evening light"
    until(gimp, ALL, lambda now: not has("Name of the look")(now))

    # Under the same name it is told that the one before would be lost.
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.key("Return")
    until(gimp, FOCUS, lambda now: now is not None and now["name"] == "Name of the look")
    gimp.display.type("Evening  light")
    assert until(gimp, NAMING, lambda now: now[0] == "Replace") == ["Replace", True]
    gimp.display.screenshot("look-replaced")
    gimp.display.key("Escape")
    until(gimp, ALL, lambda now: not has("Name of the look")(now))
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    until_over(gimp)

    # From other settings both bring back what was, and so does the result.
    gimp.run("image.set_selected_layers([photo])")
    open_again(gimp)
    reset(gimp, "Reset to Factory Defaults")
    assert until(gimp, CHOSEN, lambda now: now == []) == [] and values(gimp)["Strength"] == 50.0
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.screenshot("looks")
    gimp.display.key("Down", "Down", "Return")  # the first that has a name
    assert until(gimp, CHOSEN, lambda now: now == style) == style
    taken = values(gimp)
    assert (taken["Strength"], taken["Quality"]) == (70.0, "draft")
    go_to(gimp, "Strength")
    gimp.display.key("Up")
    until(gimp, FOCUS, lambda now: now["value"] == 71.0)
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.key("Up", "Up", "Right")  # the last looks, above those of results
    time.sleep(0.5)
    gimp.display.screenshot("looks-last")
    gimp.display.key("Return")
    until(gimp, ALL, lambda now: 70.0 in [each["value"] for each in now])
    assert values(gimp)["Strength"] == 70.0
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)

    # A layer is a style of a look as a result has it, but none that can be kept.
    gimp.run(
        """
fabric = new_layer(image, "fabric", 64, 64)
stylise(image, [photo], styles=[f"layer {fabric.get_id()}"])
image.set_selected_layers([photo])
"""
    )
    open_again(gimp)
    assert until(gimp, CHOSEN, lambda now: now == style) == style
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.key("Up", "Right")  # of results
    time.sleep(0.5)
    gimp.display.key("Down", "Return")  # the newest, which is next to the photo
    chosen = until(gimp, CHOSEN, lambda now: "fabric" in now)
    assert len(chosen) == 2 and "fabric" in chosen
    go_to(gimp, "Looks")
    open_menu(gimp)
    gimp.display.key("Return")
    asked = until(gimp, ALL, lambda now: "without fabric" in str(now))
    gimp.display.screenshot("look-without")
    assert "without fabric" in str(asked)
    gimp.display.key("Escape", "Escape")
    gimp.display.wait_gone(DIALOG)
