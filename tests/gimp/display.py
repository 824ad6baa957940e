"""An X display of its own with a window manager, driven by xdotool, for the tests of the dialog and the canvas."""

from __future__ import annotations

import io
import random
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image, ImageGrab

from tests.gimp.common import REPOSITORY
from tests.gimp.places import Place

OUTPUT = REPOSITORY / "tests" / "output"
SCREEN = (1400, 900)


class DisplayError(AssertionError):
    """What a test waited for did not come to the screen."""


def _looks(seconds: float) -> Iterator[None]:
    """Yield for so long, less often by and by: each look is a process, which takes from the job that is waited for."""
    begin = time.monotonic()
    while (waited := time.monotonic() - begin) < seconds:
        yield
        time.sleep(min(0.03 + waited / 10, 0.25))


class Display:
    """One Xvfb with openbox, where a GIMP lives. Coordinates are pixels of the screen, from its top left corner."""

    def __init__(self, place: Place, environment: Mapping[str, str], log: Path, screen: tuple[int, int] = SCREEN) -> None:
        self.place = place
        self._log = log.open("ab")
        for _ in range(5):
            self.name = f":{random.randint(1000, 50000)}"
            self.environment = {**environment, "DISPLAY": self.name}
            size = f"{screen[0]}x{screen[1]}x24"
            self._processes = [self._spawn("Xvfb", self.name, "-screen", "0", size, "-nolisten", "tcp", "-noreset")]
            if self._answers():
                break
            self.close()
        else:
            raise DisplayError(f"Xvfb does not start:\n{log.read_text(errors='replace')[-2000:]}")
        self._processes.append(self._spawn("openbox"))

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = self.place.command(*arguments)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=self.environment)

    def _answers(self) -> bool:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._processes[0].poll() is None:
            if self._run("xdotool", "getdisplaygeometry").returncode == 0:
                return True
            time.sleep(0.1)
        return False

    def _run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
        command = self.place.command(*arguments)
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=timeout)

    def xdotool(self, *arguments: str | int) -> str:
        """Run one xdotool command line; returns what it prints, raises DisplayError when it fails."""
        done = self._run("xdotool", *map(str, arguments))
        if done.returncode != 0:
            raise DisplayError(f"xdotool {' '.join(map(str, arguments))}: {done.stderr.decode().strip() or 'failed'}")
        return done.stdout.decode()

    def find_windows(self, title: str) -> list[int]:
        """The visible windows whose title matches the regular expression (case is ignored)."""
        found = self._run("xdotool", "search", "--onlyvisible", "--name", title)  # status 1 means none
        return [int(line) for line in found.stdout.split()]

    def titles(self) -> dict[int, str]:
        """The visible windows that have a title, by their number."""
        found = {}
        for window in self.find_windows(".+"):
            title = self._run("xdotool", "getwindowname", str(window)).stdout.decode().strip()
            if title:
                found[window] = title
        return found

    def wait_window(self, title: str, timeout: float = 60) -> int:
        """The first visible window whose title matches, as soon as there is one."""
        for _ in _looks(timeout):
            if found := self.find_windows(title):
                return found[0]
        raise self._timed_out(f"No window “{title}” came within {timeout:.0f} s")

    def wait_gone(self, title: str, timeout: float = 60) -> None:
        """Wait until no visible window's title matches."""
        for _ in _looks(timeout):
            if not self.find_windows(title):
                return
        raise self._timed_out(f"A window “{title}” was still there after {timeout:.0f} s")

    def _timed_out(self, what: str) -> DisplayError:
        picture = self.screenshot("timed-out-" + (re.sub(r"\W+", "-", what).strip("-").lower())[:60])
        return DisplayError(f"{what}. Windows: {sorted(self.titles().values())}. Screenshot: {picture}")

    def activate(self, window: int, timeout: float = 30) -> None:
        """Raise a window and give it the keyboard; insists, since a window that just opened may take it away again."""
        until = time.monotonic() + timeout
        looks = "for each in 1 2 3 4; do xdotool getactivewindow || break; sleep 0.05; done"  # each process costs as much
        while (seen := self._run("sh", "-c", looks).stdout.decode().split()) != [str(window)] * 4:
            if seen[-1:] != [str(window)]:
                self._run("xdotool", "windowactivate", str(window))  # fails on a window that is gone; told below
            if time.monotonic() > until:
                raise self._timed_out(f"The window {window} did not get the keyboard within {timeout:.0f} s")

    def key(self, *keys: str) -> None:
        """Press keys, each by xdotool's name for it (``ctrl+z``, ``Return``), in the active window."""
        self.xdotool("key", "--clearmodifiers", "--delay", 60, *keys)

    def type(self, text: str) -> None:
        """Type text into the active window."""
        self.xdotool("type", "--clearmodifiers", "--delay", 30, text)

    def click(self, x: int, y: int, button: int = 1, window: int | None = None) -> None:
        """Click at a place of the screen, or of a window."""
        within = [] if window is None else ["--window", str(window)]
        self.xdotool("mousemove", *within, x, y, "click", button)

    def point(self, x: int, y: int) -> None:
        """Move the mouse to a place of the screen, and wait until it is there."""
        # xdotool's own waiting, --sync, takes 15 s when the mouse is there already. From beside, so that it moves.
        self.xdotool("mousemove", x + 1, y, "mousemove", x, y, "getmouselocation")

    def geometry(self, window: int) -> tuple[int, int, int, int]:
        """A window's x, y, width and height."""
        shell = dict(re.findall(r"(\w+)=(-?\d+)", self.xdotool("getwindowgeometry", "--shell", window)))
        return int(shell["X"]), int(shell["Y"]), int(shell["WIDTH"]), int(shell["HEIGHT"])

    def screen(self) -> Image.Image:
        """Return what the screen shows now."""
        try:
            return ImageGrab.grab(xdisplay=self.name).convert("RGB")  # a tenth of the time of `import`
        except OSError:  # a Pillow without X, or a screen that is reached from inside a root file system only
            done = self._run("import", "-window", "root", "ppm:-")
        if done.returncode != 0:
            raise DisplayError(f"No screenshot: {done.stderr.decode().strip()}")
        with Image.open(io.BytesIO(done.stdout)) as picture:
            return picture.convert("RGB")

    def screenshot(self, name: str) -> Path:
        """Write the screen to ``tests/output/<series>/<name>.png`` (ignored by git)."""
        path = OUTPUT / self.place.series / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.screen().save(path, compress_level=1)
        return path

    def close(self) -> None:
        """End the window manager and the X server."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
