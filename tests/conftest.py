"""Options of the whole test suite, and the network that most of it paints with."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests import device


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suite; `tests/run` passes them on."""
    parser.addoption(
        "--all",
        action="store_true",
        help="also what takes long and hardly ever finds anything of its own: see docs/extending.md",
    )
    parser.addoption(
        "--device",
        metavar="DEVICE",
        help="what tests/stylecore and tests/server paint on (default: cpu); see docs/extending.md",
    )
    group = parser.getgroup("gimp")
    group.addoption("--require-gimp", action="store_true", help="fail, not skip, where no GIMP 3.0 or 3.2 can be had")
    group.addoption(
        "--fresh-systems",
        action="append",
        choices=["12", "13", "testing"],
        default=[],
        help="also go a new user's whole way in that fresh Debian (root, a network, 9 GB, minutes); repeatable",
    )
    group.addoption("--no-gimp", action="store_true", help="leave out what runs inside GIMP")


def pytest_configure(config: pytest.Config) -> None:
    """Name the device to the tests, and let the programs under test be interrupted."""
    if chosen := config.getoption("--device"):
        os.environ[device.VARIABLE] = chosen
    # One that is started in the background inherits that it is not.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs only with --all."""
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("before_a_release")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def thin_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of VGG-19 with an eighth of its channels (:mod:`tests.thin_network`)."""
    from tests import thin_network

    path = tmp_path_factory.mktemp("weights") / "thin.safetensors"
    thin_network.write(path)
    return path
