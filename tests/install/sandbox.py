"""A GIMP from Flatpak, as far as one can be had without Flatpak's own download: GIMP 3.2 of another system in bubblewrap.

    unshare --mount --pid --fork --kill-child --mount-proc python -m tests.install.sandbox FOLDER RUNTIME WHEEL [--paint]

RUNTIME, the root file system with GIMP 3.2, is what Flatpak's runtime is: the sandbox's own programs and its own
Python. As Flatpak's manifest of GIMP has it, the user's files and the network are shared; the processes and the
session's runtime folder with its D-Bus are not. Outside there is a real systemd of the user, in namespaces of its own that
end with this script. FOLDER is for the home, WHEEL a pyzmq for the sandbox's Python. Prints one JSON object with what was
seen.

What it lacks is Flatpak's own helper, with which GTK has pictures encoded: a painted result has to do without the small
copy of its style there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gimp_plugin import assemble
from installer.common import places
from installer.environment import environment
from installer.gimps import units
from tests.gimp.common import REPOSITORY

APPLICATION = "[Application]\nname=org.gimp.GIMP\nruntime=runtime/org.gnome.Platform/x86_64/48\n"
#: Runs in the sandbox, by its Python, as the plug-in does it.
CONNECT = """
import json, sys, time
from pathlib import Path
plugin = Path(sys.argv[1])
sys.path[:0] = [str(plugin), str(plugin / "vendor")]
from server.client.client import Client, ServerError
made_for = json.loads((plugin / "installation.json").read_text())
began = time.monotonic()
try:
    with Client.connect(folder=made_for["folder"], server_command=made_for["server_command"]) as client:
        said = {"server": client.welcome["pid"]}
except ServerError as error:
    said = {"code": error.code, "remedy": error.remedy}
print(json.dumps({**said, "python": sys.version_info[:2], "seconds": round(time.monotonic() - began, 2)}))
"""


@contextmanager
def session(folder: Path) -> Iterator[None]:
    """A user's session with a systemd of its own; needs a mount namespace that may be changed."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    Path("/run/systemd/system").mkdir(parents=True)  # by this systemd knows that the machine was started by one
    runtime = Path("/run/user/0")
    runtime.mkdir(parents=True, mode=0o700)
    os.environ |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)}
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    with (
        (folder / "systemd.log").open("wb") as log,
        subprocess.Popen(["/usr/lib/systemd/systemd", "--user", "--log-target=console"], stdout=log, stderr=log) as manager,
    ):
        try:
            deadline = time.monotonic() + 60
            while subprocess.run(
                ["systemctl", "--user", "is-system-running"], capture_output=True, text=True, check=False
            ).stdout.strip() not in ("running", "degraded"):
                if time.monotonic() > deadline or manager.poll() is not None:
                    raise RuntimeError(f"systemd does not start: {(folder / 'systemd.log').read_text()[-1000:]}")
                time.sleep(0.05)
            yield
        finally:
            manager.terminate()


def command(home: Path, runtime: Path, *inner: str) -> list[str]:
    """The command line that runs ``inner`` in the sandbox."""
    application = home / "flatpak-info"
    application.write_text(APPLICATION)
    own = home / ".var/app/org.gimp.GIMP"
    own.mkdir(parents=True, exist_ok=True)
    shown = [part for name in ("bin", "lib", "lib64", "sbin") for part in ("--symlink", f"usr/{name}", f"/{name}")]
    variables = {
        "HOME": home,
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "XDG_RUNTIME_DIR": "/run/user/0",
        "PYTHONUNBUFFERED": "1",
        "XDG_DATA_HOME": own / "data",
        "XDG_STATE_HOME": own / ".local/state",
        "XDG_CACHE_HOME": own / "cache",
        "XDG_CONFIG_HOME": own / "config",
        "GIMP3_DIRECTORY": home / ".config/GIMP/3.2",
        "FLATPAK_ID": "org.gimp.GIMP",
    }  # GIMP's manifest maps xdg-config/GIMP; the variable does so here
    given = [part for name, value in variables.items() for part in ("--setenv", name, str(value))]
    return [
        "bwrap",
        "--unshare-pid",
        "--die-with-parent",
        "--clearenv",
        *given,
        "--ro-bind",
        str(runtime / "usr"),
        "/usr",
        "--ro-bind",
        str(runtime / "etc"),
        "/etc",
        *shown,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/run",
        "--dir",
        "/run/user/0",
        "--bind",
        str(home),
        str(home),
        "--ro-bind",
        str(application),
        "/.flatpak-info",
        "--chdir",
        str(home),
        *inner,
    ]


def install(own: places.Places, wheel: Path) -> Path:
    """What the installer makes for such a GIMP, with an environment that borrows this Python's packages."""
    venv.create(own.venv, with_pip=False, symlinks=True)
    site = next(own.venv.glob("lib/python3*/site-packages"))
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{REPOSITORY}\n", encoding="utf-8")
    plugin = own.gimp / "3.2" / "plug-ins" / "neural-style"
    version = environment.read_checkout(REPOSITORY).version
    made_for = assemble.installation(version, own.python, folder=str(own.state), user_styles=str(own.user_styles))
    assemble.assemble(plugin, REPOSITORY, made_for, wheel)
    return plugin


def _ask(home: Path, runtime: Path, plugin: Path) -> dict[str, Any]:
    done = subprocess.run(
        command(home, runtime, "/usr/bin/python3", "-c", CONNECT, str(plugin)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _paint(home: Path, runtime: Path) -> str:
    from tests.install.fresh_systems import PAINT

    agent = (REPOSITORY / "tests/gimp/agent.py").read_text(encoding="utf-8")
    photo = home / "photo.jpg"
    photo.write_bytes((REPOSITORY / "samples/content/harbour.jpg").read_bytes())
    case = PAINT.format(content=str(photo), result=str(home / "painted.png"))
    (home / "case.py").write_text(f"{agent}\n{case}", encoding="utf-8")
    batch = f"exec(compile(open({str(home / 'case.py')!r}, encoding='utf-8').read(), 'case', 'exec'))"
    done = subprocess.run(
        command(home, runtime, "gimp-console", "-i", "--batch-interpreter=python-fu-eval", "-b", batch, "--quit"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    return done.stdout


def main() -> int:
    """Bring it about and print what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("runtime", type=Path)
    parser.add_argument("wheel", type=Path, help="pyzmq for the sandbox's Python")
    parser.add_argument("--paint", action="store_true", help="start GIMP in the sandbox and let it paint")
    options = parser.parse_args()
    home = options.folder
    seen: dict[str, Any] = {}
    with session(home):
        own = places.find()
        plugin = install(own, options.wheel)
        seen["nobody watches"] = _ask(home, options.runtime, plugin)
        seen["installed"] = units.install(own)
        if options.paint:
            seen["gimp"] = _paint(home, options.runtime)
        seen["watched"] = _ask(home, options.runtime, plugin)
        subprocess.run(
            [own.python, "-m", "server.cli.main", "server", "stop", "--folder", str(own.state)],
            check=False,
            capture_output=True,
            env={**os.environ, "NEURAL_STYLE_FOLDER": str(own.state)},
        )
        seen["again"] = _ask(home, options.runtime, plugin)
        log = subprocess.run(
            ["systemctl", "--user", "show", "-P", "MainPID", units.NAME], capture_output=True, text=True, check=True
        )
        seen["unit's process"] = int(log.stdout)
        units.remove(own)
        seen["left"] = sorted(str(path.relative_to(home)) for path in (home / ".config/systemd").rglob("*.*"))
    print(json.dumps(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
