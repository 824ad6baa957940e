"""One running GIMP, console or with windows, with the plug-in installed and an agent that runs the tests' snippets."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from gimp_plugin.assemble import ENTRY, NAME, SHARED_FOLDERS, assemble
from server.client.wires import VARIABLE as WIRE
from tests.gimp.common import REPOSITORY, cache_folder
from tests.gimp.display import SCREEN, Display
from tests.gimp.places import Place
from tests.gimp.rootfs import inside_environment
from tests.gimp.servers import ServerStarter

PYZMQ = "27.3.0"
# All that the tests need of GIMP's own: a fast start.
PLUG_INS = ("python-eval", "script-fu", "file-png", "file-jpeg", "file-tiff")
GIMPRC = """\
(config-version "{version}")
(show-welcome-dialog no)
(check-updates no)
(prev-language "C.UTF-8")
(save-session-info no)
(color-profile-policy keep)
(plug-in-path "{plug_ins}")
"""
#: Keys for the plug-in's menu items, with Ctrl and Alt, as users give them: searching for an action takes seconds.
SHORTCUTS = {"plug-in-neural-style": "k", "plug-in-neural-style-update-results": "u"}
START_TIMEOUT = 90.0


class GimpError(AssertionError):
    """A snippet raised inside GIMP; the text is its traceback and the end of GIMP's log."""


class GimpDied(AssertionError):
    """GIMP is gone or does not answer; the text ends with its log."""


