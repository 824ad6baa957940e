"""A root file system with Wine and a Windows Python in it, which has what the server needs: made once, in the tests' cache.

    python -m tests.wine.windows        # make it if it is missing: root, Debian, a network, 3 GB, some minutes

Nothing of it is in the repository, and nothing comes from anywhere but the machine's mirrors of Debian and PyPI:

- Wine 10, from Debian 13 (Debian 12's is too old for torch);
- CPython's own libraries for Windows, from the wheel of ``panda3d``, which carries them; what is written in Python of the
  standard library from Debian's ``libpython3.13-stdlib``, without what Debian left out;
- ``python.exe`` and ``python3.dll``, a few lines each, compiled there with mingw-w64;
- the wheels for Windows of all that the project depends on, and of pytest;
- Microsoft's C++ libraries, from the wheel of ``msvc-runtime``, as torch wants them beside it; and the functions with
  complex numbers that Wine's C library lacks, taken from mingw-w64's (:mod:`tests.wine.complex_numbers`).
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.gimp import apt, rootfs
from tests.gimp.common import REPOSITORY, GimpUnavailable
from tests.wine import complex_numbers

SUITE, PYTHON = "trixie", "3.13"
PACKAGES = ("wine", "wine64", "libpython3.13-stdlib", "python3.13-venv", "gcc-mingw-w64-ucrt64")
#: Wheels that are taken apart for what is in them: the same ones each time, as their insides are known.
PARTS = ("panda3d==1.10.16", "msvc-runtime==14.51.36231")
#: What the tests need there beside what pyproject.toml says.
TESTS = ("pytest>=8", "hypothesis>=6.100", "setuptools>=77", "wheel")
#: The folder with all of ours in it, as Linux and as Windows call it; the repository appears in it as ``project``.
FOLDER, DRIVE = "windows", r"Z:\windows"
PREFIX = "/windows/prefix"
#: What builds the project's package, for an installation without a network.
WHEELS = "/windows/wheels"
WINE = "/usr/lib/wine/wine64"  # not the script around it, which wants to talk about 32 bits
PYTHON_EXE = rf"{DRIVE}\python\python.exe"

_CPP = ("vcruntime140", "vcruntime140_1", "msvcp140", "msvcp140_1", "msvcp140_2", "concrt140", "vcomp140")
_LAUNCHER = (Path(__file__).parent / "launcher.c").read_text("utf-8")
# pip chooses wheels for another system, but what they depend on for this one: as if this one were Windows.
_PIP = f"""
import pip._vendor.packaging.markers as markers
here = markers.default_environment
there = dict(sys_platform="win32", platform_system="Windows", os_name="nt", platform_machine="AMD64",
             python_version="{PYTHON}", python_full_version="{PYTHON}.5")
