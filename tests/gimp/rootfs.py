"""Root file systems with a GIMP inside, made with debootstrap from the mirror this machine's apt uses.

They lie in ``${XDG_CACHE_HOME:-~/.cache}/gimp-neural-style-tests/rootfs/<suite>``, are made under another name and
renamed when complete, and are made anew when the recipe in this file changes. Needs root, Debian and about 1 GB each.
``NEURAL_STYLE_DEBIAN_MIRROR`` names a mirror where the machine's apt sources name none (on another distribution).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.gimp import apt
from tests.gimp.common import GimpUnavailable, cache_folder, gimp_version

PACKAGES = ("gimp", "xvfb", "xdotool", "openbox", "imagemagick", "x11-utils", "xfonts-base", "fonts-dejavu-core")
STAMP = ".neural-style-tests.json"
SPACE_NEEDED = 2 << 30  # bytes, while packages are unpacked
TIMEOUT = 1200  # seconds for one step of the making; a slow mirror is slow
DPKG_RULES = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/gimp/*/help/*
"""
# GIMP 3.2 loads its icons through glycin, which wants each loader in a bubblewrap sandbox. Without /proc (nothing is
# mounted in here) bubblewrap fails, and GIMP with it; with the words below glycin does without, as in a container.
NO_SANDBOX = """\
#!/bin/sh
echo "bwrap: Creating new namespace failed: this root file system is for tests and has no /proc" >&2
exit 1
"""
RECIPE = hashlib.sha256(repr((PACKAGES, DPKG_RULES, NO_SANDBOX, 1)).encode()).hexdigest()[:12]


def prepare(suite: str, series: str) -> tuple[Path, str]:
    """The complete root file system of ``suite`` and the version of its GIMP; makes it if it is not there.

    Raises GimpUnavailable with the reason and the remedy.
    """
    if not is_root():
        raise GimpUnavailable(
            f"There is no GIMP {series} with Xvfb, openbox, xdotool, imagemagick and xwininfo on this machine, and a "
            "root file system with one can be made and used only by root. Install them, or run the tests as root."
        )

    def fill(making: Path, source: apt.Source) -> str:
        version = _install_gimp(making, suite, source)
        if not version.startswith(series + "."):
            raise GimpUnavailable(f"Debian {suite} at {source.mirror} now holds GIMP {version or '?'}, not {series}.")
        return version

    target, stamp = made(suite, suite, RECIPE, f"GIMP {series}", fill)
    return target, stamp["gimp"]


def is_root() -> bool:
    """Whether this process may make root file systems and change into them."""
    return os.geteuid() == 0


def made(
    name: str, suite: str, recipe: str, what: str, fill: Callable[[Path, apt.Source], str]
) -> tuple[Path, dict[str, str]]:
    """The complete root file system ``name``, of ``suite``, and its stamp; makes it if no such one of this recipe is there.

    Args:
        name: of the folder.
        suite: of Debian.
        recipe: changes whenever it has to be made anew.
        what: it is for, in words.
        fill: does what is to be done in the minimal system, and returns the version of what it holds.

    Raises:
        GimpUnavailable: it cannot be made; with the reason and the remedy.
    """
    target = cache_folder() / "rootfs" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent / f".{name}.lock"):
        stamp = _read_stamp(target, recipe)
        if stamp is None:
            _make(target, suite, recipe, what, fill)
            stamp = _read_stamp(target, recipe)
    if stamp is None:
        raise GimpUnavailable(f"{target} was made, but cannot be read. Delete that folder and run the tests again.")
    return target, stamp


def is_made(name: str, recipe: str) -> bool:
    """Return whether :func:`made` would find the root file system there."""
    return _read_stamp(cache_folder() / "rootfs" / name, recipe) is not None


