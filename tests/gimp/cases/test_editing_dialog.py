"""The filter opened on a result, driven by keyboard on a screen; undo and redo."""

from __future__ import annotations

import time

from tests.gimp.cases.test_dialog import DIALOG, JOB, eventually, forget_last_run, opened, state  # noqa: F401
from tests.gimp.session import GimpSession

MAKE = """
made = stylise(image, [photo], strength=35)["made"][0]
original = read(photo)
image.set_selected_layers([made])
"""
PIXELS = """
result = {"made": __import__("hashlib").sha256(read(made)).hexdigest(), "photo": read(photo) == original,
          "strength": json.loads(bytes(made.get_parasite("neural-style").get_data()))["settings"]["strength"],
          "layers": layers(image), "undo": image.undo_is_enabled(),
          "selected": [layer.get_name() for layer in image.get_selected_layers()]}
"""


def open_on_result(gimp: GimpSession) -> int:
    forget_last_run(gimp)
    gimp.menu("Neural Style…")
    window = gimp.display.wait_window(DIALOG)
    time.sleep(2.5)
    gimp.display.activate(window)
    return window


def test_a_result_opens_with_its_settings_and_is_updated(opened: GimpSession) -> None:  # noqa: F811
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    before = gimp.run(PIXELS)
    assert before["strength"] == 35
    open_on_result(gimp)
    gimp.display.screenshot("result-opened")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert gimp.run(PIXELS) == before
    open_on_result(gimp)
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    time.sleep(0.5)
    after = gimp.run(PIXELS)
    gimp.display.screenshot("result-updated")
    assert after["strength"] == 35 and after["made"] != before["made"] and after["photo"]
    assert (after["layers"], after["selected"]) == (before["layers"], before["selected"])
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    until = time.monotonic() + 5
    while (undone := gimp.run(PIXELS))["made"] != before["made"] and time.monotonic() < until:
        time.sleep(0.1)
    assert undone == before
    gimp.display.key("ctrl+y")
    until = time.monotonic() + 5
    while (redone := gimp.run(PIXELS))["made"] != after["made"] and time.monotonic() < until:
        time.sleep(0.1)
    assert redone["made"] == after["made"]


def test_cancelled_or_killed_while_a_result_is_updated(opened: GimpSession) -> None:  # noqa: F811
    gimp = opened
    gimp.run(MAKE.replace("strength=35", "strength=35, quality='best', iterations=4"), timeout=JOB)
    gimp.run("""
memory = json.loads(bytes(made.get_parasite("neural-style").get_data()))
memory["settings"] |= {"iterations": 2000}
made.attach_parasite(Gimp.Parasite.new("neural-style", 3, json.dumps(memory).encode()))
made.set_opacity(60.0)
""")
    before = gimp.run(PIXELS)
    for ending in ("cancel", "kill"):
        open_on_result(gimp)
        gimp.display.key("alt+a")
        time.sleep(5)
        gimp.display.screenshot(f"result-painting-{ending}")
        during = state(gimp)
        assert len(during["layers"]) == 3 and during["layers"][0]["name"].endswith("(painting)")
        if ending == "cancel":
            gimp.display.key("Escape")
            gimp.display.wait_gone(DIALOG)
            time.sleep(0.5)
            assert gimp.run(PIXELS) == before
        else:
            for process in gimp.plugin_processes():
                process.kill()
            time.sleep(1.5)
            left = gimp.run(PIXELS)
            assert (left["made"], left["photo"], left["undo"]) == (before["made"], True, True)


def test_update_results_from_the_menu(opened: GimpSession) -> None:  # noqa: F811
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    gimp.run("write(photo, read(photo)[:4 * 160 * 60] + bytes((200, 20, 20, 255)) * (160 * 60))\n"
             "original = read(photo)")
    before = gimp.run(PIXELS)
    gimp.menu("Update Results")
    window = gimp.display.wait_window("^Neural Style: Update Results$")
    time.sleep(0.7)
    gimp.display.screenshot("update-results")
    gimp.display.wait_gone("^Neural Style: Update Results$", JOB)
    assert window
    after = eventually(gimp, lambda now: True) and gimp.run(PIXELS)
    assert after["made"] != before["made"] and after["photo"] and after["layers"] == before["layers"]
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    until = time.monotonic() + 5
    while (undone := gimp.run(PIXELS))["made"] != before["made"] and time.monotonic() < until:
        time.sleep(0.1)
    assert undone == before
