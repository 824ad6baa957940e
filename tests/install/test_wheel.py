"""The wheel is a way in: installed from the file, it puts the plug-in into GIMP, and takes the place of an older version.

PyTorch and what else it depends on are those of the tests' own environment, which the new one sees; GIMP is a stand-in that
knows the plug-in if GIMP would. Everything else is what a user of pipx or uv gets.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import zmq
from PIL import Image

from installer.common import places
from installer.environment import environment, torch_build
from server.discovery import server_lives
from server.protocol import VERSION
from tests.install.conftest import REPOSITORY, build, output_of, own_environment
from tests.install.test_broken import GIMP, PYTHON
from tests.server.conftest import until

pytestmark = pytest.mark.slow

OLDER = "0.0.9"
#: The plug-in's own way to the server, with a Python that has nothing else, as strict as any GIMP's.
PAINT = """
import sys
plugin = sys.argv[1]
sys.path[:0] = [plugin, plugin + "/vendor"]
from common import installation
from server.client.client import Client, Failed, Finished
from server.protocol import Picture
from stylecore import system
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
known = installation.read()
picture = Picture(48, 48, 3, "u8", bytes(range(256)) * 27)
with Client.connect(known.folder, server_command=known.server_command, timeout=60) as client:
    job = client.submit(PaintRequest(picture, [Style(picture)], Settings(quality="draft", iterations=1)))
    while not isinstance(event := client.next_event(0.2), Finished):
        assert not isinstance(event, Failed), event
    print(known.version, client.welcome["version"], system.INSTALLER, sep="|")
"""

#: The same, a picture that is painted until a line comes.
PAINT_UNTIL_TOLD = """
import sys
plugin = sys.argv[1]
sys.path[:0] = [plugin, plugin + "/vendor"]
import threading
from common import installation
from server.client.client import Client, Finished, Progress
from server.protocol import Picture
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
known = installation.read()
picture = Picture(480, 480, 3, "u8", bytes(range(256)) * 2700)
said = threading.Event()
with Client.connect(known.folder, server_command=known.server_command, timeout=60) as client:
    endless = Settings(quality="best", iterations=2000, total_variation=0.0)
    job = client.submit(PaintRequest(picture, [Style(picture)], endless))
    begun = told = False
    while not isinstance(event := client.next_event(0.2), Finished):
        if isinstance(event, Progress) and not begun:
            begun = True
            print("painting", flush=True)
            threading.Thread(target=lambda: (sys.stdin.readline(), said.set()), daemon=True).start()
        if said.is_set() and not told:
            told = True
            client.stop(job)
    print("finished", flush=True)
