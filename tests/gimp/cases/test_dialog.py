"""The dialog and the canvas, driven by keyboard and mouse on a screen, as a user does it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from server.client.client import Client
from tests.gimp.cases.driving import (
    DIALOG,
    ENDLESS,
    JOB,
    difference,
    eventually,
    open_from_menu,
    pane,
    set_last_run,
    state,
    until_over,
    wait_drawn,
    wait_for_change,
)
from tests.gimp.looking import go_to, look, tab_to, until
from tests.gimp.session import GimpSession

#: Opens the dialog with settings that make a quick job ("iterations" are those at full size).
OPEN = "answer = stylise(image, [photo], interactive=True, style=None, **more)\nresult = told(answer)"


def open_dialog(gimp: GimpSession, **settings: Any) -> int:
    """Begin an interactive call and return the dialog's window, with the keyboard in it."""
    set_last_run(gimp)
    gimp.start(OPEN, more={"quality": "draft", "iterations": 5} | settings)
    return wait_drawn(gimp)


def pick_and_apply(gimp: GimpSession) -> None:
    """Choose the second style by keyboard, and apply it."""
    gimp.display.key("Right")
    time.sleep(0.3)
    gimp.display.key("alt+a")


@pytest.mark.both_series
def test_choose_apply_undo_and_redo(opened: GimpSession) -> None:
    before = state(opened)
    window = open_dialog(opened)
    time.sleep(1)  # thumbnails and the connection: what a screenshot should show
    opened.display.screenshot("dialog")
    opened.display.key("Right", "Down")
    time.sleep(0.3)
    opened.display.screenshot("dialog-style-chosen")
    _x, _y, width, height = opened.display.geometry(window)
    assert width <= 1260 and height <= 720  # with a panel and a title it fits on 1280 × 800
    opened.display.key("alt+a")
    answer = opened.wait(JOB)
    opened.display.wait_gone(DIALOG)
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    after = state(opened)
    opened.display.screenshot("result")
    assert len(after["layers"]) == 2 and after["layers"][0]["name"].startswith("photo – ")
    assert after["selected"] == ["photo"]
    assert after["seen"] != before["seen"]

    opened.activate_image()
    opened.display.key("ctrl+z")
    undone = eventually(opened, lambda now: len(now["layers"]) == 1)
    assert undone == before
    opened.display.key("ctrl+y")
    redone = eventually(opened, lambda now: len(now["layers"]) == 2)
    assert redone["seen"] == after["seen"]
    assert [layer["name"] for layer in redone["layers"]] == [layer["name"] for layer in after["layers"]]


@pytest.mark.both_series
def test_from_the_menu_with_the_mouse(opened: GimpSession) -> None:
    window = open_from_menu(opened, iterations=8)
    opened.display.key("alt+a")  # no style chosen: nothing to apply
    time.sleep(0.5)
    assert opened.display.find_windows(DIALOG) and len(state(opened)["layers"]) == 1
    opened.display.key("space")  # the gallery has the keyboard: this chooses the first style
    time.sleep(0.3)
    opened.display.click(300, 120, window=window)  # and this another
    opened.display.key("alt+v")
    time.sleep(0.5)
    opened.display.screenshot("dialog-advanced")
    opened.display.key("alt+q", "Up")  # draft
    opened.display.key("alt+a")
    opened.display.wait_gone(DIALOG, JOB)
    made = eventually(opened, lambda now: len(now["layers"]) == 2 and "painting" not in now["layers"][0]["name"], JOB)
    assert len(made["layers"]) == 2
    until_over(opened)  # what it remembers comes last
    memory = opened.run("result = json.loads(bytes(image.get_layers()[0].get_parasite('neural-style').get_data()))")
    assert memory["settings"]["quality"] == "draft"
    opened.activate_image()
    opened.display.key("ctrl+f")  # repeat, without the dialog: on the source again
    again = eventually(opened, lambda now: len(now["layers"]) == 3, JOB)
    until_over(opened)  # or the next test's GIMP would tell of an image that is gone
    assert [layer["name"].partition(" – ")[0] for layer in again["layers"]] == ["photo"] * 3


def mark(gimp: GimpSession) -> None:
    """Give the image a guide and a soft selection, which are to be as before."""
    gimp.run("""
image.add_vguide(40)
image.select_ellipse(Gimp.ChannelOps.REPLACE, 20, 10, 120, 100)
Gimp.Selection.feather(image, 10)
""")


