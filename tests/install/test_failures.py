"""What can go wrong while installing is told with its remedy, and leaves nothing behind. All with the real script."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from installer import main
from installer.common import places, processes, remedies, system
from installer.common.errors import InstallError, from_os_error
from installer.environment import environment
from tests.install.conftest import REPOSITORY, Run, own_environment

NO_NETWORK: dict[str, str | None] = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": None,
    "PIP_EXTRA_INDEX_URL": None,
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "PIP_DEFAULT_TIMEOUT": "3",
}


def test_no_python(run: Run, home: Path, tmp_path: Path) -> None:
    done = run(variables={"PATH": str(tmp_path / "empty")})
    assert done.returncode == 1
    assert "Python 3 was not found" in done.stdout
    assert "sudo apt install python3" in done.stdout
    assert list(home.iterdir()) == []


def test_python_too_old(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    # No old Python can be counted on here: one that answers the script's two questions as 3.8 does.
    (folder / "python3").write_text('#!/bin/sh\ncase "$*" in *"print("*) echo 3.8 ;; *) exit 1 ;; esac\n')
    (folder / "python3").chmod(0o755)
    done = run(variables={"PATH": str(folder)})
    assert done.returncode == 1
    assert "Python 3.10 or newer is needed; here is only 3.8" in done.stdout


def test_no_venv_module(run: Run, home: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "debian", with_pip=False, symlinks=True)
    site = next((tmp_path / "debian" / "lib").glob("python3*")) / "site-packages"
    (site / "as-on-debian.pth").write_text("import sys; sys.modules['ensurepip'] = None\n")
    done = run(variables={"PATH": str(tmp_path / "debian" / "bin")})
    assert done.returncode == 1
    assert "venv module is missing" in done.stdout
    assert f"sudo apt install python3.{sys.version_info.minor}-venv" in done.stdout
    assert list(home.iterdir()) == []


def test_no_network(run: Run, home: Path) -> None:
    done = run(variables=NO_NETWORK)
    assert done.returncode == 1, done.stdout
    assert "cannot be downloaded" in done.stdout
    assert "Check the network" in done.stdout
    assert "Traceback" not in done.stdout
    assert list(home.iterdir()) == []


def test_incomplete_copy_of_the_project(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "install.sh").write_bytes((REPOSITORY / "install.sh").read_bytes())
    done = run(script=tmp_path / "install.sh")
    assert done.returncode == 1
    assert "incomplete" in done.stdout
    assert list(home.iterdir()) == []
    shutil.copytree(REPOSITORY / "installer", tmp_path / "installer")
    done = run(script=tmp_path / "install.sh")
    assert done.returncode == 1
    assert "incomplete: stylecore is missing" in done.stdout and "Traceback" not in done.stdout
    assert list(home.iterdir()) == []


def test_small_disk_is_seen_before_anything_is_downloaded(run: Run, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=200m")
    done = run(variables={"XDG_DATA_HOME": str(disk)})
    assert done.returncode == 1
    assert "not enough space" in done.stdout
    assert "XDG_DATA_HOME" in done.stdout
    assert list(disk.iterdir()) == []


def test_disk_full_midway(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=20m")
    temporary = disk / "download"
    temporary.mkdir()
    with pytest.raises(processes.PipError) as caught:
        processes.pip(
            Path(sys.executable),
            ["install", "--no-deps", "--target", disk / "packages", "numpy"],
            temporary=temporary,
            show=lambda text: None,
        )
    assert caught.value.reason == "full"
    assert str(disk) in caught.value.sentence


def test_read_only_home(run: Run, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=1m,ro")
    done = run(variables={"HOME": str(disk)})
    assert done.returncode == 1
    assert f"I may not write to {disk}" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_what_to_do_is_said_in_the_systems_own_words(platform: str) -> None:
    said = {
        name: getattr(remedies, name)(platform)
        for name in ("get_venv", "places", "make_room", "make_writable", "do_without_constraints")
    }
    text = " ".join(said.values())
    assert ("apt install" in text) is (platform == "linux")
    assert bool(re.search(r"sudo|XDG_|\bHOME\b|/dev/null|\$USER", text)) is (platform != "win32")
    assert (".zprofile" in remedies.find_command(platform)) is (platform == "darwin")
    assert ("https://www.python.org/downloads/macos/" in said["get_venv"]) is (platform == "darwin")
    assert ("PIP_CONSTRAINT=NUL" in text and "LOCALAPPDATA" in text) is (platform == "win32")
    assert all(system.INSTALLER in said[name] for name in ("make_room", "make_writable", "do_without_constraints"))


def test_errors_of_the_system_become_sentences() -> None:
    assert "full" in from_os_error(OSError(errno.ENOSPC, "No space left on device", "/x")).sentence
    assert "may not write to /x" in from_os_error(OSError(errno.EACCES, "Permission denied", "/x")).sentence


def test_space_is_checked_where_the_folder_will_be(tmp_path: Path) -> None:
    environment.check_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(InstallError, match="GB are needed"):
        environment.check_space(tmp_path / "not" / "yet", 10**18)


def test_a_python_of_the_stores_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment.check_python()
    monkeypatch.setattr(
        sys, "base_prefix", "/C:/Program Files/WindowsApps/PythonSoftwareFoundation.Python.3.13_3.13.2544.0"
    )
    with pytest.raises(InstallError, match="This Python is the Microsoft Store's") as caught:
        environment.check_python()
    assert "https://www.python.org/downloads/windows/" in caught.value.remedy


def test_names_that_windows_does_not_take_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Path("/Users/twenty-characters-20/AppData/Local/gimp-neural-style/venv")
    deep = usual.joinpath("deep" * 12)
    environment.check_names(deep)  # here
    monkeypatch.setattr(environment.system, "takes_long_names", lambda: False)
    environment.check_names(usual)
    with pytest.raises(InstallError, match=f"there are {len(str(deep)) + 151} characters") as caught:
        environment.check_names(deep)
    assert r"reg add HKLM\SYSTEM\CurrentControlSet\Control\FileSystem /v LongPathsEnabled" in caught.value.remedy


def test_the_longest_name_is_known() -> None:
    site = Path(sysconfig.get_path("purelib"))
    inside = max(len(str(path.relative_to(site))) for name in ("torch", "torchvision") for path in (site / name).rglob("*"))
    assert len("Lib/site-packages/") + inside <= environment.LONGEST_NAME


def test_two_at_once(run: Run, home: Path) -> None:
    data = home / ".local/share/gimp-neural-style"
    data.mkdir(parents=True)
    with open(data / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711, since 12:34\n")
        lock.flush()
        done = run()
    assert done.returncode == 1
    assert "Another ./install.sh is running (process 4711, since 12:34)." in done.stdout


def test_the_lock_says_who_holds_it_and_a_dead_process_holds_nothing(home: Path) -> None:
    own = places.find({"HOME": str(home)})
    own.data.mkdir(parents=True)
    own.lock.write_text("process 4711, since 12:34\n")  # of a run that was killed
    with main.locked(own):
        assert own.lock.read_text().startswith(f"process {os.getpid()}, since ")
        with pytest.raises(InstallError, match=rf"\(process {os.getpid()}, since"), main.locked(own):
            pytest.fail("two hold it")
    assert not own.lock.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(home: Path, number: int) -> None:
    process = subprocess.Popen(
        ["/bin/bash", REPOSITORY / "install.sh"],
        env={**own_environment(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # As in a terminal: what runs in a shell's background hands on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (home / ".local/share/gimp-neural-style/venv/bin").is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "nothing half made is left" in said
    assert list(home.iterdir()) == []


def test_doctor_and_uninstall_without_an_installation(run: Run, home: Path) -> None:
    done = run("--doctor")
    assert done.returncode == 1
    assert "is not installed" in done.stdout
    done = run("--doctor", "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["check"], finding["state"], finding["remedy"]) == ("Installation", "bad", "Run ./install.sh.")
    done = run("--uninstall")
    assert done.returncode == 0
    assert "Nothing is installed" in done.stdout
    assert list(home.iterdir()) == []
