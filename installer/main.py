"""What ``./install.sh`` does, in order."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from installer import doctor, offline, uninstall
from installer.common import console, record, remedies, system
from installer.common.errors import InstallError, from_os_error
from installer.common.places import Places, find, make_folder, missing_folders, remove_empty
from installer.common.processes import clean_environment
from installer.environment import environment
from installer.gimps import gimps, plugins, units

#: The project's folder; in a wheel, the folder that it carries.
REPOSITORY = Path(__file__).resolve().parent.parent


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=system.INSTALLER,
        description="Install Neural Style for this user: the painting server, the command line and the GIMP plug-in. "
        "Run it again to upgrade.",
        epilog=f"It honours {remedies.places()}, pip's configuration, and PIP_CACHE_DIR (without it nothing is kept in "
        "pip's cache).",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", action="store_true", help="install, then paint a sample photograph")
    what.add_argument("--doctor", action="store_true", help="say what is wrong and how to mend it")
    what.add_argument("--uninstall", action="store_true", help="remove everything, except your own styles")
    what.add_argument("--gimps-json", action="store_true", help=argparse.SUPPRESS)  # for neural-style doctor
    what.add_argument(
        "--download",
        type=Path,
        metavar="FOLDER",
        help="only fill FOLDER with what an installation downloads, for --offline on another computer",
    )
    parser.add_argument(
        "--offline", type=Path, metavar="FOLDER", help="take every package from FOLDER, and nothing from the network"
    )
    parser.add_argument(
        "--device",
        "--torch",
        dest="torch",
        choices=("auto", "cuda", "cuda126", "cpu", "rocm"),
        default="auto",
        help="what to paint on, which decides the build of PyTorch: an NVIDIA GPU, an older one or one with an older "
        "driver, the processor, an AMD GPU (default: what fits this machine; cuda126 and rocm only when asked for)",
    )
    parser.add_argument(
        "--packages-of",
        type=Path,
        metavar="PYTHON",
        help="use the PyTorch that this Python (of the same version) has, instead of downloading one",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where --demo writes (default: your pictures)")
    parser.add_argument("--size", type=int, default=384, metavar="PIXELS", help="longest side of --demo's picture")
    parser.add_argument("--json", action="store_true", help="with --doctor: what it finds as JSON, for bug reports")
    options = parser.parse_args(arguments)
    if options.json and not options.doctor:
        parser.error("--json goes with --doctor")
    return options


@contextlib.contextmanager
def locked(places: Places) -> Iterator[list[Path]]:
    """Hold the lock against a second run; gives the folders that had to be made for it.

    Raises:
        InstallError: another run holds it.
    """
    made = make_folder(places.data)
    try:
        handle = open(places.lock, "a+")  # noqa: SIM115  # closed below, after the folder may have gone
        try:
            if not system.try_lock(handle):
                raise InstallError(
                    f"Another {system.INSTALLER} is running{_holder(handle)}.",
                    "Wait until it has finished, then try again.",
                )
            handle.truncate(0)
            handle.write(f"process {os.getpid()}, since {time.strftime('%H:%M')}\n")
            handle.flush()
            yield made
        finally:
            handle.close()
    finally:
        if places.data.is_dir() and {path.name for path in places.data.iterdir()} <= {places.lock.name}:
            places.lock.unlink(missing_ok=True)  # a first run that failed leaves nothing
            remove_empty([*made, places.data])


def _holder(lock: IO[str]) -> str:
    """Return who holds the lock, in brackets, as its file says; nothing if the holder has not written it yet."""
    lock.seek(0)
    text = lock.read(100).strip()
    return f" ({text})" if re.fullmatch(r"process \d+, since \d\d:\d\d", text) else ""


def install(places: Places, options: argparse.Namespace, made: list[Path]) -> bool:
    """Install or upgrade; returns whether every GIMP that was found knows the plug-in.

    Raises:
        InstallError: something is missing.
        OSError: a file cannot be written.
    """
    started = time.monotonic()
    checkout = environment.read_checkout(REPOSITORY)
    known = record.load(places)
    known.note_folders(made)
    environment.remove_leftovers(places)
    if places.environment is not None:
        _adopt(places, checkout, options, known)
    else:
        if not environment.needs_nothing(places, checkout, options.torch):
            uninstall.make_room(places)
        if not environment.make(places, checkout, options.torch, options.packages_of):
            console.good(f"Neural Style {checkout.version} is up to date")
        known.environment = ""
        known.note_folders(make_folder(places.link.parent))
    make_folder(places.user_styles)
    for folder in (places.state, places.cache):  # the server and the plug-in will make these
        known.note_folders(missing_folders(folder.parent))
    record.save(places, known)
    if places.environment is None:
        _link(places)

    if gimps.has_flatpak(places):
        known.note_folders(make_folder(places.units))
        units.install(places)
        record.save(places, known)
    found = gimps.find(places)
    all_good = True
    for gimp in found.gimps:
        try:
            plugins.install(places, checkout, gimp, known, sandbox=found.flatpak)
            all_good = plugins.tell_registered(gimp, known) and all_good
        except InstallError as error:  # the other GIMPs shall have theirs
            console.fail(error)
            all_good = False
        except OSError as error:
            console.fail(from_os_error(error))
            all_good = False
        finally:
            record.save(places, known)
    for text in found.others:
        console.warn(text)
    _say_next(places, found, started)
    return all_good


def _adopt(places: Places, checkout: environment.Checkout, options: argparse.Namespace, known: record.Record) -> None:
    """Take the environment that this runs in, and remove the one that the project's script had made before."""
    same = known.environment == str(places.venv) and options.torch == "auto"
    if not (same and uninstall.server_version(places) == checkout.version):
        uninstall.make_room(places)
    environment.adopt(places, checkout, options.torch)
    known.environment = str(places.venv)
    if places.own_venv.is_dir() and places.own_venv.resolve() != places.venv.resolve():
        uninstall.remove_link(dataclasses.replace(places, environment=None))
        shutil.rmtree(places.own_venv)
        console.detail(f"The environment of the former installation ({places.own_venv}) is not needed any more: removed.")


