"""A new user's way on Windows: the unpacked release, ``install.cmd``, a picture, again, and away with it.

PyTorch is borrowed from the Python that is there, and nothing comes from a network. There is no GIMP for Windows here: only
the folder that one has made, and so what is put into it.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from installer import release
from server.protocol import VERSION

if TYPE_CHECKING:
    from tests.wine.system import Windows

pytestmark = [
    pytest.mark.wine,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there, these tests are run without Wine"),
]

PROJECT = "Neural Style – höher"
USER = "windows/prefix/drive_c/users/root/AppData"


def cmd(wine: Windows, *line: str, status: int = 0, path: str = "", timeout: float = 300) -> str:
    """What a command line prints in the project's folder, with the folder ``path`` on PATH too."""
    from tests.wine import windows

    done = wine.run(
        *(windows.WINE, "cmd", "/c", *line), folder=f"/windows/scratch/{PROJECT}", timeout=timeout, WINEPATH=path
    )
    assert done.returncode == status, f"{line} ended with {done.returncode}:\n{done.stdout[-5000:]}"
    return done.stdout


def ours(root: Path) -> list[str]:
    """Everything in the user's folders that is ours."""
    return [str(path.relative_to(root)) for path in root.rglob("*") if "neural" in path.name.lower()]


def test_install_paint_again_and_uninstall(wine: Windows, tmp_path: Path) -> None:
    from tests.wine import windows

    archive = release.make(tmp_path)
    with zipfile.ZipFile(archive) as file:
        file.extractall(wine.scratch)
    (wine.scratch / f"gimp-neural-style-{VERSION}").rename(wine.scratch / PROJECT)
    users = wine.scratch.parents[1] / USER
    plugins = users / "Roaming/GIMP/3.0/plug-ins"
    plugins.parent.mkdir(parents=True)
    python = rf"{windows.DRIVE}\python"

    assert "Python 3.10 to 3.14 (64 bits) was not found" in cmd(wine, "install.cmd", status=1)
    assert ours(users) == []

    options = ["--packages-of", windows.PYTHON_EXE, "--offline", r"Z:\windows\wheels"]
    said = cmd(wine, "install.cmd", *options, "--demo", "--size=64", "--output", ".", path=python, timeout=900)
    assert f"Installing Neural Style {VERSION}" in said and "Installed in" in said, said
    assert (wine.scratch / PROJECT / "neural-style-demo.png").stat().st_size > 1000
    plugin = plugins / "neural-style"
    installation = json.loads((plugin / "installation.json").read_text("utf-8"))
    assert installation["bridge_command"][1:] == ["-m", "server.bridge"]
    assert re.fullmatch(r"C:\\.*\\venv\\Scripts\\python\.exe", installation["bridge_command"][0])
    assert (plugin / "neural-style.py").is_file() and not (plugin / "vendor").exists()

    command = r"%LOCALAPPDATA%\gimp-neural-style\neural-style.cmd"
    assert VERSION in cmd(wine, command, "--version")
    first, second = (re.findall(r"process (\d+)", cmd(wine, command, "status")) for _ in range(2))
    assert first == second != []  # the demo's server is found by both
    report = json.loads(cmd(wine, "install.cmd", "--doctor", "--json", path=python))
    assert report["good"], report
    assert {"Bridge", "Test picture", "GIMP 3.0"} <= {finding["check"] for finding in report["findings"]}, report
    assert "is up to date" in cmd(wine, "install.cmd", *options, path=python)

    assert "Neural Style is removed." in cmd(wine, "install.cmd", "--uninstall", path=python)
    (missing,) = json.loads(cmd(wine, "install.cmd", "--doctor", "--json", path=python, status=1))["findings"]
    assert missing["remedy"] == "Run install.cmd."
    assert ours(users) == []
    assert [each for each in wine.processes() if "server" in each] == []