def wait_for_frames(gimp: GimpSession, window: int, screenshot: str) -> None:
    """Wait until the canvas is painted on: the dialog shows each of its frames."""
    gimp.display.wait_window(", 2 layers")  # the image's own says so
    before = pane(gimp, window, screenshot)
    painted = wait_for_change(gimp, window, before, screenshot, 120)
    assert difference(painted, before) >= 3


def test_cancel_leaves_no_trace(opened: GimpSession) -> None:
    mark(opened)
    before = state(opened)
    opened.run("image.clean_all()")
    window = open_dialog(opened, **ENDLESS)
    pick_and_apply(opened)
    wait_for_frames(opened, window, "painting")
    opened.display.key("Escape")
    answer = opened.wait(60)
    opened.display.wait_gone(DIALOG)
    assert answer["status"] == "CANCEL"
    assert state(opened) == before
    assert opened.run("result = image.is_dirty()") is False  # nothing to save
    opened.run("image.undo_group_start(); photo.set_name('renamed'); image.undo_group_end()")
    opened.activate_image()
    opened.display.key("ctrl+z")
    assert eventually(opened, lambda now: now == before) == before


def test_stop_keeps_what_is_painted(opened: GimpSession) -> None:
    mark(opened)
    before = state(opened)
    window = open_dialog(opened, **ENDLESS)
    pick_and_apply(opened)
    wait_for_frames(opened, window, "painting-before-stop")
    opened.display.key("alt+t")
    answer = opened.wait(JOB)
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    after = state(opened)
    assert len(after["layers"]) == 2 and after["seen"] != before["seen"]
    for mine in ("guides", "selection", "selected"):
        assert after[mine] == before[mine]
    opened.activate_image()
    opened.display.key("ctrl+z")
    assert eventually(opened, lambda now: now == before) == before


def test_server_lost_in_mid_job(opened: GimpSession) -> None:
    mark(opened)
    before = state(opened)
    window = open_dialog(opened, **ENDLESS)
    pick_and_apply(opened)
    wait_for_frames(opened, window, "painting-before-loss")
    opened.server.end_servers()
    # The canvas is as before, and the dialog says why and stays: its button tries again.
    assert not opened.finished
    opened.display.wait_window(", 1 layer[^s]")
    opened.display.screenshot("server-lost")
    assert opened.display.find_windows(DIALOG) and not opened.finished
    opened.display.activate(window)
    opened.display.key("Escape")
    answer = opened.wait(60)
    assert answer["status"] == "CANCEL"
    assert state(opened) == before


@pytest.mark.both_series
def test_killed_while_it_paints_on_the_canvas(opened: GimpSession) -> None:
    opened.run("image.undo_group_start(); photo.set_name('renamed'); image.undo_group_end()")
    window = open_dialog(opened, **ENDLESS)
    pick_and_apply(opened)
    wait_for_frames(opened, window, "painting-before-kill")
    for process in opened.plugin_processes():
        process.kill()
    answer = opened.wait(60)
    assert answer["status"] != "SUCCESS"
    opened.display.wait_gone(DIALOG)
    time.sleep(0.5)
    for title in ("GIMP Message", "Error"):
        for message in opened.display.find_windows(title):
            opened.display.activate(message)
            opened.display.key("Escape")
    left = state(opened)
    assert left["undo enabled"]
    # The live layer is still there, but the history knows only the renaming.
    opened.activate_image()
    opened.display.key("ctrl+z")
    undone = eventually(opened, lambda now: now["layers"][-1]["name"] == "photo")
    assert undone["layers"][-1]["name"] == "photo"
    assert undone["layers"][:-1] == left["layers"][:-1]


#: What is in the clipboard, and all that is written in the dialog.
COPIED = "from gi.repository import Gdk\nresult = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text()"
WORDS = "result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]"


def stand_in_for_a_browser(gimp: GimpSession) -> Path:
    """Make a program the one that opens pages; return the file that it writes the address of a page to."""
    note, programs = gimp.tmp / "opened-page", gimp.shared / "home" / ".local" / "share" / "applications"
    script = gimp.tmp / "browser.sh"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{note}"\n')
    script.chmod(0o755)
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "stand-in.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=Stand-in\nExec={script} %u\nMimeType=text/html;\n"
    )
    (programs / "mimeapps.list").write_text("[Default Applications]\ntext/html=stand-in.desktop\n")
    return note


