"""Which GIMPs are found, and what their plug-in needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from installer.common import places, record, system
from installer.environment import environment
from installer.gimps import gimps, plugins
from server import discovery
from tests.install.conftest import REPOSITORY


@pytest.fixture
def found_places(home: Path) -> places.Places:
    return places.find({"HOME": str(home)})


def program(folder: Path, name: str, version: str) -> Path:
    """A program that answers --version like GIMP does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho 'GNU Image Manipulation Program version {version}'\n")
    path.chmod(0o755)
    return path


def test_two_series_each_once(found_places: places.Places, tmp_path: Path) -> None:
    program(tmp_path / "bin", "gimp", "3.0.4")
    console = program(tmp_path / "bin", "gimp-console-3.0", "3.0.4")
    program(tmp_path / "bin 2", "gimp-3.2", "3.2.6")
    (tmp_path / "bin" / "gimp-console").symlink_to(console)
    found = gimps.find(found_places, f"{tmp_path / 'bin'}:{tmp_path / 'bin 2'}:{tmp_path / 'none'}")
    assert [gimp.version for gimp in found.gimps] == ["3.0.4", "3.2.6"]
    assert found.gimps[0].program is not None
    assert "console" in found.gimps[0].program.name  # it needs no display to be asked
    assert found.gimps[1].plugin == found_places.gimp / "3.2" / "plug-ins" / "neural-style"
    assert found.others == ()


def test_other_programs_are_not_run(found_places: places.Places, tmp_path: Path) -> None:
    for name in ("gimp-script-fu-interpreter", "gimp-test-clipboard-3.0", "gimptool-3.0"):
        (program(tmp_path / "bin", name, "3.0.4")).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    assert gimps.find(found_places, str(tmp_path / "bin")).gimps == ()
    assert not (tmp_path / "ran").exists()


def test_gimp_2_is_told_apart(found_places: places.Places, tmp_path: Path) -> None:
    program(tmp_path / "bin", "gimp-2.10", "2.10.34")
    (found_places.gimp / "2.10").mkdir(parents=True)
    found = gimps.find(found_places, str(tmp_path / "bin"))
    assert found.gimps == ()
    assert found.others == ("GIMP 2.10.34 is here; the plug-in needs GIMP 3.",)


def test_a_configuration_folder_without_a_program(found_places: places.Places) -> None:
    (found_places.gimp / "3.0").mkdir(parents=True)
    (only,) = gimps.find(found_places, "").gimps
    assert (only.series, only.program) == ("3.0", None)
    assert set(plugins.pyzmq_pythons(only)) == {"3.11", "3.12"}  # nobody knows its Python


def test_gimp3_directory_wins(home: Path, tmp_path: Path) -> None:
    own = places.find({"HOME": str(home), "GIMP3_DIRECTORY": str(tmp_path / "profile")})
    program(tmp_path / "bin", "gimp", "3.0.4")
    (only,) = gimps.find(own, str(tmp_path / "bin")).gimps
    assert only.plugin == tmp_path / "profile" / "plug-ins" / "neural-style"


@pytest.mark.parametrize(
    ("pythons", "wheels"), [(("3.13",), ("3.12",)), (("3.11",), ("3.11", "3.12")), (("3.10", "3.14"), ("3.10", "3.12"))]
)
def test_pyzmq_fits_gimps_python(pythons: tuple[str, ...], wheels: tuple[str, ...]) -> None:
    gimp = gimps.Gimp("3.0", "3.0.4", Path("/nowhere"), None, pythons)
    assert plugins.pyzmq_pythons(gimp) == wheels


def test_a_program_that_hangs_or_is_broken_is_no_gimp(found_places: places.Places, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "gimp", "3.0.4")
    path.write_text("#!/bin/sh\nexit 1\n")
    assert gimps.find(found_places, str(tmp_path / "bin")).gimps == ()


