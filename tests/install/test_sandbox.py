"""GIMP from Flatpak: its plug-in gets the server started by the user's systemd. Both are real; see `sandbox`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer.common import places
from installer.gimps import gimps, units
from tests.gimp import places as gimp_places
from tests.gimp.common import REPOSITORY, GimpUnavailable
from tests.gimp.session import pyzmq_wheel

OWN = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def runtime(required: bool) -> Path:
    """The root file system with GIMP 3.2; skips (or fails) where there is none, or nothing to make a sandbox with."""
    try:
        root = gimp_places.find("3.2").root
    except GimpUnavailable:
        root = None
    possible = (
        root is not None
        and shutil.which("bwrap")
        and Path("/usr/lib/systemd/systemd").exists()
        and subprocess.run([*OWN, "true"], capture_output=True, check=False).returncode == 0
    )
    if not possible and required:
        pytest.fail("a root file system with GIMP 3.2, bubblewrap, systemd and namespaces are needed")
    if not possible:
        pytest.skip("needs root, a root file system with GIMP 3.2, bubblewrap and systemd")
    assert root is not None
    return root


def test_in_a_flatpak_the_users_systemd_starts_the_server(home: Path, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--no-gimp"):
        pytest.skip("needs GIMP's root file system")
    root = runtime(bool(pytestconfig.getoption("--require-gimp")))
    home = home / '100 % "$HOME" \\n'  # all that a unit file takes for its own
    home.mkdir()
    done = subprocess.run(
        [*OWN, sys.executable, "-m", "tests.install.sandbox", home, root, pyzmq_wheel()],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    # Without the unit nobody could hear it: it says so at once, and how to help oneself.
    assert seen["nobody watches"]["code"] == "sandboxed"
    assert "neural-style server" in seen["nobody watches"]["remedy"]
    assert seen["nobody watches"]["seconds"] < 10
    assert seen["installed"] is True
    assert seen["watched"]["server"]
    assert seen["again"]["server"] not in (None, seen["watched"]["server"])  # it is started anew after its end
    assert seen["again"]["server"] == seen["unit's process"]
    assert seen["left"] == []


def test_without_a_systemd_of_the_user_nothing_is_left_and_the_user_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "nobody is here"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    own = places.find({"HOME": str(home)})
    (own.gimp / "3.2").mkdir(parents=True)
    (home / ".var/app/org.gimp.GIMP").mkdir(parents=True)
    assert not units.install(own)
    assert list(own.units.iterdir()) == []
    assert not (own.state / units.WISH).exists()
    (said,) = gimps.find(own, "").others
    assert "run “neural-style server” in a terminal" in said
