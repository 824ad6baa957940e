"""The dialog by keyboard alone, with the names that a screen reader says."""

from __future__ import annotations

from typing import Any

from stylecore.settings import SETTINGS
from tests.gimp.cases.driving import DIALOG, JOB, eventually, open_from_menu, state
from tests.gimp.looking import ALL, CHOSEN, FOCUS, focused, look, open_again, until, values
from tests.gimp.session import GimpSession

#: What is pressed where the keyboard arrives, and the value that this must give.
PRESSED = {
    "Before": ("space", True),
    "Strength": ("Up", 51.0),
    "Brush size (%)": ("Down", 99.0),
    "Quality": ("Up", "draft"),
    "Advanced (1 changed)": ("space", True),
    "Smoothing": ("Up", 1.5),
}


def names_of(group: str) -> list[str]:
    """Return how the dialog calls the settings of a group, in its order."""
    labels = [(setting.label.replace("_", ""), setting.unit) for setting in SETTINGS if setting.group == group]
    return [f"{label} ({unit})" if unit else label for label, unit in labels]


def go(gimp: GimpSession, key: str) -> dict[str, Any]:
    """Press Tab or Shift+Tab, and return what has the keyboard then."""
    before = focused(gimp)
    gimp.display.key(key)
    now = until(gimp, FOCUS, lambda now: now is not None and now != before)
    assert now is not None and now != before, f"{key} does not leave {before}"
    assert now["seen"], f"{now} has the keyboard and is scrolled out of sight"
    return now


def walk(gimp: GimpSession, key: str, last: str, pressed: dict[str, tuple[str, Any]]) -> list[str]:
    """Go on with the key until the keyboard is in ``last``; return the names on the way, pressing keys at some."""
    names: list[str] = []
    while last not in names:
        here = go(gimp, key)
        names.append(here["name"])
        assert len(names) < 60, names
        if here["name"] in pressed:
            change, value = pressed[here["name"]]
            gimp.display.key(change)
            now = until(gimp, FOCUS, lambda now, value=value: now["value"] == value)
            assert (now["name"], now["value"]) == (here["name"], value)
    return names


def test_the_keyboard_reaches_everything(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, iterations=3)
    assert look(gimp, CHOSEN) == []
    first = focused(gimp)
    gimp.display.key("Right")
    style = until(gimp, FOCUS, lambda now: now != first)["name"]
    assert until(gimp, CHOSEN, lambda now: now == [style]) == [style] != [first["name"]]
    shown = until(gimp, ALL, lambda now: any(each["name"] == "Before" for each in now), 60)  # there is a preview
    assert "Before" in [each["name"] for each in shown]

    forth = walk(gimp, "Tab", style, PRESSED)
    assert forth == [
        "Other Style",
        "Split",
        "Before",
        "The painting so far",
        "Fit",
        "100 %",
        "Looks",
        *names_of("main"),
        "Strength in",
        "Pictures",
        "Advanced (1 changed)",
        *names_of("advanced"),
        *names_of("research"),
        "Reset Advanced",
        "Save Settings",
        "Help",
        "Reset",
        "Cancel",
        "Apply Style",
        "Search",
        "Which styles to show",
        style,
    ]
    gimp.display.screenshot("keyboard")
    back = [name.replace("(1 changed)", "(2 changed)") for name in forth[-2::-1]]  # Smoothing is another now
    assert walk(gimp, "shift+Tab", style, {}) == [*back, style]

    # Return applies what is chosen.
    gimp.display.key("Return")
    gimp.display.wait_gone(DIALOG, JOB)
    made = eventually(gimp, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"])
    assert made["layers"][0]["name"] == f"photo – {style}"
    memory = gimp.run("result = json.loads(bytes(image.get_layers()[0].get_parasite('neural-style').get_data()))")
    wanted = {"strength": 51.0, "brush_size": 99.0, "quality": "draft", "total_variation": 1.5}
    assert {name: memory["settings"][name] for name in wanted} == wanted

    # The next time all of it is as it was, and Escape leaves.
    open_again(gimp)
    assert until(gimp, CHOSEN, lambda now: now == [style], 60) == [style]
    assert focused(gimp)["name"] == style
    shown_now = values(gimp)
    assert [shown_now[name] for name in ("Strength", "Brush size (%)", "Quality")] == [51.0, 99.0, "draft"]
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert state(gimp) == made
