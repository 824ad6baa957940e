"""A new user's way on Windows: the unpacked release, ``install.cmd``, a picture, a newer version, away with it; the wheel.

PyTorch is borrowed from the Python that is there, and nothing comes from a network. There is no GIMP for Windows here: only
the folder that one has made, and so what is put into it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from installer import release
from server.protocol import VERSION
from tests.gimp.common import REPOSITORY

if TYPE_CHECKING:
    from tests.wine.system import Windows

pytestmark = [
    pytest.mark.wine,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there, these tests are run without Wine"),
]

OLDER = "0.0.9"
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


def set_version(project: Path, version: str) -> None:
    """Make a copy of the project be of another version."""
    path = project / "server/protocol.py"
    path.write_text(
        re.sub(r'^VERSION = ".+"', f'VERSION = "{version}"', path.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )


def test_install_paint_upgrade_and_uninstall(wine: Windows, tmp_path: Path) -> None:
    from tests.wine import windows

    archive = release.make(tmp_path)
    with zipfile.ZipFile(archive) as file:
        file.extractall(wine.scratch)
    (wine.scratch / f"gimp-neural-style-{VERSION}").rename(wine.scratch / PROJECT)
    set_version(wine.scratch / PROJECT, OLDER)
    users = wine.scratch.parents[1] / USER
    plugins = users / "Roaming/GIMP/3.0/plug-ins"
    plugins.parent.mkdir(parents=True)
    python = rf"{windows.DRIVE}\python"

    assert "Python 3.10 to 3.14 (64 bits) was not found" in cmd(wine, "install.cmd", status=1)
    assert ours(users) == []

    options = ["--packages-of", windows.PYTHON_EXE, "--offline", r"Z:\windows\wheels"]
    said = cmd(wine, "install.cmd", *options, "--demo", "--size=64", "--output", ".", path=python, timeout=900)
    assert f"Installing Neural Style {OLDER}" in said and "Installed in" in said, said
    assert (wine.scratch / PROJECT / "neural-style-demo.png").stat().st_size > 1000
    plugin = plugins / "neural-style"
    installation = json.loads((plugin / "installation.json").read_text("utf-8"))
    assert installation["bridge_command"][1:] == ["-m", "server.bridge"]
    assert re.fullmatch(r"C:\\.*\\venv\\Scripts\\python\.exe", installation["bridge_command"][0])
    assert (plugin / "neural-style.py").is_file() and not (plugin / "vendor").exists()

    command = r"%LOCALAPPDATA%\gimp-neural-style\neural-style.cmd"
    assert OLDER in cmd(wine, command, "--version")
    first, second = (re.findall(r"process (\d+)", cmd(wine, command, "status")) for _ in range(2))
    assert first == second != []  # the demo's server is found by both

    set_version(wine.scratch / PROJECT, VERSION)
    (plugin / "former.py").touch()
    said = cmd(wine, "install.cmd", *options, path=python, timeout=900)
    assert "server of the former version was running; it has ended" in said, said
    assert f"Updating Neural Style {OLDER} to {VERSION}" in said and f"Updated to {VERSION}" in said, said
    assert VERSION in cmd(wine, command, "--version")
    assert json.loads((plugin / "installation.json").read_text("utf-8"))["version"] == VERSION
    assert not (plugin / "former.py").exists()
    report = json.loads(cmd(wine, "install.cmd", "--doctor", "--json", path=python))
    assert report["good"], report
    assert {"Bridge", "Test picture", "GIMP 3.0"} <= {finding["check"] for finding in report["findings"]}, report
    assert "is up to date" in cmd(wine, "install.cmd", *options, path=python)

    assert "Neural Style is removed." in cmd(wine, "install.cmd", "--uninstall", path=python)
    (missing,) = json.loads(cmd(wine, "install.cmd", "--doctor", "--json", path=python, status=1))["findings"]
    assert missing["remedy"] == "Run install.cmd."
    assert ours(users) == []
    assert [each for each in wine.processes() if "server" in each] == []


def test_the_wheel_is_a_way_in(wine: Windows, tmp_path: Path) -> None:
    """The environment is what pipx would make, but that it sees the packages of the Python that is there."""
    from tests.install.conftest import build
    from tests.wine import windows

    (wheel,) = build(tmp_path).glob("*.whl")
    (wine.scratch / PROJECT).mkdir(exist_ok=True)
    shutil.copy(wheel, wine.scratch / PROJECT)
    users = wine.scratch.parents[1] / USER
    plugin = users / "Roaming/GIMP/3.0/plug-ins/neural-style"
    plugin.parent.mkdir(parents=True, exist_ok=True)
    cmd(wine, windows.PYTHON_EXE, "-m", "venv", "--without-pip", "--system-site-packages", "tools")
    cmd(wine, r"tools\Scripts\python.exe", "-m", "pip", "install", "--no-index", "--no-deps", wheel.name)
    command = r"tools\Scripts\neural-style.exe"
    said = cmd(wine, command, "install", "--demo", "--size=64", "--output", ".", timeout=900)
    assert f"Neural Style {VERSION} with torch" in said and "Painted in" in said, said
    told = json.loads((plugin / "installation.json").read_text("utf-8"))
    assert told["bridge_command"][0].endswith(r"\tools\Scripts\python.exe") and told["installer"] == "neural-style install"
    said = cmd(wine, command, "doctor", "--json")
    report = json.loads(said[said.index('{"good"') :])  # PyTorch says what it thinks of Wine's processor
    assert report["good"], report
    said = cmd(wine, command, "uninstall")
    assert "server was running; it has ended" in said and "pipx uninstall gimp-neural-style" in said
    assert ours(users) == []


#: What the stand-ins for Windows' own programs do (stand_in.c), and uv's.
STAND_IN = r"""
import hashlib, os, shutil, sys, zipfile
name, *arguments = sys.argv[1:]
if name == "curl.exe":
    shutil.copy(r"Z:\windows\scratch\served.zip", arguments[arguments.index("--output") + 1])
