"""The preview in the dialog: by itself, following the sliders, and going on to full size when it is applied."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.client.client import Client
from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import (
    DIALOG,
    JOB,
    difference,
    eventually,
    open_from_menu,
    pane,
    photo,
    state,
    until_over,
    wait_for_change,
)
from tests.gimp.looking import ALL, go_to, until
from tests.gimp.session import GimpSession

#: The colours of the preview's corner and its middle, how colourful it is (the largest difference of channels), and
#: the share of black and white.
SHOWN = """
views = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Image) and each.get_pixbuf()]
picture = max((each.get_pixbuf() for each in views), key=lambda each: each.get_width())
data, stride, depth = picture.get_pixels(), picture.get_rowstride(), picture.get_n_channels()
at = lambda x, y: list(data[y * stride + x * depth:][:3])
width, height = picture.get_width(), picture.get_height()
rows = [at(x, y) for y in range(0, height, 4) for x in range(0, width, 4)]
result = {
    "corner": [at(x, y) for x in range(2, 22, 4) for y in range(2, 22, 4)],
    "middle": [at(width // 2 + x, height // 2 + y) for x in range(-40, 40, 8) for y in range(-40, 40, 8)],
    "ready": any(isinstance(each, Gtk.Label) and "preview is ready" in each.get_text() for each in inside(windows()[0])),
    "colour": max(max(each) - min(each) for each in rows), "tones": len({tuple(each) for each in rows}),
    "extreme": sum(each in ([0, 0, 0], [255, 255, 255]) for each in rows) / len(rows),
}
"""


#: All that is written in the dialog.
WORDS = "result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]"

#: The line about the time, beside the buttons.
FORECAST = """
from dialog.preview.forecast import Forecast
result = "".join(each.get_text() for each in inside(windows()[0]) if isinstance(each, Forecast))
"""


@pytest.fixture
def shown(gui: GimpSession) -> GimpSession:
    """A GIMP that shows a picture large enough for its preview to pause before full size."""
    path = photo(gui.tmp / "photo.png", (480, 360))
    gui.run("image = load(path)\nphoto = image.get_layers()[0]\nphoto.set_name('photo')\nshow(image)", path=path)
    return gui


@pytest.fixture
def watched(shown: GimpSession) -> Iterator[tuple[GimpSession, Client]]:
    """The same, and a client of the server that the dialog uses."""
    client = Client.connect(shown.server_folder, server_command=shown.server.command)
    yield shown, client
    client.close()


def jobs(client: Client) -> list[dict[str, Any]]:
    """Return the server's jobs."""
    return list(client.status()["jobs"])


def wait_for_job(client: Client, seconds: float, *, paused: bool = False) -> dict[str, Any]:
    """Return the only job as soon as there is one (that waits for its user)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = jobs(client)
        if len(found) == 1 and (not paused or found[0]["state"] == "paused"):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no such job within {seconds} s: {jobs(client)}")


def test_the_preview_is_the_job(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    before = state(gimp)
    window = open_from_menu(gimp, quality="draft")
    gimp.display.screenshot("preview-none")
    plain = pane(gimp, window, "preview-before")
    gimp.display.click(70, 130, window=window)
    picked = time.monotonic()
    painted = wait_for_change(gimp, window, plain, "preview-first", 60)
    print(f"\nGIMP {gimp.series}: first preview {time.monotonic() - picked:.1f} s after the click on a style")
    assert difference(painted, plain) > 3
    job = wait_for_job(client, 180, paused=True)

    # A slider that a running job can take: the same job goes on, and shows it.
    settled = pane(gimp, window, "preview-settled")
    gimp.display.key("alt+t", *["Prior"] * 4)
    assert difference(wait_for_change(gimp, window, settled, "preview-stronger", 60), settled) > 3
    assert wait_for_job(client, 20, paused=True)["job"] == job["job"]
    # Before and after.
    gimp.display.key("alt+k")
    time.sleep(0.5)
    assert difference(pane(gimp, window, "preview-compared"), plain) < 1
    gimp.display.key("alt+k")

    # Applied, the same job goes on to full size, on the canvas.
    assert state(gimp) == before
    gimp.display.key("alt+a")
    applied = time.monotonic()
    first = eventually(gimp, lambda now: now["seen"] != before["seen"], 60)
    print(f"GIMP {gimp.series}: first change on the canvas {time.monotonic() - applied:.2f} s after Apply")
    assert first["seen"] != before["seen"]
    assert [job["job"] for job in jobs(client)] == [job["job"]]
    frames = {first["seen"]}
    until = time.monotonic() + JOB
    while gimp.display.find_windows(DIALOG) and time.monotonic() < until:
        frames.add(state(gimp)["seen"])
    assert len(frames) >= 3
    made = eventually(gimp, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"])
    assert len(made["layers"]) == 2 and made["selected"] == ["photo"]
    until_over(gimp)  # what it remembers comes last
    memory = gimp.run("result = json.loads(bytes(image.get_layers()[0].get_parasite('neural-style').get_data()))")
    assert memory["settings"]["strength"] == 90.0
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    assert eventually(gimp, lambda now: now == before) == before
    gimp.display.key("ctrl+y")
    assert eventually(gimp, lambda now: len(now["layers"]) == 2)["seen"] == made["seen"]


def test_several_pictures_begin_with_the_preview(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    open_from_menu(gimp, quality="draft", iterations=2000)
    gimp.display.key("space")
    job = wait_for_job(client, 180, paused=True)["job"]
    go_to(gimp, "Pictures")
    gimp.display.key("Down")
    until(gimp, ALL, lambda now: any(each["name"] == "Variations differ in" for each in now))
    time.sleep(1)  # longer than a preview waits before it starts over
    assert wait_for_job(client, 20, paused=True)["job"] == job
    gimp.display.key("alt+a")
    gimp.display.wait_window(", 2 layers")
    assert [each["job"] for each in jobs(client)] == [job]
    time.sleep(1)
    gimp.display.key("alt+t")
    gimp.display.wait_gone(DIALOG, JOB)
    until_over(gimp)
    (painted,) = gimp.run("""
result = [(layer.get_name(), json.loads(bytes(layer.get_parasite("neural-style").get_data()))["settings"]["strength"])
          for layer in image.get_layers()[0].get_children()]
""")
    assert painted == ["Strength 20 – photo", 20.0]  # the first of the variations, which the preview was not


@one_series
def test_other_settings_and_styles_start_the_preview_anew(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    window = open_from_menu(gimp, quality="draft", iterations=8)
    gimp.display.click(70, 130, window=window)
    first = wait_for_job(client, 20)
    gimp.display.key("alt+b", "Prior", "Prior")
    until = time.monotonic() + 20
    while [job["job"] for job in jobs(client)] in ([first["job"]], []) and time.monotonic() < until:
        time.sleep(0.05)
    second = wait_for_job(client, 20)
    assert second["job"] != first["job"]
    # The user paints on the layer meanwhile: what is applied is the layer as it is now.
    gimp.run("write(photo, bytes((90, 120, 60, 255)) * (480 * 360)); Gimp.displays_flush()")
    gimp.display.activate(window)
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    made = gimp.run("""
pixels = read(image.get_layers()[0])
mean = [sum(pixels[channel::4]) / (480 * 360) for channel in range(3)]
result = mean, len(image.get_layers())
""")
    assert made[1] == 2
    # Nothing of the harbour is in it: a flat green layer gives nearly the style's own mean, without the sky's blue.
    assert made[0][2] < 140, made[0]


#: The user changes a slider while the engine paints, and the engine hears of it only when it has painted everything:
#: the dialog is kept from its work in between.
CHANGED_TOO_LATE = """
import gc
import time
from painting.painting import Painting, Stage
works = [each for each in gc.get_objects() if isinstance(each, Painting) and each._stage is Stage.BEGUN]
if works:
    [strength] = [each for each in inside(windows()[0]) if isinstance(each, Gtk.SpinButton) and name(each) == "Strength"]
    strength.set_value(80)
    while works[0]._client.status()["jobs"]:
        time.sleep(0.1)
result = bool(works)
"""


@one_series
def test_a_change_that_comes_too_late_is_painted_all_the_same(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    gimp.run("image.scale(160, 120)")
    window = open_from_menu(gimp, quality="best")
    gimp.display.click(70, 130, window=window)
    assert until(gimp, CHANGED_TOO_LATE, bool, 60)  # which ends when all is painted
    wait_for_job(client, 20)
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    until_over(gimp)
    memory = gimp.run("result = json.loads(bytes(image.get_layers()[0].get_parasite('neural-style').get_data()))")
    assert memory["settings"]["strength"] == 80.0


@one_series
def test_try_again_when_the_server_was_not_there(shown: GimpSession) -> None:
    with shown.installation(server_command=["/nowhere/python"], folder=str(shown.tmp / "no-server")):
        window = open_from_menu(shown, quality="draft")
        shown.display.click(70, 130, window=window)
        time.sleep(1)
        told = pane(shown, window, "preview-no-server")
    # The user mends it, and presses the button.
    shown.display.key("F5")
    now = wait_for_change(shown, window, told, "preview-mended", 60)
    assert difference(now, told) > 3
    shown.display.key("Escape")
    shown.display.wait_gone(DIALOG)


@one_series
def test_apply_when_the_server_has_ended_since(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    open_from_menu(gimp, quality="draft", iterations=3)
    gimp.display.key("space")
    wait_for_job(client, 180, paused=True)
    gimp.server.end_servers()
    until(gimp, ALL, lambda now: any(each["name"] == "Try Again" for each in now))
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    made = eventually(gimp, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"])
    assert [layer["name"] for layer in made["layers"]][1:] == ["photo"]


def apart(one: list[list[int]], other: list[list[int]]) -> float:
    """Return by how many levels some pixels differ from others, on average."""
    channels = [abs(a - b) for p, q in zip(one, other, strict=True) for a, b in zip(p, q, strict=True)]
    return sum(channels) / len(channels)


@pytest.mark.both_series
@pytest.mark.parametrize("base", ["grey", "indexed"])
def test_the_preview_has_the_colours_that_the_result_will_have(shown: GimpSession, base: str) -> None:
    if base == "grey":
        shown.run("image.convert_grayscale()")
    else:
        shown.run("image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.MONO, 2, False, False, '')")
    window = open_from_menu(shown, quality="draft", convert=False)
    before = until(shown, SHOWN, lambda now: now["tones"] > 1)
    assert before["colour"] == 0
    shown.display.click(70, 130, window=window)
    kept = until(shown, SHOWN, lambda now: apart(now["middle"], before["middle"]) > 5, 60)
    assert apart(kept["middle"], before["middle"]) > 5
    shown.display.screenshot(f"preview-{base}-kept")
    assert kept["colour"] == 0
    if base == "indexed":
        # Two tones, and what lies between them since the picture is enlarged for the window.
        assert kept["extreme"] > 0.5
    shown.display.key("alt+h")  # after all
    assert until(shown, SHOWN, lambda now: now["colour"] > 20, 60)["colour"] > 20
    shown.display.screenshot(f"preview-{base}-converted")
    shown.display.key("Escape")
    shown.display.wait_gone(DIALOG)


#: Paints half of a drawable in one color, as a brush would.
PAINT = """
data = bytearray(read(drawable, pixel_format))
data[:len(data) // 2] = bytes(color) * (len(data) // 2 // len(color))
shadow = drawable.get_shadow_buffer()
shadow.set(Gegl.Rectangle.new(0, 0, 480, 360), pixel_format, bytes(data)); shadow.flush()
drawable.merge_shadow(True); drawable.update(0, 0, 480, 360); Gimp.displays_flush()
"""


@pytest.mark.both_series
def test_the_preview_follows_what_is_painted_on_and_selected(watched: tuple[GimpSession, Client]) -> None:
    gimp, client = watched
    gimp.run("""
channel = Gimp.Channel.new(image, "Sky", 480, 360, 50.0, Gegl.Color.new("red"))
image.insert_channel(channel, None, 0)
image.set_selected_layers([photo])
""")
    open_from_menu(gimp, quality="draft")
    gimp.display.key("space")
    wait_for_job(client, 180, paused=True)
    go_to(gimp, "Strength in")
    gimp.display.key("Down")
    black = "The strength map is 0 wherever the picture would be painted."
    assert black in until(gimp, WORDS, lambda now: black in now, 60)
    gimp.run("drawable, pixel_format, color = channel, 'Y u8', [255]" + PAINT)  # which is all that was wrong
    job = wait_for_job(client, 180, paused=True)["job"]
    time.sleep(3)  # longer than between two looks, and a third
    assert wait_for_job(client, 20, paused=True)["job"] == job  # nothing has been done
    gimp.run("drawable, pixel_format, color = channel, 'Y u8', [90]" + PAINT)
    assert (job := another(client, job))
    gimp.run("drawable, pixel_format, color = photo, \"R'G'B'A u8\", [20, 200, 40, 255]" + PAINT)
    assert another(client, job)
    gimp.run("image.select_ellipse(Gimp.ChannelOps.REPLACE, 60, 40, 320, 260); Gimp.displays_flush()")
    said = until(gimp, WORDS, lambda now: "Selection of “photo”" in now)
    gimp.display.screenshot("preview-follows")
    assert "Selection of “photo”" in said and "Layer “photo”" not in said
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


def another(client: Client, job: str) -> str:
    """Return the preview's job as soon as it is another one; empty if it stays the same."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (now := wait_for_job(client, 60, paused=True)["job"]) != job:
            return str(now)
        time.sleep(0.1)
    return ""


@pytest.mark.both_series
def test_the_preview_has_the_selections_shape(shown: GimpSession) -> None:
    shown.run("image.select_ellipse(Gimp.ChannelOps.REPLACE, 60, 40, 320, 260); Gimp.Selection.feather(image, 8)")
    window = open_from_menu(shown, quality="draft")
    before = until(shown, SHOWN, lambda now: now["tones"] > 100)
    shown.display.click(70, 130, window=window)
    until(shown, SHOWN, lambda now: apart(now["middle"], before["middle"]) > 8, 60)
    painted = until(shown, SHOWN, lambda now: now["ready"], 90)
    shown.display.screenshot("preview-selection")
    assert apart(painted["middle"], before["middle"]) > 8
    assert apart(painted["corner"], before["corner"]) < 2
    shown.display.key("Escape")
    shown.display.wait_gone(DIALOG)


@one_series
def test_the_time_before_apply_follows_the_settings_and_the_selection(shown: GimpSession) -> None:
    gimp = shown
    with gimp.installation(folder=str(gimp.shared / "state-new")):  # of a machine that has never painted
        window = open_from_menu(gimp, quality="best")
        gimp.display.click(70, 130, window=window)
        assert until(gimp, FORECAST, bool, 90).startswith("About ")
        gimp.display.screenshot("forecast")
        whole = until(gimp, FORECAST, lambda now: " at 480 × 360" in now and "Draft about" in now, 60)
        assert re.fullmatch(r"About \d+ (s|min) at 480 × 360 · Draft about \d+ (s|min)", whole)
        gimp.run("image.select_rectangle(Gimp.ChannelOps.REPLACE, 100, 100, 120, 90)")
        part = until(gimp, FORECAST, lambda now: " at 216 × 186" in now, 60)
        assert seconds(part) < seconds(whole)
        gimp.run("Gimp.Selection.none(image)")
        until(gimp, FORECAST, lambda now: " at 480 × 360" in now, 60)
        gimp.run("image.scale(2400, 1800)")
        large = until(gimp, FORECAST, lambda now: "at 1000 px about" in now, 60)
        assert " at 2400 × 1800" in large
        gimp.display.key("alt+z", "End")  # up to 1000 pixels
        assert " at 1000 × 750" in until(gimp, FORECAST, lambda now: "1000 px" not in now and now != large, 60)
        gimp.display.screenshot("forecast-size")
        gimp.display.key("alt+z", "Home")
        gimp.run("image.scale(480, 360)")
        gimp.display.key("alt+q", "Home")  # draft
        draft = until(gimp, FORECAST, lambda now: "Draft" not in now, 60)
        assert seconds(draft) < seconds(whole)
        gimp.display.screenshot("forecast-draft")
        gimp.display.key("alt+a")
        gimp.display.wait_gone(DIALOG, JOB)


@one_series
def test_the_image_may_become_smaller_while_it_is_read(shown: GimpSession) -> None:
    """GIMP ends a plug-in that asks for pixels which are gone. Each change of the painting size has all of them read."""
    gimp = shown
    window = open_from_menu(gimp, quality="best")
    gimp.display.click(70, 130, window=window)
    until(gimp, FORECAST, bool, 90)
    for number, wait in enumerate((0.3, 0.6, 0.9, 1.2, 1.4)):
        gimp.run("image.scale(2400, 1800)")
        time.sleep(1.0)
        gimp.display.key("alt+z", "End" if number % 2 else "Home")
        time.sleep(wait)
        gimp.run("image.scale(480, 360)")
        time.sleep(0.5)
        assert until(gimp, FORECAST, lambda now: True, 60) is not None
    until(gimp, FORECAST, lambda now: " at 480 × 360" in now, 60)
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert not gimp.display.find_windows("GIMP Message|^Error")


def seconds(forecast: str) -> float:
    """Return the first time in the line about the time."""
    found = re.match(r"About (\d+) (s|min)", forecast)
    assert found is not None, forecast
    return int(found[1]) * {"s": 1, "min": 60}[found[2]]
