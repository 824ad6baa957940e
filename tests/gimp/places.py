"""Where the GIMPs under test are: on this machine, or in a root file system made for the tests.

Each series (3.0 and 3.2) is looked for on this machine first. A machine's own GIMP serves when the tools that the
dialog tests need (``TOOLS``) are there too; otherwise a root file system of a Debian suite that holds this series is
made by `tests.gimp.rootfs`, once, in the cache folder. Nothing is ever mounted: a folder that the tests and GIMP share
lies inside the root file system, and a link of the same name on the outside makes its path good on both sides.

    python -m tests.gimp.places            # make what is missing, both series
    python -m tests.gimp.places 3.2        # one of them
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.gimp import rootfs
from tests.gimp.common import GimpUnavailable, gimp_version

SERIES = ("3.0", "3.2")
SUITES = {"3.0": "trixie", "3.2": "forky"}
PREFIX = "neural-style-tests-"
TOOLS = ("Xvfb", "openbox", "xdotool", "import", "xwininfo")


@dataclass(frozen=True)
class Place:
    """One GIMP to test in: its series, its version, and the root file system it lives in (None: this machine's)."""

    series: str
    version: str
    root: Path | None
    has_display_tools: bool

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs ``arguments`` where this GIMP lives."""
        return list(arguments) if self.root is None else ["chroot", str(self.root), *arguments]

    def make_shared_folder(self) -> Path:
        """A new folder whose path is the same for the tests and for this GIMP (made in ``/tmp``); mode 0755."""
        self._remove_stale_folders()
        prefix = f"{PREFIX}{self.series}-{os.getpid()}-"
        if self.root is None:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        else:
            inside = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root / "tmp"))
            folder = Path("/tmp") / inside.name
            folder.symlink_to(inside)
        folder.chmod(0o755)
        return folder

    def _remove_stale_folders(self) -> None:
        """Remove what runs that were killed left behind: their process is in the folder's name."""
        for folder in Path("/tmp").glob(f"{PREFIX}{self.series}-*-*"):
            process = folder.name.removeprefix(PREFIX).split("-")[1]
            if process.isdigit() and not Path("/proc", process).exists() and os.access(folder, os.W_OK):
                self.remove_shared_folder(folder)

    def remove_shared_folder(self, folder: Path) -> None:
        """Undo `make_shared_folder`."""
        if folder.is_symlink():
            shutil.rmtree(folder.resolve())
            folder.unlink()
        else:
            shutil.rmtree(folder)


def installed(series: str) -> Place | None:
    """This machine's own GIMP if it is of that series, else None."""
    console, gui = shutil.which("gimp-console"), shutil.which("gimp")
    if not console or not gui:
        return None
    version = gimp_version([console])
    if not version.startswith(series + "."):
        return None
    return Place(series, version, None, all(shutil.which(tool) for tool in TOOLS))


def find(series: str) -> Place:
    """The GIMP to test that series in; makes its root file system first if that is the way to it.

    Raises GimpUnavailable when there is none and none can be made.
    """
    own = installed(series)
    if own is not None and own.has_display_tools:
        return own
    try:
        root, version = rootfs.prepare(SUITES[series], series)
    except GimpUnavailable:
        if own is not None:
            return own  # good for the console tests; those of the dialog then say what they lack
        raise
    return Place(series, version, root, True)


def main(arguments: list[str]) -> int:
    """Make what is missing, the series side by side (the network is the slow part); returns the exit status."""
    series = arguments or list(SERIES)
    if unknown := [name for name in series if name not in SUITES]:
        print(f"No such GIMP series: {', '.join(unknown)}. Known: {', '.join(SERIES)}.", file=sys.stderr)
        return 2
    failures: list[str] = []

    def one(name: str) -> None:
        try:
            place = find(name)
        except GimpUnavailable as error:
            failures.append(name)
            print(f"GIMP {name} cannot be tested: {error}", file=sys.stderr)
        else:
            print(f"GIMP {name}: {place.version} in {place.root or 'this machine'}", file=sys.stderr)

    threads = [threading.Thread(target=one, args=(name,)) for name in series]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
