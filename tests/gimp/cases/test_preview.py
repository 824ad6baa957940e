"""The preview in the dialog: by itself, following the sliders, and going on to full size when it is applied."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.client import Client
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
from tests.gimp.session import GimpSession


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
    painted = wait_for_change(gimp, window, plain, "preview-first", 30)
    print(f"\nGIMP {gimp.series}: first preview {time.monotonic() - picked:.1f} s after the click on a style")
    assert difference(painted, plain) > 3
    job = wait_for_job(client, 180, paused=True)

    # A slider that a running job can take: the same job goes on, and shows it.
    settled = pane(gimp, window, "preview-settled")
    gimp.display.key("alt+t", *["Prior"] * 4)
    assert difference(wait_for_change(gimp, window, settled, "preview-stronger", 20), settled) > 3
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
    first = eventually(gimp, lambda now: now["seen"] != before["seen"], 20)
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


@one_series
def test_try_again_when_the_server_was_not_there(shown: GimpSession) -> None:
    with shown.installation(server_command=["/nowhere/python"], folder=str(shown.tmp / "no-server")):
        window = open_from_menu(shown, quality="draft")
        shown.display.click(70, 130, window=window)
        time.sleep(1)
        told = pane(shown, window, "preview-no-server")
    # The user mends it, and presses the button.
    shown.display.key("F5")
    now = wait_for_change(shown, window, told, "preview-mended", 40)
    assert difference(now, told) > 3
    shown.display.key("Escape")
    shown.display.wait_gone(DIALOG)
