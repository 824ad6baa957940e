"""The Windows that the tests here run on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.gimp.common import GimpUnavailable

#: These run there, not here.
collect_ignore = [] if sys.platform == "win32" else ["inside"]

if sys.platform != "win32":
    from tests.wine.system import Windows

    @pytest.fixture(scope="session")
    def wine() -> Iterator[Windows]:
        """Wine's Windows; the tests are skipped, with the reason, where it cannot be had."""
        try:
            windows = Windows()
        except GimpUnavailable as error:
            pytest.skip(str(error))
        yield windows
        windows.close()
