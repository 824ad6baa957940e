"""What runs on Windows, run there by its own Python and pytest: Wine is the Windows that these tests have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wine.system import Windows

pytestmark = [
    pytest.mark.wine,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there, these tests are run without Wine"),
]

#: Tests of Windows alone, and those of all systems that say most about it.
FILES = (
    "tests/wine/inside/test_layer.py",
    "tests/wine/inside/test_server.py",
    "tests/test_portable.py",
    "tests/server/test_engine_transport.py",
    "tests/server/test_pipe_frames.py",
)


@pytest.mark.parametrize("file", FILES)
def test_on_windows(wine: Windows, file: str) -> None:
    done = wine.python("-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs", "--tb=short", file, timeout=900)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout, done.stdout[-8000:]


def test_nothing_of_ours_runs_there_afterwards(wine: Windows) -> None:
    assert [each for each in wine.processes() if "server" in each] == []
