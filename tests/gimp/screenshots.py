"""Makes the pictures of the dialog and its messages in docs/pictures, from the plug-in in a real GIMP on a small screen.

Run ``python -m tests.gimp.screenshots`` in an environment that ``tests/run`` made. Every screen is also kept in full in
tests/output/SERIES/shot-NAME.png, to be looked at.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from server.client.client import Client
from tests.gimp import places
from tests.gimp.cases.driving import DIALOG, open_from_menu, photo, set_last_run
from tests.gimp.common import REPOSITORY
from tests.gimp.session import GimpSession

PICTURES = REPOSITORY / "docs" / "pictures"
SCREEN = (1280, 800)
PAINTING = (1134, 652)  # as much of it as GIMP's window and ours take
FRAME = (1, 20)  # what xdotool counts twice of a window's place
COLOURS = 128  # of a palette: a dialog needs no more, and the file is a quarter

#: Settings of a job whose preview is there soon, and that then does not end by itself.
LONG = {"quality": "draft", "iterations": 2000}

#: How GIMP looks: lines of gimprc.
LOOKS = {"dark": "", "light": "(theme-color-scheme light)\n", "large": "(font-relative-size 1.5)\n"}

#: The messages that the documentation shows.
SHOWN = ("server absent", "wrong version", "out of memory", "server lost")

#: A server of another version, as Python's sitecustomize.
OTHER_VERSION = """
import server.protocol as protocol
protocol.PROTOCOL, protocol.TAG, protocol.VERSION = 9, protocol.MAGIC + b"9", "9.0.0"
"""


@contextlib.contextmanager
def gimp(series: str, look: str) -> Iterator[GimpSession]:
    """Give a GIMP on a screen of 1280 × 800 that shows a photo."""
    place = places.find(series)
    session = GimpSession(place, windows=True, gimprc=LOOKS[look], screen=SCREEN)
    try:
        yield session
    finally:
        session.close()


def show_photo(session: GimpSession) -> None:
    """Begin anew with a photo in a window."""
    for window in session.display.find_windows(f"{DIALOG}|GIMP Message"):
        session.display.activate(window)
        session.display.key("Escape")
    session.display.wait_gone(DIALOG)
    session.begin_test()
    path = photo(session.tmp / "photo.png", (640, 480))
    session.run("image = load(path)\nphoto = image.get_layers()[0]\nphoto.set_name('Harbour')\nshow(image)", path=path)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it is true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.1)


def settled(session: GimpSession) -> None:
    """Wait until the preview is ready and drawn."""
    with Client.connect(session.server_folder, start=False) as client:
        until(lambda: any(job["state"] == "paused" for job in client.status()["jobs"]), 120)
    time.sleep(1)


def shoot(session: GimpSession, name: str, window: int | None = None) -> Image.Image:
    """Keep the screen, and return it, or a window of it with its frame."""
    session.display.xdotool("mousemove", SCREEN[0] - 1, SCREEN[1] - 1)  # no tooltip
    time.sleep(0.5)
    path = session.display.screenshot(f"shot-{name.replace(' ', '-')}")
    with Image.open(path) as screen:
        picture = screen.convert("RGB")
    if window is None:
        return picture
    x, y, width, height = session.display.geometry(window)
    x, y = x - FRAME[0], y - FRAME[1]
    if x < 0 or y < 0 or x + width > SCREEN[0] or y + height > SCREEN[1]:
        print(f"{name}: the window reaches over the screen: {(x, y, width, height)}")
    return picture.crop((max(0, x), max(0, y), x + width, y + height))


def dialog(session: GimpSession, name: str, *, advanced: bool = False) -> list[Image.Image]:
    """Return the dialog with a preview, and with *Advanced* opened."""
    show_photo(session)
    window = open_from_menu(session, quality="draft")
    session.display.key("space", "Down")
    settled(session)
    taken = [shoot(session, f"{name}-dialog", window)]
    if advanced:
        session.display.key("alt+v")
        time.sleep(1)
        taken.append(shoot(session, f"{name}-advanced", window))
    session.display.key("Escape")
    session.display.wait_gone(DIALOG)
    return taken


def painting(session: GimpSession, name: str) -> Image.Image:
    """Return the screen with a running job; its result is kept, too."""
    show_photo(session)
    open_from_menu(session, **LONG)
    session.display.key("space", "Down")
    settled(session)
    session.display.key("alt+a")
    session.display.wait_window(", 2 layers")
    time.sleep(8)
    running = shoot(session, f"{name}-painting")
    session.display.key("alt+t")
    session.display.wait_gone(DIALOG, 60)
    time.sleep(1)
    shoot(session, f"{name}-result")
    return running.crop((0, 0, *PAINTING))


def errors(session: GimpSession) -> dict[str, Image.Image]:
    """Return the dialog's words for everything that can be wrong, each provoked."""
    taken = {}

    def told(name: str, seconds: float = 2.0, **settings: object) -> None:
        show_photo(session)
        window = open_from_menu(session, **settings)
        session.display.key("space")
        time.sleep(seconds)
        taken[name] = shoot(session, f"error-{name}", window)

    empty = str(session.shared / "none")
    with session.installation(server_command=["/nowhere/python"], folder=empty + "1"):
        told("server absent")
    with session.installation(server_command=["/bin/sh", "-c", "sleep 60"], folder=empty + "2"):
        told("server starting", 3)
    other = session.shared / "other-version"
    other.mkdir()
    (other / "sitecustomize.py").write_text(OTHER_VERSION)
    session.server.variables["PYTHONPATH"] = f"{other}:{REPOSITORY}"
    with session.installation(folder=empty + "3"):
        told("wrong version", 4)
    session.server.end_servers()
    del session.server.variables["PYTHONPATH"]
    told("out of memory", 8, memory_limit=0.1)

    show_photo(session)
    notes = session.tmp / "notes.jpg"
    notes.write_text("These are words.")
    window = open_from_menu(session, style=notes.as_uri())
    time.sleep(3)
    taken["style unreadable"] = shoot(session, "error-style-unreadable", window)

    show_photo(session)
    window = open_from_menu(session, **LONG)
    session.display.key("space")
    settled(session)
    session.display.key("alt+a")
    session.display.wait_window(", 2 layers")
    time.sleep(2)
    session.server.end_servers()
    time.sleep(4)
    taken["server lost"] = shoot(session, "error-server-lost", window)
    show_photo(session)
    set_last_run(session)
    return taken


