"""A new user's whole way in fresh Debian systems; only with --fresh-systems. See `fresh_systems`."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.gimp.common import REPOSITORY


def test_the_whole_way(fresh_system: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.install.fresh_systems", fresh_system],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
