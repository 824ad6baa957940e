"""Options of the whole test suite, and the network that most of it paints with."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options about GIMP; `tests/run` passes them on."""
    group = parser.getgroup("gimp")
    group.addoption("--require-gimp", action="store_true", help="fail, not skip, where no GIMP 3.0 or 3.2 can be had")
    group.addoption("--fresh-systems", action="append", choices=["12", "13", "testing"], default=[],
                    help="also go a new user's whole way in that fresh Debian (root, a network, 9 GB, minutes); repeatable")
    group.addoption("--no-gimp", action="store_true", help="leave out what runs inside GIMP")


@pytest.fixture(scope="session")
def thin_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of VGG-19 with an eighth of its channels (:mod:`tests.thin_network`)."""
    from tests import thin_network

    path = tmp_path_factory.mktemp("weights") / "thin.safetensors"
    thin_network.write(path)
    return path
