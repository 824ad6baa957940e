"""What runs on Windows has folders of its own, and paints with a network of few channels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.discovery import default_folder, read_connection, server_lives
from stylecore import system
from tests.server.conftest import until


@pytest.fixture(scope="session", autouse=True)
def of_the_tests_own(thin_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURAL_STYLE_WEIGHTS", str(thin_weights))
        patch.setenv("LOCALAPPDATA", str(tmp_path_factory.mktemp("Zoë im Grünen")))
        patch.delenv("NEURAL_STYLE_FOLDER", raising=False)
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    """The user's folder, in which a client may start a server; the one that it started is ended."""
    folder = default_folder()
    assert str(folder).startswith(os.environ["LOCALAPPDATA"])
    yield folder
    connection = read_connection(folder)
    if connection is not None:
        system.end_process(connection.pid, by_force=True)
    until(lambda: not server_lives(folder), 10)