markers.default_environment = lambda: {{**here(), **there}}
from pip._internal.cli.main import main
raise SystemExit(main())
"""
GCC, _OBJDUMP = "x86_64-w64-mingw32ucrt-gcc", "x86_64-w64-mingw32ucrt-objdump"


def prepare() -> Path:
    """The complete root file system; makes it if it is not there.

    Raises:
        GimpUnavailable: it cannot be made; with the reason.
    """
    if not rootfs.is_root():
        raise GimpUnavailable("Wine's root file system can be made and used only by root.")
    target, _ = rootfs.made("wine", SUITE, _recipe(), f"Wine with Python {PYTHON} for Windows", _fill)
    return target


def is_made() -> bool:
    """Return whether :func:`prepare` would find the root file system there."""
    return rootfs.is_root() and rootfs.is_made("wine", _recipe())


def _recipe() -> str:
    parts = (PACKAGES, PARTS, TESTS, requirements(), _LAUNCHER, complex_numbers.VERSION, 1)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def requirements() -> list[str]:
    """What pyproject.toml says is needed to run the project, without marks of where."""
    text = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    found = re.search(r"^dependencies = \[(.*?)^\]$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    listed = re.findall(r'^\s*"(.+?)"', found.group(1), re.MULTILINE)
    return [each for each in listed if not each.endswith("sys_platform != 'win32'")]


def _fill(making: Path, source: apt.Source) -> str:
    rootfs.install(making, SUITE, source, PACKAGES)
    folder = making / FOLDER
    python = folder / "python"
    (folder / "project").mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=making.parent) as name:
        wheels = Path(name)
        _pip("download", "--no-deps", "--dest", name, *PARTS)
        _unpack_python(making, python, wheels)
    _compile_launchers(making, python)
    _give_environments(making, python)
    site = python / "Lib/site-packages"
    _pip("install", "--no-compile", "--target", str(site), *requirements(), *TESTS)
    complex_numbers.supply(making, FOLDER, [python / "python313.dll", *site.rglob("*.dll"), *site.rglob("*.pyd")])
    rootfs.step(
        _once(making, f"{WINE} wineboot --init && wineserver --wait"), inside_environment(), "let Wine make its folders"
    )
    tried = _once(making, f"{WINE} '{PYTHON_EXE}' -c 'import torch' && wineserver --wait")
    rootfs.step(tried, inside_environment(), "import torch for Windows")
    return f"Wine with Python {PYTHON}"


def _once(root: Path, inner: str) -> list[str]:
    """The command that runs one of the shell in there, with /proc, which Wine needs, and ends what is left at its end."""
    mounted = f'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c {shlex.quote(inner)}'
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return [*own, "/bin/sh", "-c", mounted, str(root)]


def inside_environment() -> dict[str, str]:
    """The environment of a Windows program in there."""
    return {
        **rootfs.inside_environment(),
        "WINEPREFIX": PREFIX,
        "WINEDEBUG": "-all",
        # Nothing of .NET or of menus; Microsoft's C++ libraries, which lie beside Python, before Wine's.
        "WINEDLLOVERRIDES": f"mscoree,mshtml,winemenubuilder.exe=;{','.join(_CPP)}=n,b",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
    }


def _pip(command: str, *arguments: str) -> None:
    """Let this machine's pip fetch for Windows.

    Raises:
        GimpUnavailable: it cannot.
    """
    kind = ["--platform", "win_amd64", "--python-version", PYTHON, "--only-binary", ":all:"]
    done = subprocess.run(
        [sys.executable, "-c", _PIP, command, "--quiet", "--disable-pip-version-check", *kind, *arguments],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if done.returncode:
        raise GimpUnavailable(f"pip cannot fetch what is needed for Windows:\n{done.stderr[-3000:]}")


def _unpack_python(making: Path, python: Path, wheels: Path) -> None:
    """Lay out an interpreter as on Windows, but for its programs."""
    shutil.copytree(making / "usr/lib/python3.13", python / "Lib", symlinks=False, ignore_dangling_symlinks=True)
    shutil.rmtree(python / "Lib/lib-dynload", ignore_errors=True)
    (python / "DLLs").mkdir()
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as file:
            for name in file.namelist():
                path = Path(name)
                if path.parts[0] == "deploy_libs" and "cp313t" not in name and "python313t" not in name:
                    beside = path.suffix == ".dll" and path.stem in ("python313", "vcruntime140", "vcruntime140_1")
                    target = python / ("" if beside else "DLLs") / path.name
                elif "data/Scripts" in name:
                    target = python / path.name
                else:
                    continue
                target.write_bytes(file.read(name))


def _compile_launchers(making: Path, python: Path) -> None:
    """Make ``python.exe``, which runs python313.dll, and ``python3.dll``, which passes its functions on."""
    (python / "launcher.c").write_text(_LAUNCHER)
    table = subprocess.run(
        ["chroot", str(making), _OBJDUMP, "-p", f"/{FOLDER}/python/python313.dll"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = re.findall(r"^\s+\[\s*\d+\]\s+\+base\[\s*\d+\]\s+[0-9a-f]+\s+(\w+)$", table, re.MULTILINE)
    if len(names) < 1000:
        raise GimpUnavailable("The functions of python313.dll cannot be read from what objdump says.")
    lines = "".join(f"  {name} = python313.{name}\n" for name in names)
    (python / "python3.def").write_text(f"LIBRARY python3\nEXPORTS\n{lines}")
    (python / "nothing.c").write_text("int DllMain(void *a, unsigned b, void *c) { return 1; }\n")
    compilations = (
        ["-municode", "-o", "python.exe", "launcher.c"],
        ["-shared", "-nostdlib", "-Wl,-e,DllMain", "-o", "python3.dll", "nothing.c", "python3.def"],
    )
    for arguments in compilations:
        rootfs.step(
            ["chroot", str(making), "/bin/sh", "-c", f"cd /{FOLDER}/python && exec {GCC} {' '.join(arguments)}"],
            rootfs.inside_environment(),
            f"compile {arguments[2]}",
        )


def _give_environments(making: Path, python: Path) -> None:
    """Supply what Debian leaves out: the programs that venv copies, and the pip that ensurepip installs."""
    programs = python / "Lib/venv/scripts/nt"
    programs.mkdir()
    for name in ("venvlauncher.exe", "venvwlauncher.exe"):
        shutil.copy(python / "python.exe", programs / name)
    bundled = python / "Lib/ensurepip/_bundled"
    bundled.mkdir(exist_ok=True)
    text = (python / "Lib/ensurepip/__init__.py").read_text("utf-8")
    version = re.search(r"^_PIP_VERSION = ['\"](.+)['\"]", text, re.MULTILINE)
    if version is None:
        raise GimpUnavailable("Debian's ensurepip does not say which pip it wants.")
    _pip("download", "--no-deps", "--dest", str(bundled), f"pip=={version.group(1)}")
    wheels = making / WHEELS.lstrip("/")
    wheels.mkdir()
    _pip("download", "--no-deps", "--dest", str(wheels), "setuptools>=77", "wheel")


if __name__ == "__main__":
    try:
        print(prepare())
    except GimpUnavailable as error:
        sys.exit(str(error))
