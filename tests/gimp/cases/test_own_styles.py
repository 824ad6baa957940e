"""The gallery from one opening to the next: the user's own styles, recent ones, and the thumbnails that are kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gimp.cases.conftest import one_series, paint_style
from tests.gimp.cases.driving import DIALOG, JOB, set_last_run
from tests.gimp.looking import CHOSEN, FOCUS, go_to, open_again, point_at, until
from tests.gimp.session import GimpSession

#: The gallery's tiles that are shown: the mean colour of each thumbnail, or the name of the icon in its place.
TILES = """
def shown(tile):
    if tile.picture.get_storage_type() != Gtk.ImageType.PIXBUF:
        return tile.picture.get_icon_name()[0]
    pixels = tile.picture.get_pixbuf().get_pixels()
    return [round(3 * sum(pixels[channel::3]) / len(pixels)) for channel in range(3)]

gallery = next(box for box in inside(windows()[0]) if isinstance(box, Gtk.FlowBox))
tiles = [tile for tile in gallery.get_children() if tile.get_child_visible()]
assert len({name(tile) for tile in tiles}) == len(tiles), [tile.key for tile in tiles]
result = {name(tile): shown(tile) for tile in tiles}
"""
#: All that is written in the dialog.
WORDS = "result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]"
WINDOWS = "result = len(windows())"
SIDE = 96


@pytest.fixture
def own_styles(opened: GimpSession) -> Iterator[Path]:
    """The user's own folder of styles with two files in it that are no pictures; no style is recent."""
    folder = opened.shared / "user-styles"
    folder.mkdir(exist_ok=True)
    (folder / "broken.jpg").write_text("These are words.")
    (folder / "empty.png").touch()
    (cache(opened).parent / "recent-styles.json").unlink(missing_ok=True)
    yield folder
    shutil.rmtree(folder)


def cache(gimp: GimpSession) -> Path:
    """Return where thumbnails are kept."""
    return gimp.shared / "home" / ".cache" / "gimp-neural-style" / "thumbnails"


def thumbnail_of(gimp: GimpSession, path: Path) -> Path:
    """Return where the thumbnail of a picture as it is now is kept."""
    state = path.stat()
    key = f"{path}\0{state.st_mtime_ns}\0{state.st_size}\0{SIDE}"
    return cache(gimp) / f"{hashlib.sha256(key.encode()).hexdigest()}.rgb"


def show_only(gimp: GimpSession, kind: str, wanted: set[str]) -> dict[str, Any]:
    """Choose which styles the gallery shows; return them as soon as they are those wanted."""
    go_to(gimp, "Which styles to show", "shift+Tab")
    gimp.display.key(kind)
    return until(gimp, TILES, lambda now: set(now) == wanted)


@one_series
def test_own_and_recent_styles_and_their_thumbnails(opened: GimpSession, own_styles: Path) -> None:
    gimp = opened
    set_last_run(gimp, quality="draft", iterations=3)
    picture = paint_style(gimp.tmp / "mine.png")

    # Added by the user, it is copied to the own styles and chosen. What is no picture there does no harm.
    open_again(gimp)
    go_to(gimp, "Use Another…")
    gimp.display.key("space", "Return")
    gimp.display.activate(gimp.display.wait_window("^Add Styles$"))
    gimp.display.type("/")  # which opens GTK's line for a path
    assert until(gimp, FOCUS, lambda now: now is not None and now["value"] == "/")["value"] == "/"
    gimp.display.type(str(picture)[1:])
    assert until(gimp, FOCUS, lambda now: now["value"] == str(picture))["value"] == str(picture)
    for _ in range(5):  # a Return may only take what the line proposes
        gimp.display.key("Return")
        if until(gimp, WINDOWS, lambda now: now == 1, 1) == 1:
            break
    gimp.display.activate(gimp.display.wait_window(DIALOG))
    assert until(gimp, CHOSEN, lambda now: now == ["Mine"]) == ["Mine"]
    mine = own_styles / "mine.png"
    assert mine.read_bytes() == picture.read_bytes()
    made = until(gimp, TILES, lambda now: isinstance(now["Mine"], list) and "image-x-generic" not in now.values(), 60)
    assert isinstance(made["Mine"], list)
    assert (made["Broken"], made["Empty"]) == ("image-missing", "image-missing")
    assert not gimp.display.find_windows("GIMP Message")
    gimp.display.screenshot("own-styles")
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    made_at = {each.name: each.stat().st_mtime_ns for each in cache(gimp).iterdir()}
    assert thumbnail_of(gimp, mine).name in made_at

    # The next time thumbnails are those that are kept, none is made anew.
    gimp.run("image.set_selected_layers([photo])")
    thumbnail_of(gimp, mine).write_bytes(bytes((255, 0, 255)) * SIDE * SIDE)
    open_again(gimp)
    assert until(gimp, CHOSEN, lambda now: now == ["Mine"]) == ["Mine"]
    assert until(gimp, TILES, lambda now: now["Broken"] == "image-missing")["Mine"] == [255, 0, 255]
    assert set(show_only(gimp, "Down", {"Mine"})) == {"Mine"}  # the recent ones
    assert set(show_only(gimp, "Down", {"Mine", "Broken", "Empty"})) == {"Mine", "Broken", "Empty"}  # the own ones
    gimp.display.screenshot("own-styles-only")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    still = {each.name: each.stat().st_mtime_ns for each in cache(gimp).iterdir()}
    assert {name: at for name, at in still.items() if name != thumbnail_of(gimp, mine).name} == {
        name: at for name, at in made_at.items() if name != thumbnail_of(gimp, mine).name
    }

    # A picture that has changed gets another.
    Image.new("RGB", (120, 80), (20, 200, 30)).save(mine)
    open_again(gimp)
    assert until(gimp, TILES, lambda now: now["Mine"] == [20, 200, 30], 60)["Mine"] == [20, 200, 30]
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert json.loads((cache(gimp).parent / "recent-styles.json").read_text()) == [str(mine)]


def test_a_style_that_cannot_be_read_is_told_once_and_not_to_be_tried_again(opened: GimpSession, own_styles: Path) -> None:
    gimp = opened
    (own_styles / "empty.png").unlink()
    cut = own_styles / "broken.jpg"
    Image.effect_mandelbrot((300, 300), (-2, -1.5, 1, 1.5), 50).save(cut)
    cut.write_bytes(cut.read_bytes()[:200])
    set_last_run(gimp, quality="draft", iterations=3)
    open_again(gimp)
    assert until(gimp, TILES, lambda now: now["Broken"] == "image-missing", 60)["Broken"] == "image-missing"
    go_to(gimp, "Which styles to show", "shift+Tab")
    gimp.display.key("Down", "Down")
    assert set(until(gimp, TILES, lambda now: set(now) == {"Broken"})) == {"Broken"}
    point_at(gimp, "Broken")
    gimp.display.xdotool("click", 1)
    told = until(gimp, WORDS, lambda now: any("is not a picture" in text for text in now), 60)
    assert any("Choose another style" in text for text in told)
    gimp.display.screenshot("style-unreadable")
    assert "Try Again" not in told
    assert not gimp.display.find_windows("GIMP Message|^Error")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
