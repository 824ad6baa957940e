"""Everything goes where the user's variables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.common import places
from installer.common.errors import InstallError


def test_defaults_are_below_home(tmp_path: Path) -> None:
    found = places.find({"HOME": str(tmp_path)})
    assert found.venv == tmp_path / ".local/share/gimp-neural-style/venv"
    assert found.link == tmp_path / ".local/bin/neural-style"
    assert found.state == tmp_path / ".local/state/gimp-neural-style"
    assert list(tmp_path.iterdir()) == []


def test_xdg_variables_are_honoured_unless_relative(tmp_path: Path) -> None:
    found = places.find(
        {"HOME": str(tmp_path), "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "relative", "GIMP3_DIRECTORY": "mine"}
    )
    assert found.data == Path("/data/gimp-neural-style")
    assert found.user_dirs == tmp_path / ".config/user-dirs.dirs"
    assert found.gimp_override == tmp_path / "mine"


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "/does/not/exist"}])
def test_without_a_home_it_says_so(environment: dict[str, str]) -> None:
    with pytest.raises(InstallError, match=r"HOME|home folder"):
        places.find(environment)


def test_pictures_folder(tmp_path: Path) -> None:
    found = places.find({"HOME": str(tmp_path)})
    current = tmp_path / "here"
    assert found.pictures(current) == current
    (tmp_path / "Pictures").mkdir()
    assert found.pictures(current) == tmp_path / "Pictures"
    (tmp_path / "Meine Bilder").mkdir()
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/Meine Bilder"\n')
    assert found.pictures(current) == tmp_path / "Meine Bilder"
    (tmp_path / ".config/user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/"\n')
    assert found.pictures(current) == current


def test_made_folders_go_again_unless_used(tmp_path: Path) -> None:
    made = places.make_folder(tmp_path / "a" / "b" / "c")
    assert made == [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    (tmp_path / "a" / "mine").touch()
    places.remove_empty(made)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]


def test_windows_has_one_folder_for_all_of_ours(tmp_path: Path) -> None:
    local, roaming = tmp_path / "AppData/Local", tmp_path / "AppData/Roaming"
    found = places.find({"USERPROFILE": str(tmp_path), "HOME": "/else"}, "win32")
    assert found.venv == local / "gimp-neural-style/venv"
    assert found.python == found.venv / "Scripts/python.exe" and found.command.name == "neural-style.exe"
    assert found.state == local / "gimp-neural-style/state" and found.cache == local / "gimp-neural-style/cache"
    assert found.user_styles == local / "gimp-neural-style/styles"
    assert found.link == local / "gimp-neural-style/neural-style.cmd"
    assert found.gimp == roaming / "GIMP"
    elsewhere = {"USERPROFILE": str(tmp_path), "LOCALAPPDATA": str(tmp_path / "Zoë"), "APPDATA": str(tmp_path / "Roam")}
    found = places.find(elsewhere, "win32")
    assert found.data == tmp_path / "Zoë/gimp-neural-style" and found.gimp == tmp_path / "Roam/GIMP"
    with pytest.raises(InstallError, match="user folder"):
        places.find({"USERPROFILE": str(tmp_path / "gone")}, "win32")


def test_a_mac_has_its_folders_in_the_library(tmp_path: Path) -> None:
    support = tmp_path / "Library/Application Support"
    found = places.find({"HOME": str(tmp_path)}, "darwin")
    assert found.venv == support / "gimp-neural-style/venv" and found.state == support / "gimp-neural-style/state"
    assert found.cache == tmp_path / "Library/Caches/gimp-neural-style"
    assert found.gimp == support / "GIMP" and found.link == tmp_path / ".local/bin/neural-style"
    assert found.python == found.venv / "bin/python" and found.bridged
    assert places.find({"HOME": str(tmp_path), "XDG_DATA_HOME": "/large"}, "darwin").data == Path(
        "/large/gimp-neural-style"
    )


def test_install_cmd_is_what_every_code_page_reads() -> None:
    data = (Path(__file__).parents[2] / "install.cmd").read_bytes()
    assert data.isascii()
    assert data.count(b"\r\n") == data.count(b"\n")  # cmd loses labels in files with lone line feeds