def test_flatpak_shares_the_users_folder_and_its_plug_in_knows_the_servers(found_places: places.Places) -> None:
    (found_places.home / ".var/app/org.gimp.GIMP").mkdir(parents=True)
    never_started = gimps.find(found_places, "")
    assert never_started.gimps == ()
    assert "start it once, then run ./install.sh again" in never_started.others[0]

    (found_places.gimp / "3.0").mkdir(parents=True)
    found = gimps.find(found_places, "")
    assert [gimp.plugin for gimp in found.gimps] == [found_places.home / ".config/GIMP/3.0/plug-ins/neural-style"]
    assert found.flatpak
    assert "run “neural-style server” in a terminal" in found.others[0]
    assert set(plugins.pyzmq_pythons(found.gimps[0])) == {"3.11", "3.12"}  # whatever Python its runtime has


def test_snap_of_3_0_keeps_to_itself_and_that_of_3_2_does_not(found_places: places.Places) -> None:
    own = found_places.home / "snap/gimp/525/.config/GIMP/3.0"
    own.mkdir(parents=True)
    (found_places.home / "snap/gimp/current").symlink_to("525")
    (found_places.gimp / "3.2").mkdir(parents=True)
    found = gimps.find(found_places, "")
    assert [gimp.series for gimp in found.gimps] == ["3.2"]
    (said,) = found.others
    assert "GIMP 3.0 from Snap is here" in said
    assert gimps.snap_folders(found_places) == [found_places.home / "snap/gimp/current/.config/GIMP/3.0"]


def test_an_appimage_under_its_own_name_or_on_the_path(found_places: places.Places, tmp_path: Path) -> None:
    (found_places.gimp / "3.2").mkdir(parents=True)  # made at its first start
    image = program(tmp_path / "Downloads", "GIMP-3.2.6-x86_64.AppImage", "3.2.6")
    assert [gimp.program for gimp in gimps.find(found_places, str(image.parent)).gimps] == [None]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gimp").symlink_to(image)
    (only,) = gimps.find(found_places, str(tmp_path / "bin")).gimps
    assert (only.version, only.program) == ("3.2.6", tmp_path / "bin" / "gimp")
    assert only.plugin == found_places.gimp / "3.2/plug-ins/neural-style"


def test_a_macs_bundle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gimps.sys, "platform", "darwin")
    mac = places.find({"HOME": str(home)}, "darwin")
    contents = home / "Applications/GIMP.app/Contents"
    console = program(contents / "MacOS", "gimp-console-3.0", "3.0.4")
    (contents / "Resources/lib/gimp/3.0/plug-ins").mkdir(parents=True)
    program(home / "Applications/GIMP 3.2.app/Contents/MacOS", "gimp", "3.2.6")  # renamed, to have both
    only, second = gimps.find(mac, "").gimps
    assert only.program == console and second.series == "3.2"
    assert only.plugin == home / "Library/Application Support/GIMP/3.0/plug-ins/neural-style"
    assert gimps.system_plugins(console) == (contents / "Resources/lib/gimp/3.0/plug-ins").resolve()
    assert only.pythons == ()  # it loads no pyzmq, and is started by nobody but GIMP
    mac.data.mkdir(parents=True)
    plugins.install(mac, environment.read_checkout(REPOSITORY), only, record.Record())
    assert (only.plugin / "neural-style.py").is_file() and not (only.plugin / "vendor").exists()
    told = json.loads((only.plugin / "installation.json").read_text("utf-8"))
    assert told["bridge_command"] == [str(mac.data / "venv/bin/python"), "-m", "server.bridge"]
    assert plugins.faults(only, told["version"]) == []


