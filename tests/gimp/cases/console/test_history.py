"""A run that is killed just while it keeps something out of the undo history."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gimp.session import GimpSession

pytestmark = pytest.mark.both_series  # the undo history is GIMP's

JOB = 300  # seconds that a job may take on a busy machine

# The plug-in's own way in, in a process that is taken to be another one; nothing ever comes out again.
KILLED_WITHIN = """
import sys
from unittest import mock
sys.path.insert(0, plugin)
from canvas import unrecorded as history
image = new_image(96, 72)
photo = new_layer(image, "photo", 96, 72)
image.undo_group_start(); photo.set_name("renamed"); image.undo_group_end()
with mock.patch.object(history.os, "getpid", return_value=process):
    unfinished = history.unrecorded(image)
    unfinished.__enter__()
photo.set_opacity(50)
"""
LOOK = """
result = {"undo": image.undo_is_enabled(), "marks": [name for name in image.get_parasite_list() if "unrecorded" in name]}
"""


def gone() -> int:
    """Return the number of a process that lives no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_next_run_switches_the_history_on_again(console: GimpSession) -> None:
    console.run(KILLED_WITHIN, plugin=console.plugin, process=gone())
    left = console.run(LOOK)
    assert not left["undo"] and len(left["marks"]) == 1
    answer = console.run("result = told(stylise(image, [photo]))", timeout=JOB)
    assert (answer["status"], len(answer["layers"])) == ("SUCCESS", 2)
    assert console.run(LOOK) == {"undo": True, "marks": []}


def test_updating_does_so_too_even_with_nothing_to_update(console: GimpSession) -> None:
    console.run(KILLED_WITHIN, plugin=console.plugin, process=gone())
    console.run("call('plug-in-neural-style-update-results', image, [photo])", timeout=JOB)
    assert console.run(LOOK) == {"undo": True, "marks": []}


@pytest.mark.parametrize("whose", ["a living process's", "a script's"])
def test_a_history_that_somebody_else_switched_off_stays_so(console: GimpSession, whose: str) -> None:
    if whose == "a script's":
        console.run("image = new_image(96, 72)\nphoto = new_layer(image, 'photo', 96, 72)\nimage.undo_freeze()")
    else:
        console.run(KILLED_WITHIN, plugin=console.plugin, process=console.run("result = os.getpid()"))
    before = console.run(LOOK)
    answer = console.run("result = told(stylise(image, [photo]))", timeout=JOB)
    assert answer["status"] == "SUCCESS"
    assert console.run(LOOK) == before and not before["undo"]