def _link(places: Places) -> None:
    target = places.command
    if places.windows:  # links are for administrators there
        places.link.write_text('@"%~dp0venv\\Scripts\\neural-style.exe" %*\n', encoding="ascii", newline="\r\n")
        return
    if places.link.is_symlink() and not places.link.exists():
        places.link.unlink()  # points to something that is gone
    if os.path.lexists(places.link) and places.link.resolve() != target.resolve():
        console.warn(f"{places.link} is something else and stays; the command is {target}")
        return
    uninstall.remove_link(places)
    places.link.symlink_to(target)
    if not _on_path(places):
        console.detail(
            f"The command neural-style is {places.link}; that folder is not on your PATH ({remedies.find_command()})."
        )


def _on_path(places: Places) -> bool:
    return str(places.link.parent) in os.environ.get("PATH", "").split(os.pathsep)


def _say_next(places: Places, found: gimps.Found, started: float) -> None:
    print()
    print(f"Installed in {time.monotonic() - started:.0f} s.")
    if found.gimps:
        again = "Restart GIMP (it looks for plug-ins when it starts)" if gimps.running() else "Start GIMP"
        print(f"{again}, open a picture and choose {gimps.MENU}")
    else:
        print(f"No GIMP 3 was found, so only the command line is installed. Get GIMP 3 from {gimps.WHERE_TO_GET}")
        print(f"or from your distribution, then run {system.INSTALLER} again.")
    quoted = f'"{places.link}"' if places.windows else shlex.quote(str(places.link))
    command = "neural-style" if system.PACKAGED or _on_path(places) else quoted
    print(f"Without GIMP: {command} style photo.jpg painting.jpg -o result.png")
    print(f"Your own style pictures go into {places.user_styles}", flush=True)


def demo(places: Places, options: argparse.Namespace) -> int:
    """Paint the sample photograph through the server; returns the exit status.

    Raises:
        InstallError: the samples or the folder for the result are missing.
    """
    samples = REPOSITORY / "samples"
    content, style = samples / "content" / "harbour.jpg", samples / "styles" / "starlit-oil.jpg"
    if not content.is_file() or not style.is_file():
        raise InstallError(f"The sample pictures are missing in {samples}.", "Get a fresh clone and try again.")
    current = Path.cwd()
    folder = (current / options.output) if options.output is not None else places.pictures(current)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InstallError(f"I cannot write the demo's pictures to {folder}.", "Choose a folder with --output FOLDER.")
    result, beside = folder / "neural-style-demo.png", folder / "neural-style-demo-side-by-side.png"
    print()
    console.step(f"Painting {content.name} like {style.name}")
    done = subprocess.run(
        [places.command, "style", content, style, "-o", result, "--side-by-side", beside, "--size", str(options.size)],
        env=clean_environment(),
        check=False,
    )
    if done.returncode:
        console.warn(f"The demo did not end well; {system.DOCTOR} looks for the reason.")
        return done.returncode
    return 0


def gimps_json(places: Places) -> None:
    """Print every GIMP and the state of its plug-in as JSON."""
    found = gimps.find(places)
    stamp = environment.read_stamp(places)
    version = environment.read_checkout(REPOSITORY).version if system.PACKAGED else stamp["version"] if stamp else None
    entries = []
    for gimp in found.gimps:
        registered, text = gimps.is_registered(gimp) if gimp.program and gimp.plugin.is_dir() else (None, "")
        fields = {
            name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(gimp).items()
        }
        entries.append(
            {
                **fields,
                "plugin": str(gimp.plugin),
                "installed": gimp.plugin.is_dir(),
                "registered": registered,
                "said": text,
                "faults": plugins.faults(gimp, version),
            }
        )
    print(json.dumps({"gimps": entries, "others": list(found.others)}))


def main(arguments: list[str] | None = None) -> int:
    """Run the installer; returns the exit status."""
    options = parse(arguments)
    # Ending the terminal must clean up like Ctrl+C does.
    for number in system.ENDINGS:
        if number == signal.SIGINT:  # is so already, or ignored: in a shell's background
            continue
        signal.signal(number, signal.default_int_handler)
    try:
        places = find()
        if system.PACKAGED:
            places = dataclasses.replace(places, environment=Path(sys.prefix))
        if options.gimps_json:
            gimps_json(places)
            return 0
        if system.is_root_for_another():
            console.warn("Running with sudo installs for root, not for you; sudo is not needed.")
        if options.doctor:
            return doctor.run(places, REPOSITORY, as_json=options.json)
        if options.offline is not None:
            offline.use(options.offline)
        if options.download is not None:
            offline.download(environment.read_checkout(REPOSITORY), options.download.absolute(), options.torch)
            return 0
        if options.uninstall:
            with locked(places):
                uninstall.run(places)
            return 0
        with locked(places) as made:
            all_good = install(places, options, made)
        status = demo(places, options) if options.demo else 0
        return status or (0 if all_good else 3)
    except InstallError as error:
        console.fail(error)
    except OSError as error:
        console.fail(from_os_error(error))
    except KeyboardInterrupt:
        console.fail(InstallError("Interrupted; nothing half made is left.", f"Run {system.INSTALLER} again to go on."))
        return 130
    return 1
