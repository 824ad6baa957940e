"""Every GIMP of this user: which there are, where their plug-ins go, and whether they know ours."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.common import system
from installer.common.places import Places
from installer.common.processes import answer
from installer.gimps import units

PLUGIN = "neural-style"
PROCEDURE = "plug-in-neural-style"
MENU = "Filters ▸ Artistic ▸ Neural Style…"
WHERE_TO_GET = "https://www.gimp.org/downloads/"

_NAME = re.compile(r"gimp(-console)?(-\d(\.\d+)*)?(\.exe)?$")
_VERSION = re.compile(r"version (\d+)\.(\d+)(\.\d+)?\S*")
_FLATPAK = (
    "GIMP from Flatpak is here and has the plug-in, but its sandbox cannot start the painting server: run "
    "“neural-style server” in a terminal before you paint with it."
)
_FROM_STORE = (
    "GIMP from the Microsoft Store is here; it runs no plug-ins of yours, so it is left alone. Get GIMP's own installer "
    f"from {WHERE_TO_GET}, start that GIMP once, then run {system.INSTALLER} again."
)
#: Its installer's key in Windows' list of programs.
_KEY = r"GIMP-\d.*_is1"
_FORMER_SETTINGS = 12  # GIMP copies the settings of an older GIMP at its first start: that may take some seconds


@dataclass(frozen=True)
class Gimp:
    """One series of GIMP of this user.

    ``program`` is None for a configuration folder whose GIMP is not on PATH (an AppImage, say). ``pythons`` are the
    versions ("3.13") of the Pythons that may run its plug-ins; empty if unknown.
    """

    series: str
    version: str
    folder: Path
    program: Path | None
    pythons: tuple[str, ...]

    @property
    def plugin(self) -> Path:
        """The folder of our plug-in."""
        return self.folder / "plug-ins" / PLUGIN


@dataclass(frozen=True)
class Found:
    """What there is: the GIMPs that can have the plug-in, and in words what is to be known of others.

    ``flatpak`` says that GIMP is here from Flatpak, which reads the same folders as the others.
    """

    gimps: tuple[Gimp, ...]
    others: tuple[str, ...]
    flatpak: bool = False


def gimp_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment to ask a GIMP in: messages in English, prints not kept back."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    return {**environment, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", **(extra or {})}


def programs(path: str) -> list[Path]:
    """Return the GIMP programs in the folders of ``path``, one for each real file, the console ones first."""
    found: dict[Path, Path] = {}
    for folder in path.split(os.pathsep):
        try:
            names = sorted(os.listdir(folder)) if os.path.isabs(folder) else []
        except OSError:
            continue
        for name in names:
            program = Path(folder) / name
            if _NAME.match(name) and program.is_file() and os.access(program, os.X_OK):
                found.setdefault(program.resolve(), program)
    return sorted(found.values(), key=lambda program: "console" not in program.name)


def _version(program: Path) -> tuple[int, int, str] | None:
    code, text = answer([program, "--version"], 30, gimp_environment())
    match = _VERSION.search(text) if code == 0 else None
    return (int(match[1]), int(match[2]), match[0].removeprefix("version ")) if match else None


def find(places: Places, path: str | None = None) -> Found:
    """Find every GIMP 3 of this user, by its program on ``path`` (default: PATH) and by its configuration folder."""
    search = os.environ.get("PATH", "") if path is None else path
    # A Mac's programs are in bundles, and those are not on PATH, nor are Windows' programs.
    if places.windows:
        listed = [folder / "bin" for folder in system.installed_folders(_KEY)]
        bundles = [
            *map(str, listed),
            *(str(path) for each in places.applications for path in sorted(each.glob("GIMP*/bin"))),
        ]
    else:
        bundles = [str(path) for each in places.applications for path in sorted(each.glob("GIMP*.app/Contents/MacOS"))]
    search = os.pathsep.join([*filter(None, [search]), *bundles])
    by_series: dict[str, Gimp] = {}
    old: set[str] = set()
    for program in programs(search):
        if system.is_from_store(program):
            continue
        version = _version(program)
        if version is None:
            continue
        major, minor, text = version
        if major < 3:
            old.add(text)
            continue
        # 2.99 and odd minors are development versions; each keeps a folder of its own.
        series = f"{major}.{minor}"
        if series not in by_series:
            folder = places.gimp_override or places.gimp / series
            by_series[series] = Gimp(series, text, folder, program, _pythons_of(program))
    store = has_store(places)
    if places.gimp.is_dir() and not store:  # whose folder may be the Store's, which would complain of it at each start
        for folder in sorted(places.gimp.iterdir()):
            if re.fullmatch(r"3\.\d+", folder.name) and folder.is_dir() and folder.name not in by_series:
                by_series[folder.name] = Gimp(folder.name, folder.name, folder, None, ())
    if places.gimp_override is not None and not any(g.folder == places.gimp_override for g in by_series.values()):
        by_series["$GIMP3_DIRECTORY"] = Gimp("3", "3", places.gimp_override, None, ())
    others = [f"GIMP {text} is here; the plug-in needs GIMP 3." for text in sorted(old)]
    if store:
        others.append(_FROM_STORE)
    flatpak = has_flatpak(places)
    if flatpak and not by_series:
        others.append(
            f"GIMP from Flatpak is here, but was never started: start it once, then run {system.INSTALLER} again."
        )
    elif flatpak and not units.watch(places):
        others.append(_FLATPAK)
    others += [
        f"GIMP {folder.name} from Snap is here ({folder}); its sandbox keeps it from the painting server, so it is "
        "left alone. GIMP from your distribution, Flatpak or as an AppImage can have the plug-in."
        for folder in snap_folders(places)
    ]
    return Found(tuple(by_series[series] for series in sorted(by_series)), tuple(others), flatpak)


def snap_folders(places: Places) -> list[Path]:
    """Return the configuration folders of GIMP 3 that a Snap keeps for itself; later ones use the user's own."""
    # “current” is a link to the revision in use; the others are old.
    parent = places.home / "snap" / "gimp" / "current" / ".config" / "GIMP"
    return sorted(folder for folder in parent.glob("3.*") if re.fullmatch(r"3\.\d+", folder.name) and folder.is_dir())