"""


class Way:
    """A home with a GIMP, and an environment into which pip, pipx or uv installs."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home with späces"
        programs = self.home / "bin"
        programs.mkdir(parents=True)
        (programs / "gimp-console").write_text(GIMP)
        (programs / "gimp-console").chmod(0o755)
        (programs / "python3").symlink_to(sys.executable)
        self.venv = folder / "the environment of pipx"
        venv.create(self.venv, with_pip=False, symlinks=True)
        site = next(self.venv.glob("lib/python3*/site-packages"))
        (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
        self.data = self.home / ".local/share/gimp-neural-style"
        self.state = self.home / ".local/state/gimp-neural-style"
        self.plugin = self.home / ".config/GIMP/3.0/plug-ins/neural-style"
        self.environment = {**own_environment(self.home), "PATH": f"{programs}:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}

    def pip(self, *arguments: str | Path) -> None:
        command = [self.venv / "bin/python", "-m", "pip", "--no-input", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def neural_style(self, *arguments: str, status: int = 0) -> str:
        """What the command prints, both streams together."""
        line = [self.venv / "bin/neural-style", *arguments]
        return output_of(line, self.environment, folder=self.home, status=status, timeout=300)

    def started(self, line: Sequence[str | Path]) -> subprocess.Popen[str]:
        """A program that runs, to be spoken with; both streams together."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            line, env=self.environment, cwd=self.home, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def paint_as_the_plug_in(self) -> list[str]:
        """The versions of plug-in and server that painted a picture together, and how the plug-in calls the installer."""
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PAINT, self.plugin],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().split("|")


def a_pyzmq(folder: Path) -> None:
    """Make a wheel of the pyzmq that runs the tests, as if it had been downloaded for GIMP's Python."""
    folder.mkdir(parents=True)
    site = Path(zmq.__file__).parent.parent
    with zipfile.ZipFile(folder / "pyzmq-27-py3-none-any.whl", "w") as wheel:
        for path in (each for name in ("zmq", "pyzmq.libs") for each in (site / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and "tests" not in path.parts:
                wheel.write(path, path.relative_to(site))


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, thin_weights: Path) -> Iterator[Way]:
    """An installation of an older version, by pip and ``neural-style install``, in use: its server runs."""
    folder = tmp_path_factory.mktemp("wheel")
    way = Way(folder)
    way.environment["NEURAL_STYLE_WEIGHTS"] = str(thin_weights)
    for python in {PYTHON, "3.11", "3.12"}:
        a_pyzmq(way.data / "wheels" / python)
    (folder / "older").mkdir()
    (wheel,) = build(folder / "older", OLDER).glob("*.whl")
    way.pip("install", "--no-deps", "--no-index", wheel)
    said = way.neural_style("install")
    assert f"Neural Style {OLDER} with torch" in said and "GIMP 3.0.4 knows the plug-in" in said
    assert way.paint_as_the_plug_in() == [OLDER, OLDER, "neural-style install"]
    yield way
    if server_lives(way.state):
        way.neural_style("server", "stop")


def test_an_upgrade_by_pip_alone_takes_the_older_server_away(way: Way, built: Path) -> None:
    assert server_lives(way.state)
    (wheel,) = built.glob("*.whl")
    way.pip("install", "--no-deps", "--no-index", "--upgrade", wheel)
    # It would begin its next engine from the newer files.
    until(lambda: not server_lives(way.state), 60)
    assert way.paint_as_the_plug_in() == [OLDER, VERSION, "neural-style install"]


def test_the_installer_then_upgrades_the_plug_in(way: Way) -> None:
    (way.plugin / "former.py").touch()
    said = way.neural_style("install", "--demo", "--size=64", "--output", ".")
    assert f"Neural Style {VERSION} with torch" in said and "GIMP 3.0.4 knows the plug-in" in said
    assert "Without GIMP: neural-style style" in said
    with Image.open(way.home / "neural-style-demo.png") as picture:
        assert max(picture.size) == 64
    assert not (way.plugin / "former.py").exists()
    assert way.paint_as_the_plug_in() == [VERSION, VERSION, "neural-style install"]
    assert not (way.data / "venv").exists() and not (way.home / ".local/bin").exists()


def test_again_it_leaves_a_server_at_work_alone_and_the_doctor_is_content(way: Way) -> None:
    way.paint_as_the_plug_in()
    before = json.loads((way.state / "connection.json").read_text())["pid"]
    assert "has ended" not in way.neural_style("install")
    assert json.loads((way.state / "connection.json").read_text())["pid"] == before
    report = json.loads(way.neural_style("doctor", "--json"))
    assert [each for each in report["findings"] if each["state"] != "good"] == []
    done = subprocess.run(
        ["/bin/bash", REPOSITORY / "install.sh", "--doctor"],
        env=way.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert f"into {way.venv}" in done.stdout and "Run “neural-style doctor”." in done.stdout


def test_it_takes_the_place_of_what_the_script_had_made(way: Way) -> None:
    own = places.find({"HOME": str(way.home)})
    (own.venv / "bin").mkdir(parents=True)
    own.command.touch()
    own.link.parent.mkdir(parents=True)
    own.link.symlink_to(own.command)
    known = json.loads(own.record.read_text())
    assert known["environment"] == str(way.venv)
    own.record.write_text(json.dumps({**known, "environment": ""}))
    # And the server that runs is of that environment, too. What it paints is finished before it is ended.
    with way.started([sys.executable, "-I", "-S", "-c", PAINT_UNTIL_TOLD, str(way.plugin)]) as painter:
        assert painter.stdout is not None and painter.stdin is not None
        assert painter.stdout.readline() == "painting\n"
        with way.started([way.venv / "bin/neural-style", "install"]) as installer:
            assert installer.stdout is not None
            said = ""
            while "being painted: waiting" not in said:
                line = installer.stdout.readline()
                assert line, said
                said += line
            assert server_lives(way.state)
            painter.stdin.write("enough\n")
            painter.stdin.flush()
            assert painter.stdout.read() == "finished\n" and painter.wait(60) == 0
            said += installer.stdout.read()
            assert installer.wait(300) == 0, said
    assert "server of the former version was running; it has ended" in said and "is not needed any more: removed" in said
    assert not own.venv.exists() and not own.link.is_symlink()


def test_uninstalling_leaves_only_the_environment(way: Way) -> None:
    way.paint_as_the_plug_in()
    said = way.neural_style("uninstall")
    assert "server was running; it has ended" in said and "pipx uninstall gimp-neural-style" in said
    left = [path for path in way.home.rglob("*") if path.is_file() and path.parent != way.home / "bin"]
    assert {path.name for path in left} <= {"gimprc", "neural-style-demo.png", "neural-style-demo-side-by-side.png"}
    assert VERSION in way.neural_style("--version")


def test_in_the_projects_folder_it_names_the_script(tmp_path: Path) -> None:
    for command in ("install", "uninstall"):
        done = subprocess.run(
            [sys.executable, "-m", "server.cli.main", command],
            cwd=REPOSITORY,
            env=own_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and "Run ./install.sh in that folder." in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("works", "build"), [(True, None), (False, "cuda")], ids=["kept", "mended"])
def test_another_pytorch_is_taken_only_if_it_must(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], works: bool, build: str | None
) -> None:
    installed: list[tuple[str, bool]] = []
    monkeypatch.setattr(torch_build, "works", lambda python: "2.9" if works or installed else None)
    monkeypatch.setattr(torch_build, "choose", lambda wanted: {"auto": "cuda"}.get(wanted, wanted))

    def install(python: Path, needs: list[str], chosen: str, temporary: Path, *, anew: bool) -> str:
        assert [need.split(">")[0] for need in needs] == ["torch", "torchvision"]
        installed.append((chosen, anew))
        return "2.9"

    monkeypatch.setattr(torch_build, "install", install)
    monkeypatch.setattr(environment.gpu_check, "tell", lambda python: True)
    monkeypatch.setattr(environment, "check_space", lambda folder, needed: None)
    own = dataclasses.replace(places.find({"HOME": str(home)}), environment=home / "pipx")
    places.make_folder(own.data)
    checkout = environment.read_checkout(REPOSITORY)
    environment.adopt(own, checkout, "auto")
    assert installed == ([] if build is None else [(build, True)])
    environment.adopt(own, checkout, "rocm")
    assert installed[-1] == ("rocm", True)
    assert f"with torch 2.9, in {own.venv}" in capsys.readouterr().out


@pytest.mark.before_a_release
@pytest.mark.parametrize("install", [("pipx", "install"), ("uv", "tool", "install")], ids=lambda words: words[0])
def test_the_tools_themselves(built: Path, tmp_path: Path, install: tuple[str, ...]) -> None:
    """With a PyTorch of their own, from the registry; a network and 6 GB."""
    home = tmp_path / "home"
    home.mkdir()
    tools = tmp_path / "tools"
    venv.create(tools, with_pip=True)
    (wheel,) = built.glob("*.whl")
    command = home / ".local/bin/neural-style"
    environment = own_environment(home)
    said = ""
    for line in (
        (tools / "bin/python", "-m", "pip", "install", "--quiet", install[0]),
        (tools / "bin" / install[0], *install[1:], wheel),
        (command, "install", "--demo", "--size=64", "--output", home),
        (command, "uninstall"),
    ):
        said += output_of(line, environment, timeout=1200)
    assert "Painted in" in said and f"{install[0]} " in said
    assert (home / "neural-style-demo.png").stat().st_size > 1000
    assert not (home / ".local/share/gimp-neural-style").exists()
