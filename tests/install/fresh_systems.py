"""A new user's whole way in fresh Debian systems, for real: nothing here is a stand-in.

    python -m tests.install.fresh_systems                 # Debian 12, 13 and testing, one after the other
    python -m tests.install.fresh_systems 13

In each, as an ordinary user whose home and copy of the project have spaces and non-ASCII letters in their paths:
without the venv module the installer explains itself; an older version is installed and paints, so that its server
runs; the release of this checkout is installed over it; demo; a picture painted through GIMP's scripting by the
installed plug-in (where the system has a GIMP 3); a plug-ins folder that fell to root; doctor; uninstall,
after which nothing of ours may be left; in the newest one also the wheel's way, by pipx and `neural-style install`.

Needs root, Debian and a network. A system is the root file system of `tests.gimp.rootfs` under an overlay, in mount
and process namespaces of its own: nothing stays mounted or running, and the root file system stays as it was. One
system at a time takes up to 9 GB of disk, given back at its end.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from installer import release
from tests.gimp import apt, rootfs
from tests.gimp.common import REPOSITORY, GimpUnavailable, cache_folder
from tests.install.conftest import build

#: Debian's version: the suite, and the series of its GIMP.
SYSTEMS = {"12": ("bookworm", "2.10"), "13": ("trixie", "3.0"), "testing": ("forky", "3.2")}
#: Where the wheel is also installed with the distribution's own pipx, which takes another PyTorch.
WITH_PIPX = {"testing"}
USER, NUMBER = "artist", 1000
HOME = "/home/Zoë im Grünen"
PROJECT = f"{HOME}/Neural Style – höher"
OLDER = f"{HOME}/Neural Style – früher"
OLD_VERSION = "0.0.9"
#: Where pip's certificates lie inside; installing ca-certificates makes the system's own list anew.
CERTIFICATE = "/etc/pip-certificates.pem"
#: Sought here, because the inner PATH of an ordinary user does not have it.
CHROOT = shutil.which("chroot", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or "chroot"

#: Executed by GIMP's Python after `tests.gimp.agent`, whose functions it uses.
PAINT = """
image = load({content!r})
image.scale(96, 64)
source = image.get_selected_layers()[0]
before = read(source)
answer = call("plug-in-neural-style", image, [source], styles=["koi-mosaic"], quality="draft")
assert answer["status"] == "SUCCESS", answer
names = [layer["name"] for layer in layers(image)]
assert len(names) == 2, names
painted = answer["values"][0]
after = read(painted)
assert read(source) == before, "the photo was written to"
assert len(after) == len(before)
difference = sum(abs(a - b) for a, b in zip(before, after)) / len(before)
assert difference > 8, "hardly painted: " + str(difference)
save(image, {result!r})
print("painted:", names[0], round(difference, 1), flush=True)
"""


class Failed(Exception):
    """A step did not do what it should; the text says what was seen."""


@dataclass
class System:
    """One fresh system, as root sees it from outside."""

    name: str
    root: Path
    times: dict[str, float] = field(default_factory=dict)

    def run(self, *command: str, user: bool = True, folder: str = "/", status: int = 0, timeout: float = 1800) -> str:
        """Run a command inside and return what it printed.

        Raises:
            Failed: its exit status is not ``status``.
        """
        variables = {**rootfs.inside_environment(apt.proxies()), "HOME": HOME if user else "/root"}
        if user:
            variables |= {**pip_configuration(), "USER": USER, "PATH": "/usr/local/bin:/usr/bin:/bin"}
            if "PIP_CERT" in variables:
                variables["PIP_CERT"] = CERTIFICATE
        who = [f"--userspec={NUMBER}:{NUMBER}", "--groups="] if user else []
        inner = f"cd {shlex.quote(folder)} && exec {shlex.join(command)}"
        done = subprocess.run(
            [CHROOT, *who, self.root, "/bin/sh", "-c", inner],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        if done.returncode != status:
            raise Failed(f"{shlex.join(command)} ended with {done.returncode}, not {status}:\n{done.stdout[-4000:]}")
        return done.stdout

    def path(self, inside: str) -> Path:
        """The path outside of a path inside."""
        return self.root / inside.lstrip("/")

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Take the time of a step and tell it."""
        began = time.monotonic()
        print(f"  {words} …", end="", flush=True)
        yield
        self.times[words] = time.monotonic() - began
        print(f" {self.times[words]:.0f} s", flush=True)