def has_store(places: Places) -> bool:
    """Return whether this user has GIMP from the Microsoft Store, which gives each of its programs a folder."""
    return places.windows and any((places.data.parent / "Packages").glob("GIMP.*"))


def has_flatpak(places: Places) -> bool:
    """Return whether this user has GIMP from Flatpak."""
    if (places.home / ".var/app/org.gimp.GIMP").is_dir():
        return True
    program = shutil.which("flatpak")
    return program is not None and answer([program, "info", "org.gimp.GIMP"], 15)[0] == 0


def system_plugins(program: Path) -> Path | None:
    """Return the folder of the plug-ins that came with ``program``, or None if it is not in a usual place."""
    prefix = program.resolve().parent.parent
    # The last is a Mac's bundle. Also GIMP 3.2 calls the folder 3.0: that is the version of its API.
    for libraries in ("lib/*", "lib", "lib64", "Resources/lib"):
        for folder in sorted(prefix.glob(f"{libraries}/gimp/3.0/plug-ins")):
            if folder.is_dir():
                return folder
    return None


def _pythons_of(program: Path) -> tuple[str, ...]:
    if sys.platform in ("win32", "darwin"):
        return ()  # its Python loads no pyzmq, so the plug-in has the bridge; and on macOS, only GIMP may start it
    plugins = system_plugins(program)
    # Without an entry in its interpreters, GIMP goes by "#!/usr/bin/env python3", and its PATH need not be ours: a menu
    # starts it without pyenv and conda, a terminal with them.
    candidates = ["python3", "/usr/bin/python3"]
    if plugins is not None:
        for file in sorted((plugins.parent / "interpreters").glob("*.interp")):
            match = re.search(r"^python3?=(.+)$", file.read_text(errors="replace"), re.MULTILINE)
            if match:
                candidates = [match.group(1).strip()]
    versions = set()
    for candidate in candidates:
        code, text = answer([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], 20)
        if code == 0 and re.fullmatch(r"3\.\d+", text.strip()):
            versions.add(text.strip())
    return tuple(sorted(versions))


def _caches(folder: str) -> dict[str, str]:
    # GIMP, GEGL, babl and fontconfig keep caches; a GIMP that is only asked something shall not leave any.
    return {"XDG_CACHE_HOME": os.path.join(folder, "cache"), "XDG_DATA_HOME": os.path.join(folder, "share")}


def start_once(gimp: Gimp) -> bool:
    """Let a GIMP that was never started make its configuration folder itself; returns whether it did.

    Were the installer to make that folder, GIMP would take it for its own and neither fill it nor copy the settings
    of an older GIMP into it.
    """
    if gimp.program is None:
        return False
    batch = ["-i", "--batch-interpreter=plug-in-script-fu-eval", "-b", "(gimp-version)", "--quit"]
    with tempfile.TemporaryDirectory(prefix="neural-style-") as aside:
        answer([gimp.program, *batch], 90 + _FORMER_SETTINGS, gimp_environment(_caches(aside)))
    return gimp.folder.is_dir()


def is_registered(gimp: Gimp, timeout: float = 90.0) -> tuple[bool, str]:
    """Ask a GIMP whether it knows our procedure.

    It is asked with a configuration folder made for the question, so the user's own is not touched and a GIMP that
    is running at the time does not mind.

    Returns:
        Whether it does, and if not, the last lines that it printed.
    """
    if gimp.program is None:
        return False, "there is no program to ask"
    with tempfile.TemporaryDirectory(prefix="neural-style-") as name:
        folder = Path(name)
        plugins = system_plugins(gimp.program)
        # On Windows, links are for administrators.
        if plugins is not None and (plugins / "python-eval").is_dir() and sys.platform != "win32":
            (folder / "asked").mkdir()
            (folder / "asked" / "python-eval").symlink_to(plugins / "python-eval")
            (folder / "asked" / PLUGIN).symlink_to(gimp.plugin)
            paths = str(folder / "asked")  # only these two: asking takes two seconds, not eight
        else:
            paths = "${gimp_plug_in_dir}/plug-ins" + os.pathsep + str(gimp.plugin.parent)
        (folder / "gimprc").write_text(f'(plug-in-path "{paths}")\n(check-updates no)\n', encoding="utf-8")
        code = f"print('registered:', Gimp.get_pdb().procedure_exists('{PROCEDURE}'))"
        command: list[str | Path] = [gimp.program, "-i", "--batch-interpreter=python-fu-eval", "-b", code, "--quit"]
        _, text = answer(command, timeout, gimp_environment({"GIMP3_DIRECTORY": name, **_caches(name)}))
    return "registered: True" in text, "\n".join(text.strip().splitlines()[-8:])


def running() -> bool:
    """Return whether a GIMP of this user is running (it sees a new plug-in at its next start)."""
    return any(_NAME.match(name) and "console" not in name for name in system.programs_running())
