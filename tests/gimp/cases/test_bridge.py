"""Over the bridge, with pyzmq out of reach of GIMP's Python: what depends on the wire is as it is over ZeroMQ."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import psutil
import pytest

from server.client.wires import VARIABLE
from tests.gimp.cases.console.test_failures import ONE_LAYER, refused
from tests.gimp.cases.driving import DIALOG, ENDLESS, JOB, open_from_menu, pane, state, until_over, wait_for_change
from tests.gimp.looking import look, until
from tests.gimp.session import GimpSession

pytestmark = [pytest.mark.skipif(os.environ.get(VARIABLE) == "zeromq", reason=f"{VARIABLE} forces ZeroMQ")]

CALL = ONE_LAYER + "answer = stylise(image, [photo])"
TEXTS = """
result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label) and each.get_mapped()]
"""


@pytest.fixture
def bridged(console: GimpSession) -> Iterator[GimpSession]:
    """A GIMP without windows, in whose Python pyzmq cannot be loaded."""
    with console.without_pyzmq():
        yield console


@pytest.fixture
def bridged_gui(opened: GimpSession) -> Iterator[GimpSession]:
    """A GIMP that shows a photo, in whose Python pyzmq cannot be loaded."""
    with opened.without_pyzmq():
        yield opened


def bridge_at_work(gimp: GimpSession, seconds: float = 60) -> psutil.Process:
    """The bridge of the plug-in, when its server paints; the plug-in itself has loaded no pyzmq."""
    from server.client.client import Client

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Client.connect(gimp.server_folder, start=False) as client:
            if client.status()["jobs"] and (found := gimp.bridges()):
                (plugin,) = gimp.plugin_processes()
                assert not [mapped.path for mapped in plugin.memory_maps() if "zmq" in mapped.path]
                return found[0]
        time.sleep(0.1)
    raise AssertionError("No job came over a bridge.")


def jobs(gimp: GimpSession) -> int:
    """How many jobs the server has."""
    from server.client.client import Client

    with Client.connect(gimp.server_folder, start=False) as client:
        return len(client.status()["jobs"])


def gone(process: psutil.Process, seconds: float) -> bool:
    """Whether a process ends within so long."""
    end = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.both_series
def test_a_layer_is_painted_by_a_server_that_the_bridge_starts(bridged: GimpSession) -> None:
    bridged.server.end_servers()
    answer = bridged.run(
        ONE_LAYER + "result = told(stylise(image, [photo])) | {'same': read(photo) == before}", timeout=JOB
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    assert len(answer["layers"]) == 2 and answer["same"]


@pytest.mark.both_series
def test_the_same_pixels_as_over_zeromq(console: GimpSession) -> None:
    code = ONE_LAYER + "result = read(stylise(image, [photo], seed=5)['made'][0]).hex()"
    directly = console.run(code, timeout=JOB)
    with console.without_pyzmq():
        assert console.run(code, timeout=JOB) == directly


@pytest.mark.both_series
def test_what_keeps_the_server_away_is_told(bridged: GimpSession) -> None:
    empty = str(bridged.tmp / "no-server")
    failing = ["/bin/sh", "-c", "echo the disk is full >&2; exit 3"]
    with bridged.installation(server_command=failing, folder=empty):
        told = refused(bridged, CALL)
    assert "the disk is full" in told["message"] and "neural-style doctor" in told["message"]


@pytest.mark.both_series
def test_a_bridge_that_cannot_start_is_told(bridged: GimpSession) -> None:
    for command, said in (
        (["/nowhere/python", "-m", "server.bridge"], "No such file"),
        (["/usr/bin/env", "python3", "-c", "import no_such_module"], "no_such_module"),
    ):
        with bridged.installation(bridge_command=command):
            told = refused(bridged, CALL)
        assert "bridge" in told["message"] and said in told["message"] and "install.sh" in told["message"]


@pytest.mark.both_series
def test_a_bridge_killed_in_mid_job_is_told_and_the_next_run_works(bridged: GimpSession) -> None:
    bridged.run(ONE_LAYER + "result = told(stylise(image, [photo]))", timeout=JOB)
    bridged.start(ONE_LAYER + "answer = stylise(image, [photo], **endless)\nresult = told(answer)", endless=ENDLESS)
    bridge = bridge_at_work(bridged)
    time.sleep(1)
    bridge.kill()
    killed = time.monotonic()
    answer = bridged.wait(30)
    assert time.monotonic() - killed < 20
    assert answer["status"] == "EXECUTION_ERROR" and "bridge" in answer["message"] and "Try again" in answer["message"]
    assert [layer["name"] for layer in answer["layers"]] == ["photo"]
    again = bridged.run("result = told(stylise(image, [photo]))", timeout=JOB)
    assert (again["status"], again["message"]) == ("SUCCESS", "")


@pytest.mark.both_series
def test_a_killed_plug_in_takes_its_bridge_and_its_job_along(bridged: GimpSession) -> None:
    bridged.run(ONE_LAYER + "result = told(stylise(image, [photo]))", timeout=JOB)
    bridged.start(ONE_LAYER + "answer = stylise(image, [photo], **endless)\nresult = told(answer)", endless=ENDLESS)
    bridge = bridge_at_work(bridged)
    for process in bridged.plugin_processes():
        process.kill()
    killed = time.monotonic()
    assert gone(bridge, 20)
    assert bridged.wait(30)["status"] != "SUCCESS"
    while jobs(bridged):
        assert time.monotonic() - killed < 20
        time.sleep(0.1)


def test_the_dialog_previews_and_cancels(bridged_gui: GimpSession) -> None:
    gimp = bridged_gui
    before = state(gimp)
    window = open_from_menu(gimp)
    empty = pane(gimp, window, "bridge-no-preview")
    gimp.display.key("space")
    changed = wait_for_change(gimp, window, empty, "bridge-preview", 60)
    assert changed != empty
    (bridge,) = gimp.bridges()
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    until_over(gimp)
    assert gone(bridge, 20)
    assert state(gimp) == before


def test_the_dialog_says_that_its_bridge_is_gone_and_tries_again(bridged_gui: GimpSession) -> None:
    gimp = bridged_gui
    window = open_from_menu(gimp, **ENDLESS)
    empty = pane(gimp, window, "bridge-none-yet")
    gimp.display.key("space")
    wait_for_change(gimp, window, empty, "bridge-before-kill", 60)
    (bridge,) = gimp.bridges()
    bridge.kill()
    said = until(gimp, TEXTS, lambda texts: any("bridge" in text for text in texts), 60)
    gimp.display.screenshot("bridge-killed")
    assert any("bridge" in text and "ended unexpectedly" in text for text in said), said
    gimp.display.key("F5")  # Try Again
    said = until(gimp, TEXTS, lambda texts: not any("bridge" in text for text in texts), 20)
    assert not any("bridge" in text for text in said), said
    end = time.monotonic() + 20
    while not gimp.bridges() and time.monotonic() < end:
        time.sleep(0.1)
    (again,) = gimp.bridges()
    assert again.pid != bridge.pid
    assert look(gimp, "result = len(windows())") == 1
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert gone(again, 20)