def pip_configuration() -> dict[str, str]:
    """The settings of this machine's pip (an index, a certificate) as variables for a pip elsewhere."""
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = re.findall(r"^(?::env:|global|install)\.([\w-]+)='(.*)'$", listing.stdout, re.MULTILINE)
    return {"PIP_" + name.upper().replace("-", "_"): value for name, value in reversed(found)}  # the first one counts


def _show_what_pip_names(root: Path) -> None:
    """Give the folders that pip's configuration names the same path inside, read-only, and its files (constraints) too."""
    for value in pip_configuration().values():
        for word in value.split():
            path = Path(word.removeprefix("file://"))
            if path.is_absolute() and path.is_file():
                inside = root / str(path).lstrip("/")
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, inside)
                continue
            outer = Path(*path.parts[:3]) if path.is_absolute() else path
            if outer.is_dir() and outer.parts[1] not in ("etc", "usr") and not (root / str(outer).lstrip("/")).exists():
                inside = root / str(outer).lstrip("/")
                inside.mkdir(parents=True)
                _do("mount", "--bind", "--options", "ro", str(outer), str(inside))


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def fresh(name: str) -> Iterator[System]:
    """A fresh system with an ordinary user; in a mount namespace that ends with this process."""
    suite, series = SYSTEMS[name]
    lower, _ = rootfs.prepare(suite, series)
    with tempfile.TemporaryDirectory(prefix=f"fresh-{suite}-", dir=cache_folder()) as folder:
        work = Path(folder)
        for part in ("upper", "work", "root", "tmp"):
            (work / part).mkdir()
        (work / "tmp").chmod(0o1777)
        root = work / "root"
        _do(
            "mount",
            "-t",
            "overlay",
            "overlay",
            str(root),
            "-o",
            f"lowerdir={lower},upperdir={work / 'upper'},workdir={work / 'work'}",
        )
        try:
            _do("mount", "-t", "proc", "proc", str(root / "proc"))
            _do("mount", "--rbind", "/dev", str(root / "dev"))
            # In the other's, a GIMP of another test may be at work.
            _do("mount", "--bind", str(work / "tmp"), str(root / "tmp"))
            # A root file system may have been made with the resolver and certificates of another day.
            apt.carry_configuration(root)
            _show_what_pip_names(root)
            if certificate := pip_configuration().get("PIP_CERT"):
                shutil.copyfile(certificate, root / CERTIFICATE.lstrip("/"))
            with (root / "etc/passwd").open("a", encoding="utf-8") as users:
                users.write(f"{USER}:x:{NUMBER}:{NUMBER}::{HOME}:/bin/bash\n")
            with (root / "etc/group").open("a", encoding="utf-8") as groups:
                groups.write(f"{USER}:x:{NUMBER}:\n")
            system = System(name, root)
            system.path(HOME).mkdir()
            yield system
        finally:
            _end_processes()
            _do("umount", "--recursive", "--lazy", str(root))


def _end_processes() -> None:
    """End what a failed step left running as the user; the namespace shows only this script's own processes."""
    for process in _users_processes():
        os.kill(process, 9)


def _users_processes() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            if path.stat().st_uid == NUMBER and state != "Z":  # a zombie has ended; this script is init and lets it lie
                found.append(int(path.name))
        except OSError:
            continue  # it ended just now
    return found


def lay_out(system: System) -> None:
    """Unpack this checkout's release in the user's home, and beside it an older version made from it.

    The older one has another number, and files that the newer one no longer has.
    """
    with tempfile.TemporaryDirectory() as name:
        archive = release.make(Path(name))
        for folder in (PROJECT, OLDER):
            with zipfile.ZipFile(archive) as file:
                file.extractall(Path(name) / "unpacked")
            (top,) = (Path(name) / "unpacked").iterdir()
            (top / "install.sh").chmod(0o755)
            shutil.move(top, system.path(folder))
    protocol = system.path(OLDER) / "server/protocol.py"
    former = protocol.read_text(encoding="utf-8")
    text, number = re.subn(r'^VERSION = ".+"', f'VERSION = "{OLD_VERSION}"', former, flags=re.MULTILINE)
    assert number == 1
    protocol.write_text(text, encoding="utf-8")
    for name in ("server/former.py", "gimp_plugin/neural-style/former.py"):
        (system.path(OLDER) / name).write_text('"""Was in an older version."""\n', encoding="utf-8")
    _do("chown", "--recursive", f"{NUMBER}:{NUMBER}", str(system.path(HOME)))


