"""The plug-in's folder is complete, needs nothing else, and is replaced in one go."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from gimp_plugin import assemble
from tests.install.conftest import REPOSITORY

INSTALLATION = assemble.installation("1.2.3", "/some where/python", user_styles="/own/styles")


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """The pyzmq that runs the tests, as if it had been unpacked from a wheel."""
    site = Path(zmq.__file__).parent.parent
    folder = tmp_path / "unpacked"
    shutil.copytree(site / "zmq", folder / "zmq")
    if (site / "pyzmq.libs").is_dir():
        shutil.copytree(site / "pyzmq.libs", folder / "pyzmq.libs")
    return folder


@pytest.fixture
def plugin(tmp_path: Path, vendor: Path) -> Path:
    destination = tmp_path / "GIMP of mine" / "plug-ins" / "neural-style"
    assemble.assemble(destination, REPOSITORY, INSTALLATION, vendor)
    return destination


def test_folder_is_complete(plugin: Path) -> None:
    assert (plugin / "neural-style.py").stat().st_mode & 0o111 == 0o111
    assert (plugin / "neural-style.py").read_text().startswith("#!/usr/bin/env python3\n")
    assert json.loads((plugin / "installation.json").read_text()) == {
        "version": "1.2.3",
        "installer": None,
        "server_command": ["/some where/python", "-m", "server"],
        "bridge_command": ["/some where/python", "-m", "server.bridge"],
        "command_line": ["/some where/python", "-m", "server.cli.main"],
        "repair_command": None,
        "folder": None,
        "user_styles": "/own/styles",
    }
    shipped = {path.name for path in (REPOSITORY / "samples" / "styles").glob("*.jpg")}
    assert {path.name for path in (plugin / "gallery").iterdir()} == shipped
    page = plugin / assemble.HELP_PAGE
    assert all((page.parent / name).is_file() for name in re.findall(r'src="([^"]+)"', page.read_text("utf-8")))
    assert len(shipped) >= 6
    assert not list(plugin.rglob("__pycache__"))
    assert [path.name for path in plugin.parent.iterdir()] == ["neural-style"]


def test_the_client_works_with_nothing_but_the_folder(plugin: Path) -> None:
    # Python without its site-packages, as strict as any GIMP's.
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import server.client.client, stylecore.settings; "
        "print(server.client.client.__file__); print(*sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, plugin, plugin / "vendor"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == [str(plugin / "server" / "client" / "client.py"), ""]


@pytest.mark.parametrize("language", ["de", "fr"])
def test_what_the_engine_says_is_said_in_the_users_language(plugin: Path, language: str) -> None:
    script = """
import sys
sys.path[:0] = sys.argv[1:2]
import string
from common.messages import in_own_words
from stylecore.errors import ERRORS, StyleError, fault
for key, texts in ERRORS.items():
    gaps = {name: "17" for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
    told = fault(key, **gaps)
    said = in_own_words(StyleError(*told))
    if said[0] == told.sentence and told.sentence != "17" or told.remedy and said[1] == told.remedy:
        print("English:", key)
newer = StyleError("grew-wings", "The engine grew wings.", "Catch it.", {"case": "two"})
print(*in_own_words(newer))
print(*in_own_words(StyleError("engine-hung", "It hung.", "", {"case": "silent"})))  # without its details
print("install.cmd" in in_own_words(StyleError(*fault("weights-missing:package", installer="install.cmd")))[1])
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, plugin],
        env={"LANGUAGE": language, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["The engine grew wings. Catch it.", "It hung. ", "True"], done.stdout + done.stderr


def test_replaces_the_former_one_whole(plugin: Path, vendor: Path) -> None:
    (plugin / "gone in the new version.py").touch()
    (plugin.parent / ".neural-style-new-killed").mkdir()
    assemble.assemble(plugin, REPOSITORY, {**INSTALLATION, "version": "2"}, vendor)
    assert not (plugin / "gone in the new version.py").exists()
    assert json.loads((plugin / "installation.json").read_text())["version"] == "2"
    assert [path.name for path in plugin.parent.iterdir()] == ["neural-style"]


def test_replaces_a_link_and_not_what_it_points_to(plugin: Path, tmp_path: Path, vendor: Path) -> None:
    mine = tmp_path / "my own copy"
    plugin.rename(mine)
    plugin.symlink_to(mine)
    assemble.assemble(plugin, REPOSITORY, INSTALLATION, vendor)
    assert not plugin.is_symlink()
    assert (mine / "neural-style.py").is_file()


def test_a_failure_leaves_the_former_one(plugin: Path, tmp_path: Path) -> None:
    before = sorted(path.relative_to(plugin) for path in plugin.rglob("*"))
    (tmp_path / "no wheel").mkdir()
    with pytest.raises(assemble.AssembleError, match="does not contain pyzmq"):
        assemble.assemble(plugin, REPOSITORY, INSTALLATION, tmp_path / "no wheel")
    with pytest.raises(assemble.AssembleError, match="incomplete"):
        assemble.assemble(plugin, tmp_path, INSTALLATION)
    assert sorted(path.relative_to(plugin) for path in plugin.rglob("*")) == before
    assert [path.name for path in plugin.parent.iterdir()] == ["neural-style"]


def test_refuses_a_name_that_gimp_would_skip(tmp_path: Path) -> None:
    with pytest.raises(assemble.AssembleError, match="neural-style"):
        assemble.assemble(tmp_path / "style", REPOSITORY, INSTALLATION)