elif name == "certutil.exe":
    print("SHA256 hash of", arguments[1], hashlib.sha256(open(arguments[1], "rb").read()).hexdigest(), "done", sep="\n")
elif name == "tar.exe":
    zipfile.ZipFile(arguments[1]).extractall(arguments[3])
else:
    assert arguments == ["python", "install", "--no-config", "--no-bin", "--no-registry", "3.13"], arguments
    folder = os.path.join(os.environ["UV_PYTHON_INSTALL_DIR"], "cpython-3.13.7-windows-x86_64-none")
    os.makedirs(folder)
    shutil.copy(r"Z:\windows\scratch\programs\curl.exe", os.path.join(folder, "python.exe"))
"""


def test_a_python_is_fetched_where_there_is_none(wine: Windows) -> None:
    """Of the programs that install.cmd calls Wine has none, so they are stand-ins, and so is uv."""
    from tests.wine import windows

    project, programs = wine.scratch / PROJECT, wine.scratch / "programs"
    for name in ("installer", "stylecore"):
        shutil.copytree(REPOSITORY / name, project / name, dirs_exist_ok=True)
    programs.mkdir()
    (wine.scratch / "stand_in.py").write_text(STAND_IN, "utf-8")
    source = "/windows/project/tests/wine/stand_in.c"
    for name in ("curl", "certutil", "tar"):
        compiled = wine.run(windows.GCC, "-municode", "-o", f"{name}.exe", source, folder="/windows/scratch/programs")
        assert compiled.returncode == 0, compiled.stdout
    text = (REPOSITORY / "install.cmd").read_text("utf-8")
    served, path = wine.scratch / "served.zip", r"Z:\windows\scratch\programs"
    with zipfile.ZipFile(served, "w") as file:
        file.write(programs / "curl.exe", "uv.exe")
    users = wine.scratch.parents[1] / USER
    (project / "install.cmd").write_bytes((REPOSITORY / "install.cmd").read_bytes())
    said = cmd(wine, "install.cmd", "--gimps-json", path=path, status=1)
    assert "is not what it should be" in said and "was not found" in said, said
    assert "was not found" in (said := cmd(wine, "install.cmd", "--uninstall", path=path, status=1)) and "uv" not in said, (
        said
    )
    assert ours(users) == []

    digest = hashlib.sha256(served.read_bytes()).hexdigest()
    altered = re.sub(r'^set "sum=.+"', f'set "sum={digest}"', text, flags=re.MULTILINE)
    (project / "install.cmd").write_text(altered, "utf-8", newline="\r\n")
    for _ in range(2):
        said = cmd(wine, "install.cmd", "--gimps-json", path=path)
        assert '"gimps": ' in said, said
        served.unlink(missing_ok=True)  # once is enough
    assert [each.name for each in (users / "Local/gimp-neural-style").iterdir()] == ["python"]
    assert "Nothing is installed" not in cmd(wine, "install.cmd", "--uninstall", path=path)
    assert ours(users) == []