def expect(text: str, *words: str) -> None:
    """Raise Failed unless each of ``words`` is in ``text``."""
    for each in words:
        if each not in text:
            raise Failed(f"“{each}” is missing in what was said:\n{text[-3000:]}")


def whole_way(system: System, say: Callable[[str], None] = print) -> None:
    """Go all the way in a fresh system.

    Raises:
        Failed: something was not as it should be.
    """
    lay_out(system)
    series = SYSTEMS[system.name][1]
    gimp = series.startswith("3.")
    plugin = system.path(f"{HOME}/.config/GIMP/{series}/plug-ins/neural-style")
    data = system.path(f"{HOME}/.local/share/gimp-neural-style")

    with system.step("without the venv module it explains itself"):
        expect(system.run("./install.sh", folder=PROJECT, status=1), "venv module is missing", "sudo apt install python3.")
        if data.exists():
            raise Failed(f"{data} was left by an installation that could not begin")
    with system.step("the package that it named, with apt"):
        system.run("apt-get", "update", user=False)
        system.run("apt-get", "install", "-y", "--no-install-recommends", "python3-venv", user=False)

    with system.step("install an older version and paint with it"):
        said = system.run("./install.sh", "--demo", "--size=64", "--output", HOME, folder=OLDER)
        expect(said, f"Installing Neural Style {OLD_VERSION}", "Installed in")
        if gimp:
            expect(said, "knows the plug-in")
        else:
            expect(said, f"GIMP {series}", "the plug-in needs GIMP 3.", "No GIMP 3 was found, so only the command line")
    with system.step("install this version over it, server running; demo"):
        if not _users_processes():
            raise Failed("the older version's server does not run, so ending it cannot be seen")
        (system.path(HOME) / "neural-style-demo.png").unlink()
        said = system.run("./install.sh", "--demo", "--size=64", "--output", HOME, folder=PROJECT)
        expect(said, "server of the former version was running; it has ended", f"Updating Neural Style {OLD_VERSION} to")
        if not (system.path(HOME) / "neural-style-demo.png").is_file():
            raise Failed("the demo left no picture")
        if left := [path for folder in (data, plugin) for path in folder.rglob("former.py")]:
            raise Failed(f"of the older version there is still {left}")
    version = system.run(f"{HOME}/.local/bin/neural-style", "--version").split()[-1]
    expect((system.path(PROJECT) / "server/protocol.py").read_text(encoding="utf-8"), f'VERSION = "{version}"')

    if gimp:
        with system.step("a picture through GIMP's scripting"):
            _paint_in_gimp(system)
        made_by = json.loads((plugin / "installation.json").read_text(encoding="utf-8"))["version"]
        if made_by != version:
            raise Failed(f"GIMP's plug-in is of version {made_by}")
        with system.step("plug-ins that belong to root, and the remedy"):
            _lose_to_root(system, plugin.parent)
    with system.step("doctor"):
        said = system.run("./install.sh", "--doctor", folder=PROJECT)
        report = json.loads(system.run("./install.sh", "--doctor", "--json", folder=PROJECT))
        if not report["good"] or "✗" in said:
            raise Failed(f"the doctor is not content:\n{said}")
    with system.step("run again"):
        expect(system.run("./install.sh", folder=PROJECT), "is up to date")
    with system.step("uninstall"):
        expect(system.run("./install.sh", "--uninstall", folder=PROJECT), "Neural Style is removed.")
    _expect_nothing_left(system)
    if system.name in WITH_PIPX:
        _way_of_pipx(system, gimp=gimp)


def _expect_nothing_left(system: System) -> None:
    deadline = time.monotonic() + 10  # an engine ends a little after its server
    while processes := _users_processes():
        if time.monotonic() > deadline:
            raise Failed(f"still running: {[Path('/proc', str(each), 'cmdline').read_bytes() for each in processes]}")
        time.sleep(0.1)
    if left := _left_behind(system):
        raise Failed(f"left behind by the uninstallation: {left[:20]}")