def _read_stamp(target: Path, recipe: str) -> dict[str, str] | None:
    """The stamp of a complete root file system made by this recipe, else None."""
    try:
        stamp: dict[str, str] = json.loads((target / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp if stamp.get("recipe") == recipe else None


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; waits for another run that makes the same thing."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(target: Path, suite: str, recipe: str, what: str, fill: Callable[[Path, apt.Source], str]) -> None:
    """Make the root file system under another name and rename it when it is complete."""
    began = time.monotonic()
    for leftover in target.parent.glob(f"{target.name}.making-*"):
        _remove_tree(leftover)
    if shutil.disk_usage(target.parent).free < SPACE_NEEDED:
        raise GimpUnavailable(
            f"{target.parent} has less than {SPACE_NEEDED >> 30} GB free, too little for a root file system. "
            "Free some space, or set XDG_CACHE_HOME to a larger disk."
        )
    with _lock(target.parent / ".debootstrap.lock"):
        debootstrap = _find_debootstrap()
    source = apt.debian_source(suite)
    _say(f"{what}: making a root file system of Debian {suite} in {target} (once, about two minutes)")
    making = Path(tempfile.mkdtemp(prefix=f"{target.name}.making-", dir=target.parent))
    making.chmod(0o755)
    try:
        _bootstrap(debootstrap, making, suite, source)
        version = fill(making, source)
        (making / STAMP).write_text(json.dumps({"recipe": recipe, "suite": suite, "gimp": version}))
        if target.exists():
            _remove_tree(target)
        making.rename(target)
    except BaseException:
        _remove_tree(making)
        raise
    _say(f"{what}: {version} is ready after {time.monotonic() - began:.0f} s")


def _find_debootstrap() -> str:
    """The debootstrap program, installed with apt if it is missing."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = shutil.which("debootstrap", path=path)
    if found is None and shutil.which("apt-get"):
        _say("debootstrap is missing; installing it with apt-get")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"]
        if subprocess.run(install, capture_output=True, env=environment).returncode != 0:
            step(["apt-get", "update"], environment, "refresh the package lists")
            step(install, environment, "install debootstrap")
        found = shutil.which("debootstrap", path=path)
    if found is None:
        raise GimpUnavailable("debootstrap is missing and cannot be installed here. Install it, or a GIMP 3.")
    return found


def _bootstrap(debootstrap: str, making: Path, suite: str, source: apt.Source) -> None:
    """Fill ``making`` with a minimal system."""
    scripts = Path("/usr/share/debootstrap/scripts")
    environment = {**os.environ, **apt.proxies(), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    environment["PATH"] = environment.get("PATH", "") + ":/usr/sbin:/sbin"
    # Its mounts of /proc and /sys live in a mount namespace of their own, so that none is ever left behind.
    private = ["unshare", "--mount"] if _works(["unshare", "--mount", "true"]) else []
    with tempfile.TemporaryDirectory(prefix="neural-style-debootstrap-", dir="/tmp") as folder:
        target = Path(folder) / "root"
        target.symlink_to(making)  # debootstrap does not quote its target everywhere, and a home can have a space
        command = [*private, debootstrap, "--variant=minbase"]
        if source.keyring:
            command.append(f"--keyring={source.keyring}")
        command += [suite, str(target), source.mirror]
        if not (scripts / suite).exists() and (scripts / "sid").exists():
            command.append(str(scripts / "sid"))  # every Debian suite since 2005 is made as sid is
        step(command, environment, f"debootstrap {suite}", log=making / "debootstrap" / "debootstrap.log")


def install(making: Path, suite: str, source: apt.Source, packages: Sequence[str]) -> None:
    """Install packages inside a root file system in the making, and drop what only takes room."""
    (making / "etc/dpkg/dpkg.cfg.d/neural-style-tests").write_text(DPKG_RULES)
    policy = making / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")  # no service is to be started in here
    policy.chmod(0o755)
    apt.carry_configuration(making)
    environment = inside_environment(apt.proxies())
    update = ["chroot", str(making), "apt-get", "update", "-o", "APT::Update::Error-Mode=any"]
    listing = making / "etc/apt/sources.list"
    listing.write_text(f"deb {source.mirror} {suite} main\n")
    if not _works(update, environment):
        # A mirror's snapshot of a testing suite can be past its date; its signature is checked all the same.
        listing.write_text(f"deb [check-valid-until=no] {source.mirror} {suite} main\n")
        step(update, environment, f"read the package lists of {suite}")
    command = ["chroot", str(making), "apt-get", "install", "-y", "--no-install-recommends", *packages]
    step(command, environment, f"install {packages[0]} from {suite}")
    step(["chroot", str(making), "apt-get", "clean"], environment, "drop the downloaded packages")
    for lists in (making / "var/lib/apt/lists").iterdir():
        shutil.rmtree(lists) if lists.is_dir() else lists.unlink()


def _install_gimp(making: Path, suite: str, source: apt.Source) -> str:
    """Install GIMP and the display tools inside; returns GIMP's version."""
    install(making, suite, source, PACKAGES)
    sandbox = making / "usr/bin/bwrap"
    if sandbox.exists():
        sandbox.write_text(NO_SANDBOX)
    # GIMP hands pictures to plug-ins through POSIX shared memory; a plain folder serves where nothing is mounted.
    shm = making / "dev/shm"
    shm.mkdir(exist_ok=True)
    shm.chmod(0o1777)
    return gimp_version(["chroot", str(making), "gimp-console"])


def inside_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program in a root file system: nothing of this machine's but what ``extra`` names."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        **(extra or {}),
    }


def _works(command: list[str], environment: Mapping[str, str] | None = None) -> bool:
    try:
        return subprocess.run(command, capture_output=True, env=environment, timeout=TIMEOUT).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def step(command: list[str], environment: Mapping[str, str], what: str, log: Path | None = None) -> None:
    """Run one command of the making; raises GimpUnavailable with the end of what it printed."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GimpUnavailable(f"Could not {what}: {error}") from error
    if done.returncode != 0:
        printed = done.stdout + (log.read_text(errors="replace") if log and log.exists() else "")
        tail = "\n".join(printed.strip().splitlines()[-15:])
        raise GimpUnavailable(f"Could not {what} (exit status {done.returncode}):\n{tail}")


def _remove_tree(tree: Path) -> None:
    """Remove a root file system; never crosses into a mount that something left in it."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(tree)], check=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
