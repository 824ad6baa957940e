"""The dialog where it makes several pictures, and where it asks what is to become of the user's strokes."""

from __future__ import annotations

from typing import Any

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, JOB, eventually, set_last_run, state
from tests.gimp.looking import ALL, go_to, open_again, tab_to, until, values
from tests.gimp.session import GimpSession

QUESTION = "Your strokes"

MAKE = """
made = stylise(image, [photo])["made"][0]
image.set_selected_layers([made])
width, pixels = made.get_width(), bytearray(read(made))
for row in range(40, 80):
    pixels[4 * (row * width + 60):4 * (row * width + 100)] = bytes((20, 230, 30, 255)) * 40
write(made, bytes(pixels))
"""
#: How green the painted square is, and all pixels of the result.
LOOK = """
data = read(made)
places = [4 * (row * made.get_width() + column) for row in range(48, 72) for column in range(68, 92)]
red, green, blue = (sum(data[place + channel] for place in places) / len(places) for channel in range(3))
result = green - (red + blue) / 2, __import__("hashlib").sha256(data).hexdigest()
"""


def opened_on(gimp: GimpSession, **settings: Any) -> None:
    """Open the dialog with these settings from the last run, and wait for its preview."""
    set_last_run(gimp, quality="draft", iterations=3, **settings)
    open_again(gimp)


def undone(gimp: GimpSession, before: dict[str, Any]) -> dict[str, Any]:
    """Undo one step; return the image as soon as it is as before, or as it is then."""
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    return eventually(gimp, lambda now: now == before)


@one_series
def test_a_later_layer_fails(opened: GimpSession) -> None:
    """What was finished stays, as one step, and the user reads which layer it was that could not be painted."""
    gimp = opened
    gimp.run("""
clear = new_layer(image, "clear", 160, 120, bytes(160 * 120 * 4), position=1)
image.set_selected_layers([photo, clear])
""")
    before = state(gimp)
    set_last_run(gimp)
    gimp.start("""
answer = stylise(image, [photo, clear], interactive=True)
result = told(answer)
""")
    gimp.display.activate(gimp.display.wait_window(DIALOG))
    until(gimp, ALL, lambda now: any(each["name"] == "Apply Style" for each in now), 60)
    gimp.display.key("alt+a")
    answer = gimp.wait(JOB)
    gimp.display.wait_gone(DIALOG)
    after = state(gimp)
    assert answer["status"] == "EXECUTION_ERROR"
    assert answer["message"] == (
        "Layer “clear”: The picture is fully transparent. Choose one with visible pixels. "
        "What was finished before is in the image."
    )
    gimp.display.activate(gimp.display.wait_window("GIMP Message"))
    gimp.display.screenshot("later-layer-failed")
    gimp.display.key("Escape")
    gimp.display.wait_gone("GIMP Message")
    assert [layer["name"] for layer in after["layers"]] == ["photo – Red stripes", "photo", "clear"]
    assert after["undo enabled"] and after["selected"] == before["selected"]
    assert undone(gimp, before) == before


@one_series
def test_variations(opened: GimpSession) -> None:
    gimp = opened
    before = state(gimp)
    opened_on(gimp)
    gimp.display.key("space")
    go_to(gimp, "Pictures")
    gimp.display.key("Down")
    go_to(gimp, "Variations")
    gimp.display.key("ctrl+a")
    gimp.display.type("3")
    gimp.display.key("Tab", "Down")
    now = until(gimp, ALL, lambda now: {"brush-size", 3.0} <= {each["value"] for each in now})
    wanted = {each["name"]: each["value"] for each in now}
    assert (wanted["Variations"], wanted["Variations differ in"]) == (3.0, "brush-size")
    gimp.display.screenshot("variations")
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    made = eventually(gimp, lambda now: len(now["layers"]) == 2 and "layers" in now["layers"][0])
    group, photo = made["layers"]
    assert (group["name"], photo["name"]) == ("photo – variations", "photo")
    assert [layer["name"] for layer in group["layers"]] == [f"Brush size {size} – photo" for size in (50, 100, 200)]
    assert [layer["visible"] for layer in group["layers"]] == [True, False, False]
    assert made["selected"] == ["photo"] and made["seen"] != before["seen"]
    assert undone(gimp, before) == before