class GimpSession:
    """A GIMP of one series. See the how-to in `tests/gimp/conftest.py`.

    Attributes:
        series: "3.0" or "3.2".
        version: What this GIMP says of itself, as "3.0.4".
        shared: A folder whose path is the same here and inside GIMP; `tmp` is a new one in it for each test.
        plugin: The installed plug-in's folder.
        server_folder: Where the server keeps its connection file and keys (``folder`` of installation.json).
        look_folder: Where `tests.gimp.looking` finds the plug-in's processes.
        server: The `ServerStarter` that runs servers for the plug-in.
        log: GIMP's standard output and error, as a file.
    """

    def __init__(
        self, place: Place, *, windows: bool, language: str = "", gimprc: str = "", screen: tuple[int, int] = SCREEN
    ) -> None:
        self._language, self._gimprc, self._screen = language, gimprc, screen
        self.place, self.series = place, place.series
        self.shared = place.make_shared_folder()
        self.tmp = self.shared
        self.log = self.shared / "gimp.log"
        self.plugin = self.shared / "plug-ins" / NAME
        self.server_folder = self.shared / "server"
        self.look_folder = self.shared / "look"
        self.server = ServerStarter(self.shared)
        self._display: Display | None = None
        self._busy = False
        self._connection: socket.socket | None = None
        self._unread = b""
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._install()
            self._launch(windows)
        except BaseException:
            self.close()
            raise

    # ---- running code -------------------------------------------------------------------------------------------

    def run(self, code: str, *, timeout: float = 60.0, **values: Any) -> Any:
        """Execute Python code inside GIMP and return what it assigned to ``result`` (anything JSON can hold).

        ``values`` become variables of the code, as does what earlier snippets of the same test assigned. Raises
        GimpError with the traceback if the code raises, GimpDied if GIMP ends or takes longer than ``timeout``.
        """
        self.start(code, **values)
        return self.wait(timeout)

    def start(self, code: str, **values: Any) -> None:
        """Begin to execute code and return at once (it may open a dialog, say); `wait` gives its result."""
        self._send({"code": code, "values": {name: _plain(value) for name, value in values.items()}})

    def wait(self, timeout: float = 60.0) -> Any:
        """The result of the code that `start` began."""
        answer = self._receive(timeout)
        self._busy = False
        if "error" in answer:
            raise GimpError(f"In GIMP {self.version}:\n{answer['error']}\n{self._log_tail(15)}")
        return answer["result"]

    @property
    def finished(self) -> bool:
        """Whether what `start` began has ended, so that `wait` would return at once."""
        return bool(self._unread) or bool(self._connection and select.select([self._connection], [], [], 0)[0])

    @property
    def usable(self) -> bool:
        """Whether GIMP lives and waits for code."""
        return not self._busy and self._process is not None and self._process.poll() is None

    def begin_test(self) -> None:
        """Close all images, forget the variables of earlier snippets, make a new `tmp`."""
        self.tmp = Path(tempfile.mkdtemp(prefix="test-", dir=self.shared))
        self._send({"code": "", "reset": True})
        self.wait()

    def _send(self, request: dict[str, Any]) -> None:
        if self._busy:
            raise GimpDied(f"GIMP {self.series} still runs the code sent before; call wait() first.")
        assert self._connection is not None
        self._busy = True
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise self._died(f"cannot be reached ({error})") from error

    def _receive(self, timeout: float) -> dict[str, Any]:
        assert self._connection is not None and self._process is not None
        until = time.monotonic() + timeout
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if left <= 0:
                raise self._died(f"did not answer within {timeout:.0f} s")
            if select.select([self._connection], [], [], min(left, 0.5))[0]:
                data = self._connection.recv(1 << 20)
                if not data:
                    raise self._died("closed the connection")
                self._unread += data
            elif self._process.poll() is not None:
                raise self._died(f"ended with status {self._process.returncode}")
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def _died(self, what: str) -> GimpDied:
        self._busy = True  # never to be used again
        picture = ""
        if self._display is not None:
            picture = f"\nScreenshot: {self._display.screenshot('trouble')}"
        return GimpDied(f"GIMP {self.series} {what}.{picture}\n{self._log_tail(40)}")

    def log_text(self) -> str:
        """All that GIMP and its plug-ins wrote to standard output and error so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _log_tail(self, lines: int) -> str:
        return f"The end of GIMP {self.series}'s log:\n" + "\n".join(self.log_text().splitlines()[-lines:])

    # ---- the screen -----------------------------------------------------------------------------------------------

    @property
    def display(self) -> Display:
        """The screen, with keys, mouse, windows and screenshots (a GIMP with windows only)."""
        if self._display is None:
            raise AssertionError("gimp_console has no screen; use gimp_gui.")
        return self._display

    def activate_image(self) -> int:
        """Give the keyboard to the window that shows an image (wait for it to do so); returns its number."""
        window = self.display.wait_window("[0-9]x[0-9]+ .* GIMP$")  # "[photo]-1.0 (RGB ...) 320x200 – GIMP"
        self.display.activate(window)
        return window

    def menu(self, label: str) -> None:
        """Choose an action as a user does with Help > Search and Run a Command, by (part of) its label."""
        screen = self.display
        self.activate_image()
        screen.key("slash")
        screen.activate(screen.wait_window("^Search Actions$"))
        screen.type(label)
        time.sleep(0.5)  # what it found appears a moment after the last letter; nothing tells when
        for _ in range(10):
            screen.key("Return")
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                if not screen.find_windows("^Search Actions$"):
                    return
                time.sleep(0.03)
        screen.wait_gone("^Search Actions$", timeout=1)

    def press(self, procedure: str) -> None:
        """Choose one of the plug-in's menu items by its key (`SHORTCUTS`)."""
        self.activate_image()
        self.display.key(f"ctrl+alt+{SHORTCUTS[procedure]}")

    # ---- the plug-in and its server ---------------------------------------------------------------------------------

    def plugin_processes(self) -> list[psutil.Process]:
        """The plug-in's processes that live now: send one SIGKILL to do what GIMP's own Cancel does."""
        assert self._process is not None
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any(word.endswith(f"/{ENTRY}") for word in process.cmdline()):
                    found.append(process)
        return found

    @contextlib.contextmanager
    def installation(self, **changes: Any) -> Iterator[dict[str, Any]]:
        """Change installation.json for a while, e.g. ``server_command=["/nowhere"]``."""
        path = self.plugin / "installation.json"
        before = path.read_text()
        changed = {**json.loads(before), **changes}
        path.write_text(json.dumps(changed))
        try:
            yield changed
        finally:
            path.write_text(before)

    @contextlib.contextmanager
    def without_pyzmq(self) -> Iterator[None]:
        """For a while the plug-in's pyzmq is one that its Python cannot load, as everywhere in GIMP for Windows."""
        vendor, aside = self.plugin / "vendor", self.shared / "vendor-aside"
        vendor.rename(aside)
        try:
            (vendor / "zmq").mkdir(parents=True)
            # It also hides one of the system's.
            (vendor / "zmq" / "__init__.py").write_text("raise ImportError('it is made for another Python')\n")
            yield
        finally:
            shutil.rmtree(vendor)
            aside.rename(vendor)

    def bridges(self) -> list[psutil.Process]:
        """The bridges of the plug-in's processes that live now."""
        found = []
        for plugin in self.plugin_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [child for child in plugin.children() if "server.bridge" in child.cmdline()]
        return found

    # ---- start and end ------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        """Fill the profile: settings, some of GIMP's own plug-ins, the plug-in under test, the agent."""
        for name in ("home", "runtime", "profile", "temporary", "plug-ins", "own-plug-ins", "look"):
            (self.shared / name).mkdir(mode=0o700)
        path = [str(self.shared / "plug-ins")]
        system = _system_plug_ins(self.place)
        if system is None:
            path.append("${gimp_plug_in_dir}/plug-ins")
        else:
            path.append(str(self.shared / "own-plug-ins"))
            for name in PLUG_INS:
                (self.shared / "own-plug-ins" / name).symlink_to(system / name)
        rc = GIMPRC.format(version=self.place.version, plug_ins=":".join(path))
        (self.shared / "profile" / "gimprc").write_text(rc + self._gimprc)
        keys = "".join(f'(action "{procedure}" "<Primary><Alt>{key}")\n' for procedure, key in SHORTCUTS.items())
        (self.shared / "profile" / "shortcutsrc").write_text(f"(file-version 1)\n{keys}")
        shutil.copy(Path(__file__).with_name("agent.py"), self.shared / "neural_style_test_agent.py")
        shutil.copytree(Path(__file__).with_name("inside"), self.shared / "inside")
        installation = {
            "version": "tests",
            "server_command": self.server.command,
            "bridge_command": self._install_bridge(),
            "folder": str(self.server_folder),
            "user_styles": str(self.shared / "user-styles"),
        }
        assemble(self.plugin, REPOSITORY, installation, pyzmq_wheel())

    def _install_bridge(self) -> list[str]:
        """Make what the server's environment is elsewhere: another place with pyzmq; return how it starts the bridge."""
        environment = self.shared / "environment"
        for folder in (*SHARED_FOLDERS, "server/bridge"):
            (environment / folder).mkdir(parents=True)
            for path in (REPOSITORY / folder).glob("*.py"):
                shutil.copy(path, environment / folder)
        with zipfile.ZipFile(pyzmq_wheel()) as wheel:
            wheel.extractall(environment)
        return ["/usr/bin/env", f"PYTHONPATH={environment}", "python3", "-m", "server.bridge"]

    def _launch(self, windows: bool) -> None:
        token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            code = (
                f"import sys; sys.path.insert(0, '{self.shared}'); import neural_style_test_agent as agent; "
                f"agent.serve({port}, '{token}', {windows})"
            )
            environment = self._environment()
            if windows:
                self._display = Display(self.place, environment, self.shared / "display.log", self._screen)
                environment = self._display.environment
                arguments = ["gimp", "--no-splash", "--new-instance"]
            else:
                arguments = ["gimp-console", "--no-interface", "--quit"]
            arguments += ["--batch-interpreter=python-fu-eval", "--batch", code]
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    self.place.command(*arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                )
            self._connection = self._accept(listener)
        self.version: str = self._greeting(token)

    def _accept(self, listener: socket.socket) -> socket.socket:
        assert self._process is not None
        listener.settimeout(0.2)
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(None)
                return connection
            if self._process.poll() is not None:
                raise self._died(f"ended at once with status {self._process.returncode}")
        raise self._died(f"did not start within {START_TIMEOUT:.0f} s")

    def _greeting(self, token: str) -> str:
        greeting = self._receive(60)
        if greeting.get("token") != token:
            raise GimpDied("Something else than the tests' GIMP connected to the tests.")
        return str(greeting["version"])

    def _environment(self) -> dict[str, str]:
        own = {
            "HOME": str(self.shared / "home"),
            "XDG_RUNTIME_DIR": str(self.shared / "runtime"),
            "GIMP3_DIRECTORY": str(self.shared / "profile"),
            "TMPDIR": str(self.shared / "temporary"),
            "PYTHONUNBUFFERED": "1",
            "NO_AT_BRIDGE": "1",
            "GDK_BACKEND": "x11",
            "PYTHONPATH": str(self.shared / "inside"),
            "NEURAL_STYLE_LOOK": str(self.look_folder),
            **{name: os.environ[name] for name in (WIRE,) if name in os.environ},
            **({"LANGUAGE": self._language} if self._language else {}),
        }
        base = inside_environment()
        if self.place.root is None:
            base["PATH"] = os.environ["PATH"]
        return {**base, **own}

    def close(self) -> None:
        """End GIMP, its screen and its servers, and remove the shared folder."""
        if self._process is not None:
            self._end_gimp(self._process)
        if self._connection is not None:
            self._connection.close()
        if self._display is not None:
            self._display.close()
        self.server.close()
        self.place.remove_shared_folder(self.shared)

    def _end_gimp(self, process: subprocess.Popen[bytes]) -> None:
        if self.usable and self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(b'{"quit": true}\n')
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait(10)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _system_plug_ins(place: Place) -> Path | None:
    """GIMP's own plug-ins folder, as GIMP sees it; None if it is in no usual place."""
    root = place.root or Path("/")
    for pattern in ("usr/lib/*/gimp/3*/plug-ins", "usr/lib64/gimp/3*/plug-ins", "usr/lib/gimp/3*/plug-ins"):
        for folder in sorted(root.glob(pattern)):
            if all((folder / name).exists() for name in PLUG_INS):
                return Path("/") / folder.relative_to(root)
    return None


def pyzmq_wheel() -> Path:
    """The wheel of pyzmq for GIMP's Python (one abi3 wheel serves 3.12 and later), fetched once with pip."""
    folder = cache_folder() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    if not (found := sorted(folder.glob(f"pyzmq-{PYZMQ}-*abi3*.whl"))):
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            command += ["--python-version", "313", "--dest", fresh, f"pyzmq=={PYZMQ}"]
            subprocess.run(command, check=True, timeout=300)
            for wheel in Path(fresh).glob("*.whl"):
                wheel.rename(folder / wheel.name)
        found = sorted(folder.glob(f"pyzmq-{PYZMQ}-*.whl"))
    return found[-1]
