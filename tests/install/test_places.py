"""Everything goes where the user's variables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer import places
from installer.errors import InstallError


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
