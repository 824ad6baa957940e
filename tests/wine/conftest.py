"""The Windows that the tests here run on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.gimp.common import GimpUnavailable

#: These run there, not here.
collect_ignore = [] if sys.platform == "win32" else ["inside"]

if sys.platform != "win32":
    from tests.wine import windows as root_file_system
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

    @pytest.fixture
    def wine_that_is_there(request: pytest.FixtureRequest) -> Windows:
        """The same, where it need not be made first."""
        if not root_file_system.is_made():
            pytest.skip("Wine's root file system is not there; tests/run --wine makes it")
        found: Windows = request.getfixturevalue("wine")
        return found
