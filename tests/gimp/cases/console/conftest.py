"""A GIMP without windows."""

from __future__ import annotations

import pytest

from tests.gimp.cases.console.results import HELPERS
from tests.gimp.session import GimpSession


@pytest.fixture
def gimp(console: GimpSession) -> GimpSession:
    """A GIMP with the helpers."""
    console.run(HELPERS)
    return console
