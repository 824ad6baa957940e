"""What only some systems have is in one layer, which asks first: everything else runs on Linux, macOS and Windows alike."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stylecore import system

ROOT = Path(__file__).resolve().parent.parent
#: The layer: light and for all, memory and processor, ends of processes, sockets that are files, what the installer needs.
LAYER = {
    "stylecore/system.py",
    "stylecore/device/host.py",
    "server/engine/lifeline.py",
    "server/engine/transport.py",
    "installer/common/system.py",
}
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "msvcrt", "winreg", "_winapi"}
ATTRIBUTES = {
    "os": {
        *("fork", "forkpty", "kill", "killpg", "getuid", "geteuid", "getgid", "getpgid", "setpgid", "setsid", "sysconf"),
        *("mkfifo", "getloadavg", "sched_getaffinity", "sched_setaffinity", "posix_fallocate", "chown", "lchown", "nice"),
        *("waitid", "wait", "WNOHANG", "pidfd_open", "statvfs"),
    },
    "signal": {
        *("SIGKILL", "SIGHUP", "SIGPIPE", "SIGQUIT", "SIGCHLD", "SIGSTOP", "SIGCONT", "SIGTSTP", "SIGALRM", "SIGUSR1"),
        *("SIGUSR2", "SIGBREAK", "CTRL_C_EVENT", "CTRL_BREAK_EVENT", "setitimer", "pthread_sigmask", "sigwait"),
    },
    "socket": {"AF_UNIX"},
    "ctypes": {"CDLL", "WinDLL", "windll"},
    "subprocess": {"CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP", "STARTUPINFO"},
}
KEYWORDS = {"start_new_session", "preexec_fn", "pass_fds", "process_group"}
PATHS = re.compile(r"^/(proc|sys|dev)(/|$)")


def sources() -> list[Path]:
    return [
        path
        for package in ("server", "stylecore", "installer", "gimp_plugin")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in LAYER
    ]


def peculiar(text: str) -> Iterator[str]:
    """What in a module's text depends on the system."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            top = str(node.module).split(".")[0]
            names = {alias.name for alias in node.names} & ATTRIBUTES.get(top, set())
            yield from (f"from {node.module} import {name}" for name in names)
            if top in MODULES:
                yield f"from {node.module} import …"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in ATTRIBUTES.get(node.value.id, set()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in KEYWORDS:
            yield f"{node.arg}="
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and PATHS.match(node.value):
            yield repr(node.value)


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_layer_knows_what_the_systems_have(path: Path) -> None:
    assert sorted(peculiar(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_how_the_installer_is_called_is_said_by_the_layer(path: Path) -> None:
    if path.name == "release.py":  # has files of that name
        return
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    for_readers = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in for_readers:
            assert not re.search(r"install\.(sh|cmd)", node.value), node.value


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "import os\nos.kill(1, 0)",
        "from signal import SIGKILL",
        "import signal\nsignal.signal(signal.SIGHUP, None)",
        "open('/proc/self/status')",
        "from subprocess import Popen\nPopen([], start_new_session=True)",
        "import ctypes\nctypes.CDLL(None)",
    ],
)
def test_it_would_be_noticed_elsewhere(text: str) -> None:
    assert list(peculiar(text))


def test_the_folders_of_a_user(tmp_path: Path) -> None:
    local = {"LOCALAPPDATA": str(tmp_path / "Local")}
    assert system.user_folder("state", local, "win32") == tmp_path / "Local/gimp-neural-style/state"
    assert system.user_folder("data", local, "win32") == tmp_path / "Local/gimp-neural-style"
    assert system.user_folder("cache", {}, "win32") == Path.home() / "AppData/Local/gimp-neural-style/cache"
    xdg = {"XDG_STATE_HOME": str(tmp_path), "XDG_DATA_HOME": "relative", "LOCALAPPDATA": str(tmp_path / "Local")}
    assert system.user_folder("state", xdg, "linux") == tmp_path / "gimp-neural-style"
    assert system.user_folder("data", xdg, "linux") == Path.home() / ".local/share/gimp-neural-style"
    support = Path.home() / "Library/Application Support/gimp-neural-style"
    assert (
        system.user_folder("data", {}, "darwin") == support
        and system.user_folder("state", {}, "darwin") == support / "state"
    )
    assert system.user_folder("cache", {}, "darwin") == Path.home() / "Library/Caches/gimp-neural-style"


def test_how_the_installer_is_called(tmp_path: Path) -> None:
    packages, environment = tmp_path / "site-packages", tmp_path / "venv"
    packages.mkdir()
    environment.mkdir()
    assert system.installer_command(packages, str(environment), "linux") == "./install.sh"
    assert system.installer_command(packages, str(environment), "win32") == "install.cmd"
    (packages / system.CARRIED).mkdir()  # as in a wheel
    assert system.installer_command(packages, str(environment), "win32") == "neural-style install"
    (environment / system.STAMP).touch()  # in the environment that the script has made
    assert system.installer_command(packages, str(environment), "darwin") == "./install.sh"
    for text, called in (('{"installer": "neural-style install"}', "neural-style install"), ("{", "./install.sh")):
        (packages / "installation.json").write_text(text)  # in the plug-in's folder
        assert system.installer_command(packages, str(environment), "linux") == called


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0, ""),
        (1, ""),
        (75, ""),
        (None, ""),
        *([] if sys.platform == "win32" else [(-9, system.KILLED), (-11, "SIGSEGV")]),  # signals have no names there
        (-200, "200"),
        (0xC0000005, "0xC0000005 (ACCESS_VIOLATION)"),
        (0xC0001234, "0xC0001234"),
    ],
)
def test_why_a_process_ended(status: int | None, name: str) -> None:
    assert system.crash(status) == name


def test_a_lock_is_held_until_its_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not system.is_locked(path)
    with open(path, "ab") as first, open(path, "rb") as second:
        assert not system.is_locked(path)
        assert system.try_lock(first)
        assert system.is_locked(path)
        assert not system.try_lock(second) and not system.try_lock(second, shared=True)
    assert not system.is_locked(path)
    with open(path, "rb") as first, open(path, "rb") as second, open(path, "ab") as third:
        assert system.try_lock(first, shared=True) and system.try_lock(second, shared=True)
        assert not system.is_locked(path)  # looking disturbs nobody, and is disturbed by nobody who looks
        assert not system.try_lock(third)
    assert not system.is_locked(path)
