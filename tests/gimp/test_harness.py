"""The harness itself: GIMP starts, is of the right series, runs code, and says what went wrong."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.gimp.session import GimpError, GimpSession

pytestmark = pytest.mark.both_series


def test_console_runs_code(gimp_console: GimpSession) -> None:
    assert gimp_console.version.startswith(gimp_console.series + ".")
    described = gimp_console.run(
        "image = new_image(64, 48)\nlayer = new_layer(image, wanted, 60, 40, offset=(3, 2))\nresult = layers(image)",
        wanted="sky",
    )
    assert [(layer["name"], layer["x"], layer["width"]) for layer in described] == [("sky", 3, 60)]
    assert gimp_console.run("result = len(read(layer))") == 60 * 40 * 4


def test_variables_and_images_do_not_outlive_a_test(gimp_console: GimpSession) -> None:
    assert gimp_console.run("result = ['layer' in globals(), len(Gimp.get_images())]") == [False, 0]


def test_an_error_inside_gimp_reaches_the_test(gimp_console: GimpSession) -> None:
    with pytest.raises(GimpError, match="ZeroDivisionError"):
        gimp_console.run("1 / 0")
    assert gimp_console.run("result = 2") == 2


def test_files_have_one_path_on_both_sides(gimp_console: GimpSession) -> None:
    Image.new("RGB", (20, 10), (200, 100, 50)).save(gimp_console.tmp / "in.png")
    code = "image = load(f'{tmp}/in.png')\nresult = list(read(image.get_layers()[0])[:3])\nsave(image, f'{tmp}/out.tif')"
    assert gimp_console.run(code, tmp=gimp_console.tmp) == [200, 100, 50]
    assert Image.open(gimp_console.tmp / "out.tif").size == (20, 10)


def test_screen_keyboard_and_undo(gimp_gui: GimpSession) -> None:
    gimp_gui.run("image = new_image(320, 200)\nlayer = new_layer(image, 'sky', 320, 200)\nshow(image)")
    gimp_gui.activate_image()
    gimp_gui.run("image.undo_group_start(); layer.set_name('sea'); image.undo_group_end()")
    gimp_gui.display.key("ctrl+z")
    gimp_gui.run("import time; time.sleep(0.5)")
    assert gimp_gui.run("result = layer.get_name()") == "sky"
    assert gimp_gui.display.screenshot("harness").stat().st_size > 5000


def test_a_plugin_can_start_a_program_outside(gimp_console: GimpSession) -> None:
    code = """
import subprocess
done = subprocess.run([*command, "--no-such-option"], capture_output=True, text=True, timeout=60)
result = [done.returncode, done.stdout]
"""
    status, words = gimp_console.run(code, command=gimp_console.server.command)
    assert status != 0
    assert "server" in words  # what the server's own Python had to say


def test_the_filter_is_found_by_its_name(gimp_gui: GimpSession) -> None:
    gimp_gui.run("image = new_image(320, 200)\nlayer = new_layer(image, 'sky', 320, 200)\nshow(image)")
    gimp_gui.menu("Neural Style…")
    window = gimp_gui.display.wait_window("^Neural Style$")
    gimp_gui.display.activate(window)
    gimp_gui.display.key("Escape")
    gimp_gui.display.wait_gone("^Neural Style$")
