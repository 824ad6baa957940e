"""``./install.sh --doctor``: what can be seen from outside the environment, then the doctor inside it.

The inner one (``neural-style doctor``) cannot run when its own environment is gone or broken, which is just when it is
asked for most.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from installer.common import console, record, system
from installer.common.errors import InstallError
from installer.common.places import Places
from installer.common.processes import answer, clean_environment
from installer.environment import environment

#: The inner doctor paints a picture of a few pixels and asks each GIMP.
PATIENCE = 900


def run(places: Places, checkout_folder: Path, *, as_json: bool) -> int:
    """Examine the installation and tell what was found; returns 0 if nothing is broken, else 1.

    Raises:
        InstallError: without ``as_json``, that there is nothing the inner doctor could run in.
    """
    try:
        program = _program(places)
    except InstallError as error:
        if not as_json:
            raise
        return _print([_finding("bad", error)])
    checkout = environment.read_checkout(checkout_folder)
    stale = None
    if not environment.is_current(places, checkout, "auto"):
        stale = InstallError(
            "The installation is not that of this folder, or its Python has changed.", f"Run {system.INSTALLER}."
        )
    if not as_json:
        if stale is not None:
            console.warn(f"{stale.sentence} {stale.remedy}")
        return subprocess.run([program, "doctor"], env=clean_environment(), check=False).returncode
    findings = [_finding("warning", stale)] if stale is not None else []
    _, text = answer([program, "doctor", "--json"], PATIENCE)
    try:
        # Libraries may print warnings of their own around the one line that is meant.
        line = next(line for line in text.splitlines() if line.startswith('{"good"'))
        findings += json.loads(line)["findings"]
    except (StopIteration, ValueError, KeyError):
        findings.append(
            _finding(
                "bad",
                InstallError(
                    f"The installed doctor does not work: {text.strip()[-500:]}",
                    f"Run {system.INSTALLER}; it mends the environment.",
                ),
            )
        )
    return _print(findings)


def _program(places: Places) -> Path:
    """Return the installed command line.

    Raises:
        InstallError: it is not there, or cannot start; with what is wrong.
    """
    program = places.command
    if not places.data.is_dir() or not (places.venv.exists() or places.record.exists()):
        raise InstallError("Neural Style is not installed for this user.", f"Run {system.INSTALLER}.")
    known = record.load(places)
    if known.environment and not places.venv.exists():
        raise InstallError(
            f"Neural Style was installed by “neural-style install”, into {known.environment}.", "Run “neural-style doctor”."
        )
    if not places.venv.is_dir():
        raise InstallError(f"The Python environment is gone ({places.venv}).", f"Run {system.INSTALLER}; it makes it anew.")
    code, text = answer([places.python, "-I", "-c", ""], 30)
    if code:
        raise InstallError(
            f"The environment's Python does not start ({places.python}).",
            f"Run {system.INSTALLER}; it makes the environment anew.",
            text[-500:],
        )
    if not places.stamp.is_file() or not program.is_file():
        raise InstallError(
            "The Python environment is unfinished: its installation was interrupted.",
            f"Run {system.INSTALLER}; it makes the environment anew.",
        )
    return program


def _finding(state: str, error: InstallError) -> dict[str, Any]:
    sentence = " ".join([error.sentence, *error.details.split()])
    return {"check": "Installation", "state": state, "sentence": sentence, "remedy": error.remedy}


def _print(findings: list[dict[str, Any]]) -> int:
    good = not any(finding["state"] == "bad" for finding in findings)
    print(
        json.dumps(
            {"good": good, "machine": environment.describe_machine(), "findings": findings}, ensure_ascii=False, indent=1
        )
    )
    return 0 if good else 1