def eventually_read(file: Path) -> str:
    """Return what is in a file as soon as there is anything."""
    end = time.monotonic() + 30
    while not (file.exists() and file.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    return file.read_text()


def test_no_server_is_told_in_the_dialog(opened: GimpSession) -> None:
    before = state(opened)
    with opened.installation(server_command=["/nowhere/python"], folder=str(opened.tmp / "no-server")):
        browser = stand_in_for_a_browser(opened)
        open_dialog(opened)
        opened.display.screenshot("no-server")
        tab_to(opened, "Copy Report")
        opened.display.key("space")
        copied = until(opened, COPIED, lambda now: now is not None)
        assert copied.startswith("Neural Style ") and opened.version in copied
        assert any(words in copied for words in look(opened, WORDS) if "server" in words)
        opened.display.key("F1")
        assert eventually_read(browser).rstrip().endswith("/plug-ins/neural-style/help/tutorial.html")
        pick_and_apply(opened)  # tries again, and fails again
        time.sleep(1)
        opened.display.screenshot("no-server-after-apply")
        assert not opened.finished
        opened.display.key("Escape")
        answer = opened.wait(60)
    assert answer["status"] == "CANCEL"
    assert state(opened) == before


#: What the program says that a button has started, if one is shown.
SAID = """
texts = [each.get_buffer() for each in inside(windows()[0]) if isinstance(each, Gtk.TextView)]
result = texts[0].get_text(*texts[0].get_bounds(), False) if texts else ""
"""

#: Whether its first line, which says what is wrong, is where it can be read.
WRONG_IS_SEEN = """
view = [each for each in inside(windows()[0]) if isinstance(each, Gtk.TextView)][0]
place, seen = view.get_iter_location(view.get_buffer().get_start_iter()), view.get_visible_rect()
result = seen.y <= place.y < seen.y + seen.height
"""


def test_what_a_message_asks_for_is_done_at_the_press_of_a_button(opened: GimpSession) -> None:
    """The server cannot be started: the doctor says why, the installer is run, and then there is a preview."""
    folder = opened.tmp / "mended"
    with opened.installation(folder=str(folder)) as mended:
        pass
    mended_file, installer = opened.tmp / "mended.json", opened.tmp / "installer.sh"
    mended_file.write_text(json.dumps(mended))
    doctor = ["/bin/sh", "-c", 'echo "✗ Python: gone ($*, $NEURAL_STYLE_FOLDER)"; seq 60; exit 1', "sh"]
    installer.write_text(f"#!/bin/sh\necho installing\ncp '{mended_file}' '{opened.plugin / 'installation.json'}'\n")
    installer.chmod(0o755)
    broken = {"server_command": ["/nowhere/python"], "command_line": doctor, "repair_command": [str(installer)]}
    with opened.installation(folder=str(folder), **broken):
        open_dialog(opened)
        opened.display.key("Right")
        tab_to(opened, "Check…")
        opened.display.key("space")
        assert f"✗ Python: gone (doctor, {folder})" in until(opened, SAID, lambda now: "gone" in now)
        assert until(opened, WRONG_IS_SEEN, bool)  # though many lines follow it
        opened.display.screenshot("doctor")
        go_to(opened, "Repair…")
        opened.display.key("space")
        until(opened, WORDS, lambda now: any("The installer runs again" in words for words in now))
        opened.display.screenshot("repair")
        opened.display.key("Return")
        assert "installing" in until(opened, SAID, lambda now: "installing" in now)
        go_to(opened, "Close")
        opened.display.key("space")
        assert "The preview is ready" in until(opened, WORDS, lambda now: "The preview is ready" in now, JOB)
        opened.display.key("Escape")
        opened.wait(60)
    with Client.connect(folder, start=False) as client:
        client.shutdown()


#: Whether the image is to be converted; None where there is no box for it.
CONVERTS = """
boxes = [each for each in inside(windows()[0]) if isinstance(each, Gtk.CheckButton) and "RGB" in each.get_label()]
result = boxes[0].get_active() if boxes else None
"""


def test_grey_image_asks_for_consent(opened: GimpSession) -> None:
    """Be it grey from the beginning, or only since the dialog is open."""
    open_from_menu(opened)
    assert look(opened, CONVERTS) is None
    opened.run("image.convert_grayscale()")
    assert until(opened, CONVERTS, lambda now: now is not None, 60) is False
    opened.display.key("Escape")
    opened.display.wait_gone(DIALOG)
    open_dialog(opened)
    assert until(opened, CONVERTS, lambda now: now is not None, 60) is False  # the box is there, and not ticked
    opened.display.key("alt+h")
    assert until(opened, CONVERTS, bool, 60)
    opened.display.screenshot("grey-consent")
    opened.display.key("Escape")
    assert opened.wait(60)["status"] == "CANCEL"
