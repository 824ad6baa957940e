"""What runs on Windows, run there by its own Python and pytest: Wine is the Windows that these tests have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wine.system import Windows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there, these tests are run without Wine"),
]

#: Tests of Windows alone, and those of all systems that say most about it.
LAYER = "tests/wine/inside/test_layer.py"
FILES = (
    "tests/wine/inside/test_server.py",
    "tests/test_portable.py",
    "tests/server/engine/test_engine_transport.py",
    "tests/server/client/test_pipe_frames.py",
)


def test_what_depends_on_the_system(wine_that_is_there: Windows) -> None:
    """In every run where Wine is there: half a minute."""
    run_inside(wine_that_is_there, LAYER)


@pytest.mark.wine
@pytest.mark.parametrize("file", FILES)
def test_on_windows(wine: Windows, file: str) -> None:
    run_inside(wine, file)


def run_inside(wine: Windows, file: str) -> None:
    """Run a file of tests there."""
    done = wine.python("-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs", "--tb=short", file, timeout=900)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout, done.stdout[-8000:]


@pytest.mark.wine
def test_nothing_of_ours_runs_there_afterwards(wine: Windows) -> None:
    assert [each for each in wine.processes() if "server" in each] == []
