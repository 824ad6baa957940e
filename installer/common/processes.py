"""Running other programs: a clean environment, deadlines, and pip with its failures in words."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from installer.common import remedies, system
from installer.common.errors import InstallError, disk_full

_NETWORK = re.compile(
    r"name resolution|Name or service not known|NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|"
    r"Connection (?:refused|reset|aborted|broken)|ProxyError|Network is unreachable|SSLError|IncompleteRead|"
    r"Max retries exceeded",
    re.IGNORECASE,
)
_FULL = re.compile(r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]", re.IGNORECASE)


#: Names a folder of wheels that pip takes everything from, instead of from an index; set by ``--offline``.
OFFLINE = "NEURAL_STYLE_WHEELS"


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a program of the virtual environment, without another Python's settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    }
    environment.update(extra or {})
    return environment


def answer(
    command: Sequence[str | os.PathLike[str]], timeout: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run ``command`` and return its exit code and what it printed.

    A program that cannot be started or does not end within ``timeout`` seconds answers with the code 127 or 124.
    """
    try:
        with _started(command, clean_environment() if environment is None else environment) as process:
            try:
                text, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                system.end_group(process)
                return 124, process.communicate()[0]
            return process.returncode, text
    except OSError as error:
        return 127, str(error)


@contextlib.contextmanager
def _started(command: Sequence[str | os.PathLike[str]], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a program in a group of its own and end the whole group if we are interrupted.

    Ending only the program itself would leave its children writing into a folder that is being removed.
    """
    with system.start_group(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        text=True,
        errors="replace",
    ) as process:
        try:
            yield process
        except BaseException:  # Ctrl-C above all; it goes on its way
            system.end_group(process)
            raise


class PipError(InstallError):
    """pip failed; ``reason`` is ``'network'``, ``'full'`` (the disk) or ``'other'``."""

    def __init__(self, reason: str, sentence: str, remedy: str, details: str) -> None:
        super().__init__(sentence, remedy, details)
        self.reason = reason


def pip(
    python: Path,
    arguments: Sequence[str | os.PathLike[str]],
    *,
    temporary: Path,
    show: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run pip of the interpreter ``python``.

    Its downloads go through ``temporary``, because /tmp is often a small memory disk. pip's cache is used only if
    the user has asked for one, since a cache of our own would double the disk space.

    Raises:
        PipError: pip failed; the sentence says why.
    """
    variables = clean_environment(environment)
    variables["TMPDIR"] = str(temporary)
    variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    variables.pop("PIP_REQUIRE_VIRTUALENV", None)
    # PIP_USER and PIP_TARGET would send the packages elsewhere.
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        variables.pop(name, None)
    if "PIP_CACHE_DIR" not in variables:
        variables["PIP_NO_CACHE_DIR"] = "1"
    command = [python, "-m", "pip", *arguments, "--no-input", "--retries", "2"]
    if wheels := os.environ.get(OFFLINE):
        command += ["--no-index", "--find-links", wheels]  # not as a variable: pip splits that one at spaces
    tail: deque[str] = deque(maxlen=400)
    with _started(command, variables) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail.append(line)
            if match := re.match(r"\s*Downloading (\S+) \((.+)\)", line):
                show(f"downloading {match.group(1).rsplit('/', 1)[-1].split('-')[0]} ({match.group(2)})")
            elif line.startswith("Installing collected packages"):
                show("unpacking")
    if process.returncode:
        raise _diagnosis(tail, temporary)


def _diagnosis(tail: deque[str], temporary: Path) -> PipError:
    text = "".join(tail)
    shown = "".join([line for line in tail if not line.startswith("WARNING: Retrying")][-6:])
    if _FULL.search(text):
        full = disk_full(temporary.parent, shown)
        return PipError("full", full.sentence, full.remedy, full.details)
    if _NETWORK.search(text):
        return PipError(
            "network",
            "The Python packages cannot be downloaded.",
            f"Check the network (and a proxy: https_proxy, or pip's own configuration), then run {system.INSTALLER} again.",
            shown,
        )
    if held := re.search(r"The user requested \(constraint\) (\S+)", text):
        return PipError(
            "other",
            f"pip's own configuration keeps a package out: its constraints allow only {held.group(1)}.",
            "Change the file that “pip config list” names as constraint, or do without it this once: "
            f"{remedies.do_without_constraints()}",
            shown,
        )
    lacking = re.search(r"No matching distribution found for ([\w.-]+)", text)
    if lacking and os.environ.get(OFFLINE):
        return PipError(
            "other",
            f"The folder {os.environ[OFFLINE]} has no {lacking.group(1)} that fits this Python "
            f"({platform.python_version()} on {platform.machine()}).",
            f"Fill it with {system.DOWNLOAD} on a computer with a network, the same system and the same Python.",
            shown,
        )
    if lacking:
        return PipError(
            "other",
            "The package index has no build of a package for this Python "
            f"({platform.python_version()} on {platform.machine()}).",
            f"Install a Python that PyTorch supports (3.10 to 3.13 are safe) and run {system.INSTALLER} with it first on "
            "PATH.",
            shown,
        )
    return PipError(
        "other",
        "pip could not install the Python packages.",
        f"The lines above say why. Mend that and run {system.INSTALLER} again; if it makes no sense, please report it.",
        shown,
    )


def one_index(python: Path, index: str | None) -> dict[str, str]:
    """Return variables that keep pip to one package index: ``index``, or the one that pip is configured for.

    pip's configuration may name further places to look in. A torch from one and a torchvision from another do not
    fit together, whatever their version numbers say. Everything else (proxy, certificates) stays as configured.
    """
    _, listing = answer([python, "-m", "pip", "config", "list"], 30)
    variables = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_INDEX": ""}
    for match in re.finditer(r"^(?:global|install)\.([\w-]+)='(.*)'$", listing, re.MULTILINE):
        name = "PIP_" + match.group(1).upper().replace("-", "_")
        if name not in variables and name not in os.environ:
            variables[name] = match.group(2)
    if index is not None:
        variables["PIP_INDEX_URL"] = index
    return variables
