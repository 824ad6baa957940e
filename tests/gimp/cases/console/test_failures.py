"""What goes wrong is said in words, and the image is as it was."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from tests.gimp.session import GimpSession

JOB = 300  # seconds that a job may take on a busy machine
ONE_LAYER = """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
before = read(photo)
"""


def refused(gimp: GimpSession, code: str, **values: object) -> dict:
    """Run code that must fail without a change, and return what it told."""
    answer = gimp.run(code + "\nresult = told(answer) | {'same': read(photo) == before}", timeout=JOB, **values)
    assert answer["status"] != "SUCCESS"
    assert [layer["name"] for layer in answer["layers"]] == ["photo"]
    assert answer["same"]
    return answer


def test_wrong_style_files(console: GimpSession) -> None:
    not_a_picture: Path = console.tmp / "notes.jpg"
    not_a_picture.write_text("These are words.")
    call = ONE_LAYER + "answer = stylise(image, [photo], style=wrong)"
    assert "notes.jpg is not a picture" in refused(console, call, wrong=not_a_picture)["message"]
    missing = refused(console, call, wrong=console.tmp / "missing.jpg")
    assert missing["status"] == "CALLING_ERROR"  # GIMP itself refuses it
    none = ONE_LAYER + "answer = stylise(image, [photo], style=None)"
    assert "No style picture was given" in refused(console, none)["message"]


def test_odd_style_files_work(console: GimpSession) -> None:
    picture = Image.radial_gradient("L").resize((80, 80))
    colours = Image.merge("RGB", (picture, picture.rotate(90), picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))
    colours.convert("CMYK").save(console.tmp / "cmyk.jpg")
    Image.new("I;16", (80, 80), 30000).save(console.tmp / "deep.png")
    colours.save(console.tmp / "small.png")
    answers = console.run(
        ONE_LAYER + "result = [told(stylise(image, [photo], style=f'{folder}/{name}')) for name in names]",
        folder=console.tmp,
        names=["cmyk.jpg", "deep.png"],
        timeout=JOB,
    )
    assert [(answer["status"], answer["message"]) for answer in answers] == [("SUCCESS", "")] * 2


def test_nothing_that_could_be_styled(console: GimpSession) -> None:
    clear = """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64, bytes(64 * 64 * 4))
before = read(photo)
answer = stylise(image, [photo])
"""
    assert "transparent" in refused(console, clear)["message"]
    none = ONE_LAYER + "answer = stylise(image, [])"
    assert "No layer is selected" in refused(console, none)["message"]
    beside = (
        ONE_LAYER
        + """
photo.set_offsets(0, 30)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 64, 20)
answer = stylise(image, [photo])
"""
    )
    assert "selection does not touch" in refused(console, beside)["message"]
    channel = (
        ONE_LAYER
        + """
spot = Gimp.Channel.new(image, "spot", 64, 64, 50, Gegl.Color.new("red"))
image.insert_channel(spot, None, 0)
answer = stylise(image, [spot])
"""
    )
    assert "channel" in refused(console, channel)["message"]
    floating = (
        ONE_LAYER
        + """
image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 20, 20)
Gimp.Selection.float(image, [photo], 0, 0)
answer = stylise(image, [photo])
Gimp.floating_sel_anchor(image.get_floating_sel())
answer["layers"] = layers(image)
"""
    )
    assert "floating selection" in refused(console, floating)["message"]


def test_one_pixel(console: GimpSession) -> None:
    code = """
image = new_image(1, 1)
photo = new_layer(image, "photo", 1, 1)
before = read(photo)
answer = stylise(image, [photo])
"""
    assert "only 1 × 1 pixels" in refused(console, code)["message"]


def test_one_bad_layer_of_two_keeps_the_image_as_it_was(console: GimpSession) -> None:
    answer = console.run(
        ONE_LAYER + "clear = new_layer(image, 'clear', 64, 64, bytes(64 * 64 * 4), position=1)\n"
        "result = told(stylise(image, [photo, clear]))",
        timeout=JOB,
    )
    assert answer["status"] == "EXECUTION_ERROR"
    assert [layer["name"] for layer in answer["layers"]] == ["photo", "clear"]


def test_no_server(console: GimpSession) -> None:
    call = ONE_LAYER + "answer = stylise(image, [photo])"
    empty = str(console.tmp / "no-server")
    with console.installation(server_command=["/nowhere/python", "-m", "server"], folder=empty):
        answer = refused(console, call)
    assert answer["status"] == "EXECUTION_ERROR"
    assert "server could not be started" in answer["message"]
    assert "install.sh" in answer["message"]


def test_server_that_ends_at_once(console: GimpSession) -> None:
    call = ONE_LAYER + "answer = stylise(image, [photo])"
    empty = str(console.tmp / "no-server")
    with console.installation(server_command=["/bin/sh", "-c", "echo the disk is full >&2; exit 3"], folder=empty):
        answer = refused(console, call)
    assert "the disk is full" in answer["message"]


def test_broken_installation_file(console: GimpSession) -> None:
    path = console.plugin / "installation.json"
    whole = path.read_text()
    path.write_text(whole[:20])
    try:
        answer = refused(console, ONE_LAYER + "answer = stylise(image, [photo])")
    finally:
        path.write_text(whole)
    assert "installation.json cannot be read" in answer["message"]


@pytest.fixture
def watched(console: GimpSession):
    """The console, and a client that watches the server which the plug-in uses."""
    from server.client.client import Client

    console.run(ONE_LAYER + "result = told(stylise(image, [photo]))", timeout=JOB)
    with Client.connect(console.server_folder, start=False) as client:
        yield console, client


def test_killed_in_mid_job(watched) -> None:
    gimp, client = watched
    gimp.start(ONE_LAYER + "answer = stylise(image, [photo], quality='best', iterations=2000)\nresult = told(answer)")
    until = time.monotonic() + 30
    while not client.status()["jobs"] and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    assert client.status()["jobs"], "the job did not start"
    for process in gimp.plugin_processes():
        process.kill()
    killed = time.monotonic()
    answer = gimp.wait(60)
    while client.status()["jobs"]:
        assert time.monotonic() < killed + 20
        time.sleep(0.1)
    assert answer["status"] != "SUCCESS"
    assert [layer["name"] for layer in answer["layers"]] == ["photo"]
    again = gimp.run("result = told(stylise(image, [photo]))", timeout=JOB)  # and the next call works
    assert again["status"] == "SUCCESS"


def test_the_command_of_every_remedy_can_be_copied(console: GimpSession) -> None:
    found = console.run(
        """
import sys
sys.path[:0] = [folder, folder + "/vendor"]
from common.report import command_in
from stylecore.errors import ERRORS
result = {}
for installer in ("./install.sh", "install.cmd", "neural-style install"):
    for _sentence, remedy in ERRORS.values():
        if "neural-style" in remedy or "{installer}" in remedy:
            words = remedy.replace("{installer}", installer)
            result[words] = command_in(words)
""",
        folder=str(console.plugin),
    )
    assert len(found) > 20
    for remedy, command in found.items():
        assert command and remedy.split(command)[1][0] in " ”.,", (remedy, command)
    assert {
        "neural-style doctor",
        "neural-style server stop",
        "./install.sh",
        "install.cmd",
        "neural-style install",
    } <= set(found.values())
