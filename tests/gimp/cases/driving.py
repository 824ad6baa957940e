"""What the cases share that drive the dialog and the canvas by keyboard and mouse, as a user does it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from tests.gimp.looking import FOCUS, until
from tests.gimp.session import GimpSession

DIALOG = r"^Neural Style$"
JOB = 300  # seconds that a job may take on a busy machine
PHOTO = Path(__file__).parents[3] / "samples" / "content" / "harbour.jpg"

#: Settings of a job that does not end by itself.
ENDLESS = {"quality": "best", "iterations": 2000}

STATE = """
guides, guide = [], 0
while guide := image.find_next_guide(guide):
    guides.append([int(image.get_guide_orientation(guide)), image.get_guide_position(guide)])
result = {
    "layers": layers(image), "undo enabled": image.undo_is_enabled(),
    "marks": [name for name in image.get_parasite_list() if "unrecorded" in name],
    "seen": __import__("hashlib").sha256(read(Gimp.Layer.new_from_visible(image, image, "seen"))).hexdigest(),
    "selected": sorted(layer.get_name() for layer in image.get_selected_layers()),
    "guides": guides, "selection": __import__("hashlib").sha256(read(image.get_selection(), "Y u8")).hexdigest(),
}
"""


def photo(path: Path, size: tuple[int, int] = (160, 120)) -> Path:
    """Save a sample photograph, scaled down."""
    with Image.open(PHOTO) as picture:
        picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path)
    return path


def state(gimp: GimpSession) -> dict[str, Any]:
    """Return what the image is like now."""
    return gimp.run(STATE)


def eventually(gimp: GimpSession, wanted: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
    """Return the image's state as soon as ``wanted(state)`` holds, or the last one."""
    end = time.monotonic() + seconds
    while not wanted(now := state(gimp)) and time.monotonic() < end:
        time.sleep(0.1)
    return now


def until_over(gimp: GimpSession) -> None:
    """Wait until the plug-in has ended: its last changes are one undo step only then."""
    end = time.monotonic() + 60
    while gimp.plugin_processes() and time.monotonic() < end:
        time.sleep(0.05)


def set_last_run(gimp: GimpSession, **settings: Any) -> None:
    """Make GIMP believe that the last run had these settings, and the others' defaults: a dialog opens with them.

    Nothing is left of what was saved with the button for it.
    """
    folder = gimp.shared / "profile" / "plug-in-settings"
    for saved in folder.glob("*neural-style.*"):
        saved.unlink()
    if settings:
        folder.mkdir(exist_ok=True)
        lines = [f"({name.replace('_', '-')} {json.dumps(value)})\n" for name, value in settings.items()]
        (folder / "GimpProcedureConfigRun-plug-in-neural-style.last").write_text("".join(lines))


def open_from_menu(gimp: GimpSession, **settings: Any) -> int:
    """Open the dialog as a user does, which leaves GIMP free for code; return its window, with the keyboard in it."""
    set_last_run(gimp, **settings)
    for message in gimp.display.find_windows("GIMP Message"):  # of a plug-in that an earlier test killed
        gimp.display.activate(message)
        gimp.display.key("Return")
    gimp.press("plug-in-neural-style")
    return wait_drawn(gimp)


def wait_drawn(gimp: GimpSession, title: str = DIALOG) -> int:
    """Wait until the dialog shows what is in it; return its window, with the keyboard in it."""
    window = gimp.display.wait_window(title)
    gimp.display.activate(window)
    x, y, width, height = gimp.display.geometry(window)
    end = time.monotonic() + 60
    while time.monotonic() < end:  # a window without a picture yet shows what is behind it: the black screen
        screen = gimp.display.screen().convert("L")
        if screen.getpixel((min(x + width, screen.width) - 30, min(y + height, screen.height) - 60)) > 20:
            break
        time.sleep(0.05)
    until(gimp, FOCUS, lambda now: now is not None)
    time.sleep(0.1)
    return window


def pane(gimp: GimpSession, window: int, name: str = "") -> Image.Image:
    """Return what the middle of the preview shows now; with a name, keep a screenshot of it all."""
    if name:
        gimp.display.screenshot(name)
    x, y, width, height = gimp.display.geometry(window)
    left, top = x + width // 2 - 80, y + 90
    return gimp.display.screen().crop((left, top, left + 160, top + height // 3))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return how much two pictures differ, in levels of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def wait_for_change(gimp: GimpSession, window: int, before: Image.Image, name: str, seconds: float) -> Image.Image:
    """Return what the preview shows as soon as that differs clearly from ``before``."""
    end = time.monotonic() + seconds
    while difference(now := pane(gimp, window), before) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    gimp.display.screenshot(name)
    return now