@one_series
def test_strokes_on_a_result(opened: GimpSession) -> None:
    """Each answer is obeyed, and the question is asked only where there are strokes."""
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    painted = gimp.run(LOOK)[1]
    before = "keep"
    for answer in ("keep", "keep-exactly", "paint-over"):
        open_again(gimp)
        assert until(gimp, ALL, lambda now: any(each["name"] == QUESTION for each in now))
        assert values(gimp)[QUESTION] == before  # as the last time
        if answer != before:
            tab_to(gimp, QUESTION)
            gimp.display.key("Down")
            until(gimp, ALL, lambda now, answer=answer: any(each["value"] == answer for each in now))
        gimp.display.screenshot(f"strokes-{answer}")
        before = answer
        gimp.display.key("alt+a")
        gimp.display.wait_gone(DIALOG, JOB)
        eventually(gimp, lambda now: len(now["layers"]) == 2 and gimp.run(LOOK)[1] != painted)
        green, now = gimp.run(LOOK)
        assert now != painted
        assert green > 80 if answer == "keep" else green > 200 if answer == "keep-exactly" else green < 40
        if answer != "paint-over":
            open_again(gimp)
            assert (QUESTION in values(gimp)) == (answer == "keep-exactly")  # they still are there to be asked about
            gimp.display.key("Escape")
            gimp.display.wait_gone(DIALOG)
            gimp.activate_image()
            gimp.display.key("ctrl+z")
            eventually(gimp, lambda now: gimp.run(LOOK)[1] == painted)
            assert gimp.run(LOOK)[1] == painted


#: How far each half of the picture is from the photo, in levels of 255, and what the topmost layer knows of its mask.
HALVES = """
top, below = read(image.get_layers()[0]), read(photo)
def apart(columns):
    places = [4 * (160 * y + x) + channel for y in range(0, 120, 3) for x in columns for channel in range(3)]
    return sum(abs(top[at] - below[at]) for at in places) / len(places)
known = json.loads(bytes(image.get_layers()[0].get_parasite("neural-style").get_data()))
result = apart(range(0, 70, 3)), apart(range(90, 160, 3)), known["mask"]
"""


@one_series
def test_a_mask_for_the_strength(opened: GimpSession) -> None:
    gimp = opened
    gimp.run("""
channel = Gimp.Channel.new(image, "Sky", 160, 120, 50.0, Gegl.Color.new("red"))
image.insert_channel(channel, None, 0)
write(channel, bytes(x // 80 * 255 for _ in range(120) for x in range(160)), "Y u8")
image.set_selected_layers([photo])
""")
    opened_on(gimp, strength=80.0)
    gimp.display.key("space")
    go_to(gimp, "Strength in")
    gimp.display.key("Down")
    gimp.display.screenshot("strength-mask")
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    eventually(gimp, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"])
    left, right, mask = gimp.run(HALVES)
    assert mask["name"] == "Sky" and left < 3 and right > 10

    # The result opens with it; what it says now is what it is painted by, and when it is deleted all of it is painted.
    update = "answer = call('plug-in-neural-style-update-results', image, [])['status']\nresult = answer"
    gimp.run("write(channel, bytes((159 - x) // 80 * 255 for _ in range(120) for x in range(160)), 'Y u8')")
    assert gimp.run(update, timeout=JOB) == "SUCCESS"
    left, right, again = gimp.run(HALVES)
    assert left > 10 and right < 3 and again["sha256"] != mask["sha256"]
    gimp.run("image.set_selected_layers([image.get_layers()[0]])")
    open_again(gimp)
    assert until(gimp, ALL, lambda now: any(each["name"] == "Strength in" for each in now))
    assert values(gimp)["Strength in"] == 1
    gimp.run("image.remove_channel(channel)")
    until(gimp, ALL, lambda now: ("Strength in", 0) in [(each["name"], each["value"]) for each in now])
    assert values(gimp)["Strength in"] == 0
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    eventually(gimp, lambda now: "painting" not in now["layers"][0]["name"] and gimp.run(HALVES)[2] is None)
    left, right, mask = gimp.run(HALVES)
    assert mask is None and left > 10 and right > 10