@pytest.mark.parametrize(
    ("platform", "machine", "version", "words"),
    [
        ("darwin", "arm64", "14.5", None),
        ("darwin", "arm64", "", None),
        ("darwin", "arm64", "13.7.1", "PyTorch needs macOS 14 or newer; this is 13.7.1."),
        ("darwin", "x86_64", "15.0", "Macs with Intel's processors"),
        ("linux", "x86_64", "", None),
    ],
)
def test_a_mac_that_pytorch_has_no_builds_for_is_told(platform: str, machine: str, version: str, words: str | None) -> None:
    found = system.unfit_mac(platform, machine, version)
    assert found is None if words is None else found is not None and words in found[0]


def on_windows(home: Path) -> places.Places:
    return places.find({"USERPROFILE": str(home), "ProgramFiles": str(home / "Program Files")}, "win32")


def test_windows_list_of_programs_says_where_a_gimp_is(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, version in (("Program Files/GIMP 3", "3.0.4"), ("D/Art/GIMP", "3.2.6")):
        program(home / folder / "bin", "gimp-console-3.exe", version)
    listed = {"GIMP-3_is1": home / "D/Art/GIMP", "GIMP-2_is1": home / "gone", "GIMP-U7SHP-Plugin_is1": tmp_path}
    monkeypatch.setattr(
        gimps.system, "installed_folders", lambda key: [listed[name] for name in listed if re.fullmatch(key, name)]
    )
    program(tmp_path / "bin", "gimp-3.exe", "3.4.0")
    found = gimps.find(on_windows(home), "")
    assert [gimp.program for gimp in found.gimps] == [
        home / folder / "bin/gimp-console-3.exe" for folder in ("Program Files/GIMP 3", "D/Art/GIMP")
    ]
    assert found.others == ()


def test_the_stores_gimp_is_told_apart_and_not_run(home: Path, tmp_path: Path) -> None:
    own = on_windows(home)
    aliases = own.data.parent / "Microsoft" / "WindowsApps"  # is on every PATH
    program(aliases, "gimp-3.exe", "3.0.4").write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    assert gimps.find(own, str(aliases)).others == ()
    (own.data.parent / "Packages" / "GIMP.43237F745459_nq49gba4h4mx8").mkdir(parents=True)
    found = gimps.find(own, str(aliases))
    assert found.gimps == () and not (tmp_path / "ran").exists()
    (said,) = found.others
    assert said.startswith("GIMP from the Microsoft Store is here") and gimps.WHERE_TO_GET in said
    (own.gimp / "3.0").mkdir(parents=True)  # which that one reads, and would complain of a plug-in there
    assert gimps.find(own, str(aliases)).gimps == ()
    program(home / "Program Files/GIMP 3/bin", "gimp-console-3.exe", "3.0.4")  # one from gimp.org is here too
    found = gimps.find(own, str(aliases))
    assert [gimp.series for gimp in found.gimps] == ["3.0"] and found.others == (said,)


def test_an_upgrade_to_3_2_copies_the_plug_in_and_both_are_served(found_places: places.Places, tmp_path: Path) -> None:
    program(tmp_path / "bin", "gimp-3.0", "3.0.4")
    program(tmp_path / "bin", "gimp-3.2", "3.2.6")
    for series in ("3.0", "3.2"):
        (found_places.gimp / series / "plug-ins" / "neural-style").mkdir(parents=True)
    found = gimps.find(found_places, str(tmp_path / "bin"))
    assert [gimp.series for gimp in found.gimps] == ["3.0", "3.2"]
    assert all("incomplete" in plugins.faults(gimp, "0.1.0")[0] for gimp in found.gimps)


def test_in_a_sandbox_the_client_says_how_to_start_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".flatpak-info").touch()
    monkeypatch.setattr(discovery, "FLATPAK_MARK", tmp_path / ".flatpak-info")
    with pytest.raises(discovery.ServerError) as caught:
        discovery.start_server(tmp_path / "state")
    assert caught.value.code == "sandboxed"
    assert "Run “neural-style server” in a terminal" in caught.value.remedy
    assert not (tmp_path / "state").exists()