def keep(name: str, picture: Image.Image) -> None:
    """Save a picture for the documentation, small: ``name`` is its file's."""
    path: Path = PICTURES / name
    if path.suffix == ".png":
        picture = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True, quality=88)
    print(f"{path.relative_to(REPOSITORY)}: {picture.width} × {picture.height}, {path.stat().st_size // 1024} KiB")


def sheet(pictures: list[Image.Image], columns: int, gap: int = 8) -> Image.Image:
    """Return pictures beside and below each other."""
    width, height = max(each.width for each in pictures), max(each.height for each in pictures)
    rows = -(-len(pictures) // columns)
    made = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for place, each in enumerate(pictures):
        made.paste(each, (place % columns * (width + gap), place // columns * (height + gap)))
    return made


def words(picture: Image.Image) -> Image.Image:
    """Return the dialog's preview, where its words are."""
    return picture.crop((392, 12, 778, 390))


def main() -> None:
    """Make them all, or those of one look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["dark", "light", "large", "errors", "3.0"])
    parts = parser.parse_args().parts
    if {"dark", "errors"} & set(parts):
        with gimp("3.2", "dark") as session:
            if "dark" in parts:
                keep("dialog.jpg", dialog(session, "dark", advanced=True)[0])
                keep("painting.jpg", painting(session, "dark"))
            if "errors" in parts:
                taken = errors(session)
                keep("errors.png", sheet([words(taken[name]) for name in SHOWN], 2))
    for look in ("light", "large"):
        if look in parts:
            with gimp("3.2", look) as session:
                opened = dialog(session, look, advanced=True)[1]
                if look == "light":
                    keep("dialog-light.png", opened)
    if "3.0" in parts:
        with gimp("3.0", "dark") as session:
            dialog(session, "dark", advanced=True)


if __name__ == "__main__":
    main()
