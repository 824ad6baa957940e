"""Where everything goes: the user's folders, honouring HOME and the XDG variables."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.common import system
from installer.common.errors import InstallError

NAME = system.NAME


@dataclass(frozen=True)
class Places:
    """The folders and files of one user's installation; nothing is created by looking.

    ``environment`` is the one that pip, pipx or uv made and the installer runs in; None if it makes one itself.
    """

    home: Path
    data: Path
    state: Path
    cache: Path
    gimp: Path
    gimp_override: Path | None
    applications: tuple[Path, ...]
    link: Path
    user_dirs: Path
    units: Path
    windows: bool = False
    mac: bool = False
    environment: Path | None = None

    @property
    def venv(self) -> Path:
        """The virtual environment of the server and the command line: the one this runs in, or the installer's own."""
        return self.environment or self.own_venv

    @property
    def own_venv(self) -> Path:
        """Where the installer makes an environment."""
        return self.data / "venv"

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.program("python")

    @property
    def command(self) -> Path:
        """The command line in the virtual environment."""
        return self.program("neural-style")

    def program(self, name: str) -> Path:
        """A program of the virtual environment."""
        return program_of(self.venv, name, windows=self.windows)

    @property
    def packages(self) -> str:
        """The pattern of the folder of the packages in the virtual environment."""
        return "Lib/site-packages" if self.windows else "lib/python3*/site-packages"

    @property
    def stamp(self) -> Path:
        """Written into the virtual environment when it is complete; says what is in it."""
        return self.venv / system.STAMP

    @property
    def record(self) -> Path:
        """What the installer made outside the data folder, for the uninstallation."""
        return self.data / "record.json"

    @property
    def bridged(self) -> bool:
        """Whether GIMP's Python loads no pyzmq on this system: the plug-in then goes over the bridge."""
        return self.windows or self.mac

    @property
    def own_python(self) -> Path:
        """The Pythons that the script has fetched where there was none."""
        return self.data / "python"

    @property
    def wheels(self) -> Path:
        """pyzmq wheels for GIMP's Python."""
        return self.data / "wheels"

    @property
    def user_styles(self) -> Path:
        """The artist's own styles; kept by the uninstallation."""
        return self.data / "styles"

    @property
    def kept(self) -> Path:
        """Paintings that could not be saved where they were wanted; uninstalling keeps them."""
        return self.state / "kept"

    @property
    def lock(self) -> Path:
        """Held while an installation or uninstallation runs."""
        return self.data / ".lock"

    def pictures(self, current: Path) -> Path:
        """Return the user's picture folder if there is one, else ``current``."""
        try:
            text = self.user_dirs.read_text(encoding="utf-8")
        except OSError:
            text = ""
        match = re.search(r'^XDG_PICTURES_DIR="(.+)"', text, re.MULTILINE)
        named = Path(match.group(1).replace("$HOME", str(self.home))) if match else self.home / "Pictures"
        # xdg-user-dirs writes plain $HOME for "no such folder".
        if named.is_dir() and named != self.home and os.access(named, os.W_OK):
            return named
        return current


def find(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Places:
    """Return the places of the user whom ``environment`` describes on ``platform`` (as ``sys.platform`` names it).

    Raises:
        InstallError: HOME (on Windows USERPROFILE) is missing or no folder.
    """
    if platform == "win32":
        return _find_on_windows(environment)
    home_name = environment.get("HOME", "")
    home = Path(home_name)
    if not home_name or not home.is_absolute() or not home.is_dir():
        raise InstallError(
            f"The home folder “{home_name}” does not exist." if home_name else "HOME is not set.",
            f"Set HOME to your own folder and run {system.INSTALLER} again.",
        )

    named = environment.get("XDG_CONFIG_HOME", "")
    configuration = Path(named) if os.path.isabs(named) else home / ".config"  # the XDG rules: a relative one is ignored
    mac = platform == "darwin"
    override = environment.get("GIMP3_DIRECTORY", "")
    if override and not os.path.isabs(override):  # GIMP reads a relative one as relative to the home folder
        override = str(home / override)
    return Places(
        home=home,
        data=system.user_folder("data", environment, platform, home),
        state=system.user_folder("state", environment, platform, home),
        cache=system.user_folder("cache", environment, platform, home),
        gimp=home / "Library" / "Application Support" / "GIMP" if mac else configuration / "GIMP",
        gimp_override=Path(override) if override else None,
        applications=(Path("/Applications"), home / "Applications") if mac else (),
        link=home / ".local" / "bin" / "neural-style",
        user_dirs=configuration / "user-dirs.dirs",
        units=configuration / "systemd" / "user",
        mac=mac,
    )


def _find_on_windows(environment: Mapping[str, str]) -> Places:
    """Return the places on Windows, where a program has one folder for itself, and GIMP has its own elsewhere."""
    home = Path(environment.get("USERPROFILE", ""))
    if not home.is_absolute() or not home.is_dir():
        raise InstallError(
            f"Your user folder “{home}” does not exist.", f"Set USERPROFILE to it and run {system.INSTALLER} again."
        )

    def folder(variable: str, default: Path) -> Path:
        value = environment.get(variable, "")
        return Path(value) if os.path.isabs(value) else default

    override = environment.get("GIMP3_DIRECTORY", "")
    data = system.user_folder("data", environment, "win32", home)
    return Places(
        home=home,
        data=data,
        state=system.user_folder("state", environment, "win32", home),
        cache=system.user_folder("cache", environment, "win32", home),
        gimp=folder("APPDATA", home / "AppData" / "Roaming") / "GIMP",
        gimp_override=home / override if override else None,  # a whole path stays itself
        applications=(folder("ProgramFiles", Path("C:/Program Files")), data.parent / "Programs"),
        link=data / "neural-style.cmd",
        user_dirs=data / "user-dirs.dirs",  # there are none; the pictures are in Pictures
        units=data / "units",
        windows=True,
    )


def program_of(environment: Path, name: str, *, windows: bool = sys.platform == "win32") -> Path:
    """Return the program ``name`` of the virtual environment in the folder ``environment``."""
    return environment / "Scripts" / f"{name}.exe" if windows else environment / "bin" / name


def make_folder(folder: Path) -> list[Path]:
    """Create ``folder`` with its parents and return those that were not there, outermost first."""
    made = missing_folders(folder)
    for path in made:
        path.mkdir(exist_ok=True)
    return made


def missing_folders(folder: Path) -> list[Path]:
    """Return ``folder`` and those of its parents that do not exist, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing[::-1]


def remove_empty(folders: list[Path]) -> None:
    """Remove those of ``folders`` (outermost first) that are there and empty."""
    for folder in reversed(folders):
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