def _way_of_pipx(system: System, *, gimp: bool) -> None:
    """The wheel, by the distribution's own pipx; the plug-in comes from it, and goes again."""
    command = f"{HOME}/.local/bin/neural-style"
    with tempfile.TemporaryDirectory() as name:
        (wheel,) = build(Path(name)).glob("*.whl")
        shutil.copy(wheel, system.path(HOME))
    with system.step("pipx, with apt, and the wheel with it"):
        system.run("apt-get", "install", "-y", "--no-install-recommends", "pipx", user=False)
        system.run("pipx", "install", f"./{wheel.name}", folder=HOME)
    with system.step("its plug-in in GIMP; demo; a picture"):
        said = system.run(command, "install", "--demo", "--size=64", "--output", HOME, folder=HOME)
        expect(said, "Painted in", *(["knows the plug-in"] if gimp else []))
        if gimp:
            _paint_in_gimp(system)
        expect(system.run(command, "doctor"), "Everything works.")
    with system.step("and away with it"):
        expect(system.run(command, "uninstall"), "pipx uninstall gimp-neural-style")
        system.run("pipx", "uninstall", "gimp-neural-style")
    system.path(f"{HOME}/{wheel.name}").unlink()
    if left := list(system.path(f"{HOME}/.local/share/pipx/venvs").iterdir()):
        raise Failed(f"pipx still has {left}")
    for kept in ("share", "state"):  # a pip for all that it installs, and logs
        shutil.rmtree(system.path(f"{HOME}/.local/{kept}/pipx"), ignore_errors=True)
    _expect_nothing_left(system)


def _paint_in_gimp(system: System) -> None:
    agent = (REPOSITORY / "tests/gimp/agent.py").read_text(encoding="utf-8")
    result = f"{HOME}/painted in GIMP.png"
    case = PAINT.format(content=f"{PROJECT}/samples/content/harbour.jpg", result=result)
    script = system.path(f"{HOME}/case.py")
    script.write_text(f"{agent}\n{case}", encoding="utf-8")
    batch = f"exec(compile(open({HOME + '/case.py'!r}, encoding='utf-8').read(), 'case', 'exec'))"
    said = system.run("gimp-console", "-i", "--batch-interpreter=python-fu-eval", "-b", batch, "--quit", timeout=600)
    expect(said, "painted: ")
    if system.path(result).stat().st_size < 3_000:
        raise Failed(f"GIMP's picture is not one:\n{said}")
    script.unlink()


def _lose_to_root(system: System, folder: Path) -> None:
    """What somebody has who once ran the installer with sudo; the message's remedy has to help."""
    _do("chown", "--recursive", "root:root", str(folder))
    said = system.run("./install.sh", folder=PROJECT, status=3)
    inside = "/" + str(folder.relative_to(system.root))
    expect(said, f"I may not write to {inside}", "sudo chown -R")
    if not (folder / "neural-style/neural-style.py").is_file():
        raise Failed("the plug-in that was there is gone")
    system.run("chown", "-R", USER, inside, user=False)
    expect(system.run("./install.sh", folder=PROJECT), "knows the plug-in")


def _left_behind(system: System) -> list[str]:
    """Everything of ours in the home, besides the project's folders and the pictures that were painted."""
    home = system.path(HOME)
    ours = []
    for path in home.rglob("*"):
        inside = path.relative_to(home)
        if inside.parts[0] in (Path(PROJECT).name, Path(OLDER).name) or inside.name.startswith("neural-style-demo"):
            continue
        if "neural" in inside.name.lower() or "pip" in inside.parts:
            ours.append(str(inside))
    return ours


def main(arguments: list[str]) -> int:
    """Try the systems named (default: all); returns the exit status."""
    names = [each for each in arguments if each != "--inside"] or list(SYSTEMS)
    if unknown := [name for name in names if name not in SYSTEMS]:
        print(f"No such system: {', '.join(unknown)}. Known: {', '.join(SYSTEMS)}.", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("Only root can use root file systems.", file=sys.stderr)
        return 2
    if "--inside" not in arguments:
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        return subprocess.run(
            [*own, sys.executable, "-m", "tests.install.fresh_systems", "--inside", *names], cwd=REPOSITORY, check=False
        ).returncode
    failures = 0
    for name in names:
        print(f"Debian {name}:", flush=True)
        began = time.monotonic()
        try:
            with fresh(name) as system:
                whole_way(system)
        except (Failed, GimpUnavailable, subprocess.SubprocessError, OSError) as error:
            failures += 1
            print(f"\n✗ Debian {name}: {error}", flush=True)
        else:
            print(f"✓ Debian {name}: all good, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
