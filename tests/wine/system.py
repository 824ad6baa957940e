"""A Windows that a run of tests has to itself: Wine's root file system under an overlay, in namespaces of its own.

Nothing stays mounted or running, however the tests end: the namespaces end with the process that :class:`Windows` starts,
which ends with this one. The root file system stays as it was.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.gimp.common import REPOSITORY, cache_folder
from tests.wine import windows

#: The repository, and a folder to write in, as a Windows program calls them.
PROJECT, SCRATCH = rf"{windows.DRIVE}\project", rf"{windows.DRIVE}\scratch"

# Its standard input closes when the tests' process is gone; in its own namespace all the rest ends with it.
_HOLD = """
set -e
mount -t overlay overlay "$1/root" -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work"
mount -t proc proc "$1/root/proc"
mkdir "$1/root/windows/scratch"
mount --bind "$3" "$1/root/windows/project"
mount -o remount,bind,ro "$1/root/windows/project"
echo ready
cat >/dev/null
"""


class Windows:
    """A Windows of the tests' own, to be closed.

    Raises:
        GimpUnavailable: it cannot be had here.
    """

    def __init__(self) -> None:
        lower = windows.prepare()
        _remove_stale()
        self._folder = Path(tempfile.mkdtemp(prefix=f"wine-{os.getpid()}-", dir=cache_folder()))
        for part in ("upper", "work", "root"):
            (self._folder / part).mkdir()
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        arguments = [str(each) for each in (self._folder, lower, REPOSITORY)]
        self._holder = subprocess.Popen(
            [*own, "/bin/sh", "-c", _HOLD, "sh", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("Wine's root file system cannot be mounted; see above.")
        (self._inside,) = (child.pid for child in psutil.Process(self._holder.pid).children())
        self.python("-c", "pass", timeout=120)  # Wine starts its services once, and takes its time

    @property
    def scratch(self) -> Path:
        """The scratch folder, as this process calls it."""
        return Path(f"/proc/{self._inside}/root", str(self._folder / "root/windows/scratch").lstrip("/"))

    def run(
        self, *command: str, folder: str = "/windows/project", timeout: float = 600, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of Wine's root file system and return how it ended; what it prints comes together.

        Raises:
            subprocess.TimeoutExpired: it did not end.
        """
        inner = f"cd {shlex.quote(folder)} && exec {shlex.join(command)}"
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:  # a server would hold a pipe open
            done = subprocess.run(
                [*self._enter(), "/bin/sh", "-c", inner],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                env={**windows.inside_environment(), **environment},
                check=False,
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, said.read())

    def python(self, *arguments: str, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the Windows Python, which finds the project's modules."""
        # Hypothesis would write to the project, which is read-only, and on Windows try for ever.
        own = {"PYTHONPATH": PROJECT, "HYPOTHESIS_STORAGE_DIRECTORY": rf"{SCRATCH}\hypothesis"}
        variables: Mapping[str, str] = {**own, **environment}
        return self.run(windows.WINE, windows.PYTHON_EXE, *arguments, timeout=timeout, **variables)

    def processes(self) -> list[str]:
        """What runs there of Python, as ``python`` and its arguments."""
        found = self.run("/bin/sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '", folder="/").stdout
        return [each for each in found.split("python.exe ")[1:]]

    def _enter(self) -> Sequence[str]:
        return ["nsenter", f"--target={self._inside}", "--mount", "--pid", "chroot", str(self._folder / "root")]

    def close(self) -> None:
        """End all that runs there, and give its place on the disk back."""
        assert self._holder.stdin is not None and self._holder.stdout is not None
        with contextlib.suppress(OSError):
            self._holder.stdin.close()
        self._holder.kill()  # and, by --kill-child, all within
        self._holder.wait()
        self._holder.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _remove_stale() -> None:
    """Remove what killed runs left behind: their process is in the folder's name, and their mounts went with it."""
    for folder in cache_folder().glob("wine-*-*"):
        process = folder.name.split("-")[1]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
