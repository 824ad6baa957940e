"""What the portable layer says of Windows, and does there."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import threading
import time
import winreg
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer.common import system as installers
from server.cli import doctor
from stylecore import system
from stylecore.device import host
from stylecore.errors import fault
from tests.server.conftest import until

ROOT = Path(__file__).resolve().parents[3]
#: A cluster's are for Linux, and want Ray.
CLUSTER = {"server.cluster.driver", "server.cluster.relay", "server.cli.cluster"}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("server", "stylecore", "installer")
    for path in (ROOT / package).rglob("*.py")
    if path.stem not in ("__init__", "__main__")
)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in CLUSTER])
def test_every_module_can_be_imported(name: str) -> None:
    importlib.import_module(name)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python code, whose output can be read."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


LOCKER = """
import sys
from stylecore import system
file = open(sys.argv[1], "ab")
print(system.try_lock(file), flush=True)
sys.stdin.read()
"""


def test_a_lock_is_seen_by_others_and_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(b"who has it")
    holder = python(LOCKER, path)
    assert told(holder) == "True"
    assert system.is_locked(path)
    assert path.read_bytes() == b"who has it"  # what it says can be read meanwhile
    second = python(LOCKER, path)
    assert told(second) == "False"
    second.communicate("")
    assert system.lives(holder.pid)
    holder.kill()
    holder.wait()
    until(lambda: not system.is_locked(path), 10)
    assert not system.lives(holder.pid)


def test_asking_whether_a_process_lives_does_nothing_to_it() -> None:
    process = python("print('up', flush=True); import sys; sys.stdin.read(); print('well', flush=True)")
    assert told(process) == "up"
    for _ in range(3):
        assert system.lives(process.pid)
    said, _ = process.communicate("")
    assert said == "well\n" and process.returncode == 0


def test_why_it_ended_is_told_apart() -> None:
    # Python's ctypes makes errors of what ends other programs so.
    ended = python("import ctypes; ctypes.windll.kernel32.ExitProcess(0xC0000005)")
    ended.communicate("")
    assert system.crash(ended.returncode) == "0xC0000005 (ACCESS_VIOLATION)"
    plain = python("raise SystemExit(3)")
    plain.communicate("")
    assert system.crash(plain.returncode) == "" and plain.returncode == 3


PARENT = """
import subprocess, sys
from server.engine import lifeline
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
lifeline.hold(child)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_child_ends_with_its_parent_however_that_ends() -> None:
    parent = python(PARENT)
    child = int(told(parent))
    assert system.lives(child) and child != parent.pid
    parent.kill()
    parent.wait()
    until(lambda: not system.lives(child), 10)


STARTER = """
import subprocess, sys
from stylecore import system
nothing = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
process = system.start_apart([sys.executable, "-c", "import time; time.sleep(600)"], outlives=True, **nothing)
print(process.pid, flush=True)
"""


def test_what_is_started_apart_outlives_its_starter() -> None:
    starter = python(STARTER)
    number = int(told(starter))
    starter.communicate("")
    time.sleep(0.5)
    assert system.lives(number)
    system.end_process(number, by_force=True)
    until(lambda: not system.lives(number), 10)


def test_the_folder_of_gimps_libraries_is_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = system._kernel
    kernel.SetDllDirectoryW(str(tmp_path))
    try:
        path = os.pathsep.join([str(tmp_path), str(tmp_path / "other")])
        assert system.own_path(path) == str(tmp_path / "other")
        system.start_apart([sys.executable, "-c", "pass"]).wait()
        assert system._library_folder() == str(tmp_path)  # GIMP's own again
    finally:
        kernel.SetDllDirectoryW(None)


def test_memory_is_known() -> None:
    memory = host.memory()
    assert 0 < memory["free"] <= memory["total"] == host.total_memory()
    assert 0 < host.resident_memory() <= host.peak_memory()
    host.trim_memory()
    assert not host.set_allocator(-1, 0)


def test_a_file_that_is_being_read_is_replaced_and_removed_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "file"
    changes: tuple[Callable[[], None], ...] = (lambda: system.replace(tmp_path / "new", path), lambda: system.remove(path))
    for change in changes:
        (tmp_path / "new").write_text("new")
        path.write_text("old")
        reading = open(path)  # noqa: SIM115  # closed by the other thread
        with pytest.raises(PermissionError):
            path.unlink()
        threading.Timer(0.3, reading.close).start()
        change()
    assert not path.exists()
    system.remove(path)


@contextlib.contextmanager
def in_registry(root: int, path: str, values: dict[str, str | int]) -> Iterator[None]:
    """Have these values there for a while; the key is removed if it was not there."""
    there = True
    try:
        winreg.CloseKey(winreg.OpenKey(root, path))
    except FileNotFoundError:
        there = False
    with winreg.CreateKey(root, path) as key:
        for name, value in values.items():
            winreg.SetValueEx(key, name, 0, winreg.REG_SZ if isinstance(value, str) else winreg.REG_DWORD, value)
        try:
            yield
        finally:
            for name in values:
                winreg.DeleteValue(key, name)
    if not there:
        winreg.DeleteKey(root, path)


def test_the_list_of_installed_programs_is_read() -> None:
    for root in (winreg.HKEY_LOCAL_MACHINE, winreg.HKEY_CURRENT_USER):
        key = rf"{installers.PROGRAMS_KEY}\GIMP-3_is1"
        with in_registry(root, key, {"InstallLocation": "D:\\Art\\GIMP 3\\", "DisplayName": "GIMP 3.0.4"}):
            with in_registry(root, rf"{installers.PROGRAMS_KEY}\GIMP-2_is1", {"DisplayName": "says not where"}):
                assert installers.installed_folders(r"GIMP-\d.*_is1") == [Path("D:/Art/GIMP 3")]
            assert installers.installed_folders("GIMP") == []
        assert installers.installed_folders(r"GIMP-\d.*_is1") == []


def test_long_names_are_for_an_administrator_to_allow() -> None:
    for allowed in (0, 1):
        with in_registry(winreg.HKEY_LOCAL_MACHINE, installers.NAMES_KEY, {"LongPathsEnabled": allowed}):
            assert installers.takes_long_names() is bool(allowed)


def test_the_installer_is_called_as_on_windows() -> None:
    assert system.INSTALLER == "install.cmd"
    assert fault("bridge-failed").remedy == "Run “neural-style doctor”, or run install.cmd again."
    assert doctor.AGAIN == "Run install.cmd again."


def test_a_user_has_the_folders_that_windows_means() -> None:
    assert system.user_folder("state") == Path(os.environ["LOCALAPPDATA"]) / "gimp-neural-style/state"
