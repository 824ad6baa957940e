"""Options of the whole test suite, and the network that most of it paints with."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# The tests share the processor with each other: a job on several threads would wait for the slowest of them at every step.
# What they start inherits it; torch reads it once, when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from stylecore import system
from tests import device


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suite; `tests/run` passes them on."""
    parser.addoption(
        "--all",
        action="store_true",
        help="also what takes long and hardly ever finds anything of its own: see docs/extending.md",
    )
    parser.addoption("--wine", action="store_true", help="also what runs on Windows, as far as Wine is that: tests/wine")
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
    # One that is started in the background, or with nohup, inherits that it is not.
    for number in system.ENDINGS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs only with --all; what takes longest in one piece comes first."""
    unwanted = [] if config.getoption("--all") else ["before_a_release"]
    unwanted += [] if config.getoption("--all") or config.getoption("--wine") else ["wine"]
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in unwanted)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: _LONGEST.get(_share(item.nodeid), len(_LONGEST)))  # stable: else as collected


def _share(nodeid: str) -> str:
    """Return which tests one process has to run one after the other, when several share the suite (``-n 2``).

    Those inside GIMPs with windows, and those inside GIMPs without, which are started once; else those of a file, whose
    fixtures they share.
    """
    path = nodeid.partition("::")[0]
    return next((folder for folder in (_WITHOUT_WINDOWS, _GIMP) if path.startswith(f"{folder}/")), path)


_GIMP, _WITHOUT_WINDOWS = "tests/gimp", "tests/gimp/cases/console"
#: What is begun first, so that no process is left alone with it at the end: a fresh system is one test, so that the same
#: process also has what comes next.
_LONGEST = {each: place for place, each in enumerate((_GIMP, "tests/install/test_fresh_systems.py", _WITHOUT_WINDOWS))}


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Share the tests out among the processes of ``-n 2`` as :func:`_share` says."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _share(nodeid)

    config.option.loadscopereorder = False  # the order is ours
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def thin_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of VGG-19 with an eighth of its channels (:mod:`tests.thin_network`)."""
    from tests import thin_network

    path = tmp_path_factory.mktemp("weights") / "thin.safetensors"
    thin_network.write(path)
    return path
