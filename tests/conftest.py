"""Options of the whole test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options about GIMP; `tests/run` passes them on."""
    group = parser.getgroup("gimp")
    group.addoption("--require-gimp", action="store_true", help="fail, not skip, where no GIMP 3.0 or 3.2 can be had")
    group.addoption("--fresh-systems", action="store_true",
                    help="also install in fresh Debian 12, 13 and testing (root, a network, 9 GB, minutes each)")
    group.addoption("--no-gimp", action="store_true", help="leave out what runs inside GIMP")
