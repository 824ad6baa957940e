"""The gallery from one opening to the next: the user's own styles, recent ones, and the thumbnails that are kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gimp.cases.conftest import one_series, paint_style
from tests.gimp.cases.driving import DIALOG, JOB, set_last_run, until_over
from tests.gimp.looking import CHOSEN, FOCUS, go_to, look, open_again, open_menu, place_of, point_at, until
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
#: The middle of a style's tile on the screen.
TILE = """
gallery = next(box for box in inside(windows()[0]) if isinstance(box, Gtk.FlowBox))
for tile in gallery.get_children():
    if name(tile) == {wanted!r}:
        x, y = tile.translate_coordinates(windows()[0], tile.get_allocated_width() // 2, tile.get_allocated_height() // 2)
        _found, left, top = windows()[0].get_window().get_origin()
        result = [left + x, top + y]
"""
WINDOWS = "result = len(windows())"
#: The sides of the tiles' pictures.
SIDES = """
gallery = next(box for box in inside(windows()[0]) if isinstance(box, Gtk.FlowBox))
pictures = [tile.picture.get_pixbuf() for tile in gallery.get_children() if tile.get_child_visible()]
result = sorted({picture.get_width() for picture in pictures if picture is not None})
"""
#: The least height that the window can have.
HEIGHT = "result = windows()[0].get_preferred_height()[0]"
SMALLEST = 96
SIDE = 192


#: A window of another program, of which files can be dragged.
DRAGGED = """
import sys
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk
window = Gtk.Window(title="Files")
button = Gtk.Button(label="Drag these")
button.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
button.drag_source_add_uri_targets()
button.connect("drag-data-get", lambda _b, _context, data, _info, _time: data.set_uris(sys.argv[2:]))
def begin(_button, context):
    note("begin")
    # Where it is now would take it: only then is there any use in letting go.
    GLib.timeout_add(20, lambda: note("accepted") or True if context.get_selected_action() else True)

def note(what):
    open(sys.argv[1] + "/" + what, "w").close()

button.connect("drag-begin", begin)
button.connect("drag-end", lambda *_: note("end"))
button.connect("drag-failed", lambda *_: bool(note("failed")))
window.add(button)
window.set_default_size(120, 80)
window.move(0, 0)
window.show_all()
Gtk.main()
"""


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


def show_only(gimp: GimpSession, keys: list[str], wanted: set[str]) -> dict[str, Any]:
    """Choose which styles the gallery shows; return them as soon as they are those wanted."""
    go_to(gimp, "Which styles to show")
    gimp.display.key(*keys)
    return until(gimp, TILES, lambda now: set(now) == wanted)


@one_series
def test_own_and_recent_styles_and_their_thumbnails(opened: GimpSession, own_styles: Path) -> None:
    gimp = opened
    set_last_run(gimp, quality="draft", iterations=3)
    picture = paint_style(gimp.tmp / "mine.png")

    # Added by the user, it is copied to the own styles and chosen. What is no picture there does no harm.
    open_again(gimp)
    go_to(gimp, "Other Style")
    open_menu(gimp)
    gimp.display.key("Return")
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
    assert set(show_only(gimp, 2 * ["Down"], {"Mine"})) == {"Mine"}  # the recent ones
    assert set(show_only(gimp, ["Down"], {"Mine", "Broken", "Empty"})) == {"Mine", "Broken", "Empty"}  # the own ones
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
    go_to(gimp, "Which styles to show")
    gimp.display.key("Down", "Down", "Down")
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


def open_menu_of(gimp: GimpSession, style: str) -> None:
    """Open the menu of a style in the gallery; the mix below has its name, too."""
    place = until(gimp, TILE.format(wanted=style), lambda now: now is not None)
    gimp.display.point(*place)
    gimp.display.xdotool("click", 3)
    assert "Favorite" in until(gimp, WORDS, lambda now: "Favorite" in now)


def drop(gimp: GimpSession, paths: list[Path], onto: str) -> None:
    """Drag files from another program's window onto something in the dialog; again where they were not taken."""
    for _attempt in range(3):
        if drag(gimp, paths, onto):
            return


def drag(gimp: GimpSession, paths: list[Path], onto: str) -> bool:
    """Do it once, and return whether the dialog took them: on a busy machine it may answer too late."""
    script, notes = gimp.tmp / "dragged.py", Path(tempfile.mkdtemp(dir=gimp.tmp))
    script.write_text(DRAGGED)
    gimp.run(
        "import subprocess, sys\nfiles = subprocess.Popen([sys.executable, script, notes, *addresses])",
        script=script,
        notes=notes,
        addresses=[path.as_uri() for path in paths],
    )
    try:
        window = gimp.display.wait_window("^Files$")
        gimp.display.activate(window)
        x, y = place_of(gimp, onto)
        left, top, width, height = gimp.display.geometry(window)
        left, top = left + width // 2, top + height // 2
        gimp.display.xdotool("mousemove", left, top, "mousedown", 1)
        end, way = time.monotonic() + 30, 0
        while not (notes / "begin").exists() and time.monotonic() < end:  # GTK begins a drag only after some way
            way = way % 40 + 4
            gimp.display.xdotool("mousemove", left + way, top + way)
            time.sleep(0.05)
        for step in range(1, 11):  # as a hand does it: what it passes over is asked whether it would take them
            by = step / 10
            gimp.display.xdotool("mousemove", round(left + way + (x - left - way) * by), round(top + (y - top) * by))
            time.sleep(0.05)
        time.sleep(0.3)
        (notes / "accepted").unlink(missing_ok=True)  # by GIMP's own window, on the way
        end = time.monotonic() + 30
        while not (notes / "accepted").exists() and time.monotonic() < end:
            gimp.display.xdotool("mousemove", x + 2, y, "mousemove", x, y)
            time.sleep(0.1)
        gimp.display.xdotool("mouseup", 1)
        end = time.monotonic() + 30
        while not (notes / "end").exists() and time.monotonic() < end:
            time.sleep(0.05)
        return not (notes / "failed").exists()
    finally:
        gimp.run("files.kill(); files.wait()")


@one_series
def test_the_gallery_grows_by_dropping_and_is_kept_in_order(opened: GimpSession, own_styles: Path) -> None:
    gimp = opened
    for file in own_styles.iterdir():
        file.unlink()
    set_last_run(gimp, quality="draft", iterations=3)
    window = open_again(gimp)
    gimp.display.xdotool("windowmove", window, 200, 60)
    until(gimp, TILES, lambda now: len(now) > 10 and "image-x-generic" not in now.values(), 60)

    # A file is dropped, and a folder, which becomes a group.
    dropped = paint_style(gimp.tmp / "waves and fire.png")
    folder = gimp.tmp / "Winter"
    folder.mkdir()
    paint_style(folder / "ice.png", 64)
    drop(gimp, [dropped, folder], "Castle pen")
    assert until(gimp, CHOSEN, lambda now: len(now) == 2) == ["Ice", "Waves and fire"]
    assert (own_styles / "waves and fire.png").read_bytes() == dropped.read_bytes()
    assert (own_styles / "Winter" / "ice.png").is_file()
    gimp.display.screenshot("dropped")
    assert set(show_only(gimp, 4 * ["Down"], {"Ice"})) == {"Ice"}  # the group, after the own ones
    gimp.display.key("Home")

    # What is no picture is told, and not added.
    notes = gimp.tmp / "notes.txt"
    notes.write_text("These are words.")
    drop(gimp, [notes], "Castle pen")
    assert any("is not a picture" in text for text in until(gimp, WORDS, lambda now: len(now) < 5))
    gimp.display.key("Escape")
    until(gimp, TILES, lambda now: len(now) > 10)

    # Its name is changed, it becomes a favourite, and is found by a part of its name.
    open_menu_of(gimp, "Waves and fire")
    gimp.display.key("Down", "Down", "Return")  # below Favourite
    assert until(gimp, FOCUS, lambda now: now is not None and now["name"] == "New name")["value"] == "Waves and fire"
    gimp.display.key("ctrl+a")
    gimp.display.type("embers")
    gimp.display.key("Return")
    assert "Embers" in until(gimp, TILES, lambda now: "Embers" in now)
    assert set(until(gimp, CHOSEN, lambda now: "Embers" in now)) == {"Embers", "Ice"}
    assert {each.name for each in own_styles.iterdir()} == {"embers.png", "Winter"}
    open_menu_of(gimp, "Embers")
    gimp.display.key("Down", "Return")
    assert "★ Embers" in until(gimp, WORDS, lambda now: "★ Embers" in now)
    assert set(show_only(gimp, ["Down"], {"Embers"})) == {"Embers"}
    gimp.display.key("Home")
    until(gimp, TILES, lambda now: len(now) > 10)
    go_to(gimp, "Ice")  # the first of those that are chosen
    gimp.display.type("glass")
    assert set(until(gimp, TILES, lambda now: set(now) == {"Iris glass"})) == {"Iris glass"}
    gimp.display.screenshot("searched")
    gimp.display.key("Escape")
    assert len(until(gimp, TILES, lambda now: len(now) > 10)) > 10

    # Removed, it is gone from the mix as from the folder.
    open_menu_of(gimp, "Embers")
    gimp.display.key("Up", "Return")
    assert any("Remove “Embers”" in text for text in until(gimp, WORDS, lambda now: len(now) < 8))
    gimp.display.key("Return")
    assert "Embers" not in until(gimp, TILES, lambda now: len(now) > 10 and "Embers" not in now)
    assert look(gimp, CHOSEN) == ["Ice"]
    assert {each.name for each in own_styles.iterdir()} == {".favourites.json", "Winter"}

    # What is copied is a style, too.
    gimp.run("Gimp.edit_copy([photo])")
    go_to(gimp, "Other Style")
    gimp.display.key("space")
    gimp.display.key("Down", "Down", "Return")
    assert until(gimp, CHOSEN, lambda now: bool(now) and now != ["Ice"])[0].startswith("Clipboard ")
    with Image.open(next(own_styles.glob("Clipboard *.png"))) as picture:
        assert picture.size == (160, 120)
    gimp.display.screenshot("clipboard")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


@one_series
def test_tiles_grow_with_the_window_and_open_images_are_shown(opened: GimpSession) -> None:
    gimp = opened
    set_last_run(gimp, quality="draft", iterations=3)
    other = paint_style(gimp.tmp / "stripes.png", 128)
    another = paint_style(gimp.tmp / "waves.png", 96)
    gimp.run("for path in paths:\n    show(load(path))", paths=[str(other), str(another)])
    gimp.activate_image()
    window = open_again(gimp)
    assert until(gimp, SIDES, lambda now: now == [SMALLEST]) == [SMALLEST]
    gimp.display.xdotool("windowmove", window, 0, 0)
    gimp.display.xdotool("windowsize", window, 1390, 860)
    assert until(gimp, SIDES, lambda now: len(now) == 1 and now[0] > SMALLEST)[0] > SMALLEST
    gimp.display.screenshot("gallery-large")
    go_to(gimp, "Which styles to show")
    gimp.display.key("End")
    shown = until(gimp, TILES, lambda now: len(now) == 2)
    assert set(shown) == {"Stripes", "Photo"} and all(isinstance(thumbnail, list) for thumbnail in shown.values())
    gimp.display.screenshot("gallery-open-images")
    height = look(gimp, HEIGHT)

    # All of them can be mixed, with a layer, too, in a window that is no higher; and repeated as GIMP has remembered them.
    go_to(gimp, "Other Style")
    open_menu(gimp)
    gimp.display.key("End", "Right", "Down", "Return")  # a layer of the last image
    assert until(gimp, CHOSEN, lambda now: now == ["photo"]) == ["photo"]
    for style in shown:
        gimp.display.point(*until(gimp, TILE.format(wanted=style), bool))
        gimp.display.xdotool("keydown", "Control_L", "click", 1, "keyup", "Control_L")
        assert style in until(gimp, CHOSEN, lambda now, style=style: style in now)
    assert len(look(gimp, CHOSEN)) == 3
    gimp.display.screenshot("mix-of-open-images")
    assert look(gimp, HEIGHT) <= height
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    styles = (
        "result = [[style['name'] for style in json.loads(bytes(layer.get_parasite('neural-style').get_data()))['styles']]"
    )
    styles += (
        " for each in Gimp.get_images() for layer in each.get_layers() if layer.get_parasite('neural-style') is not None]"
    )
    until_over(gimp)
    mixed = gimp.run(styles)
    assert len(mixed) == 1 and len(mixed[0]) == 3
    gimp.activate_image()
    gimp.display.key("ctrl+f")
    end = time.monotonic() + JOB
    while len(again := gimp.run(styles)) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert [set(each) for each in again] == 2 * [set(mixed[0])]
