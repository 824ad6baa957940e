"""``neural-style doctor``: is everything there, and does it work? What is wrong is told with its remedy.

Each check runs whatever the others found; the last ones use the installation as GIMP does.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server import discovery, protocol
from server.cli import installing
from server.cli.terminal.output import say, write_json
from server.client import client as client_module
from server.client.wires import BRIDGE
from stylecore import system
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

AGAIN = f"Run {system.INSTALLER} again."


@dataclass(frozen=True)
class Finding:
    """What one check found: ``state`` is ``'good'``, ``'warning'`` or ``'bad'``."""

    check: str
    state: str
    sentence: str
    remedy: str = ""


def run(as_json: bool) -> int:
    """Examine the installation and print what was found; returns 0 if nothing is broken, else 1."""
    findings: list[Finding] = []
    for finding_ in examine():
        findings.append(finding_)
        if not as_json:
            sign = {"good": "✓", "warning": "!", "bad": "✗"}[finding_.state]
            say(f"{sign} {finding_.check}: {finding_.sentence}")
            if finding_.remedy:
                say(f"    {finding_.remedy}")
    bad = [each for each in findings if each.state == "bad"]
    if as_json:
        write_json({"good": not bad, "findings": [asdict(each) for each in findings]})
    elif bad:
        say(f"\n{len(bad)} of {len(findings)} checks found something broken.")
    else:
        say("\nEverything works.")
    return 1 if bad else 0


def examine() -> Iterator[Finding]:
    """Yield the findings one by one, as the checks end."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("Python", _python),
        ("PyTorch", _torch),
        ("Network weights", _weights),
        ("Keys", _keys),
        ("Painting server", _server),
        ("Bridge", _bridge),
        ("GIMP", _gimps),
    )
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # a doctor that dies of what it finds is of no use; the error is the finding
            sentence = getattr(error, "sentence", None) or f"{type(error).__name__}: {error}"
            yield Finding(name, "bad", str(sentence), str(getattr(error, "remedy", "") or AGAIN))


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    if sys.prefix == sys.base_prefix:
        yield Finding("Python", "warning", f"{version}, {sys.executable}, not in an environment of its own.", AGAIN)
    else:
        yield Finding("Python", "good", f"{version}, environment {sys.prefix}")
    try:
        installed = importlib.metadata.version("gimp-neural-style")
        yield Finding("Neural Style", "good", f"version {installed}, in {Path(__file__).resolve().parents[2]}")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("Neural Style", "warning", "runs from a checkout; it is not installed.", f"Run {system.INSTALLER}.")


def _torch() -> Iterator[Finding]:
    import torch
    import torchvision

    pair = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    try:
        boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
        fits = torchvision.ops.nms(boxes, torch.tensor([1.0, 0.5]), 0.5).tolist() == [0]
    except (RuntimeError, AttributeError):
        fits = False
    if fits:
        yield Finding("PyTorch", "good", pair)
    else:
        yield Finding(
            "PyTorch",
            "bad",
            f"{pair} are builds that do not fit together.",
            AGAIN if installing.is_package() else f"Run {system.INSTALLER} --uninstall, then {system.INSTALLER}.",
        )
    from stylecore.device.engine import Engine

    engine = Engine(folder=discovery.default_folder())
    free = engine.memory()["free"] / 1e9
    looks, exact = engine.arithmetic_for(Settings()), engine.arithmetic()
    paints = f"paints in {looks}" if looks == exact else f"paints in {looks} (at best quality in {exact})"
    yield Finding("Device", "good", f"{engine.device_name}, {free:.1f} GB of memory free, {paints}")
    if engine.device_fault is not None:
        yield Finding("Device", "warning", engine.device_fault.sentence, engine.device_fault.remedy)


def _weights() -> Iterator[Finding]:
    from stylecore.network import weights

    path = weights.bundled_path()
    weights.check_bundled(path)
    yield Finding("Network weights", "good", f"VGG-19, digest as released ({path.name})")


def _keys() -> Iterator[Finding]:
    folder = discovery.default_folder()
    if not (folder / "keys").exists():
        yield Finding("Keys", "good", f"none yet; the server makes them in {folder} at its first start")
        return
    for name in ("client", "server"):
        discovery.load_keys(folder, name)
    yield Finding("Keys", "good", f"private to you, in {folder}")


def _server() -> Iterator[Finding]:
    started = time.monotonic()
    was_there = discovery.server_lives(discovery.default_folder())
    with client_module.Client.connect(client_name="doctor") as client:
        how = "answers" if was_there else "started and answers"
        version = str(client.welcome.get("version", ""))
        yield Finding("Painting server", "good", f"{how} after {time.monotonic() - started:.1f} s (version {version})")
        yield _tiny_job(client)


def _bridge() -> Iterator[Finding]:
    """Talk to the server as a GIMP does whose Python cannot load pyzmq."""
    started = time.monotonic()
    with client_module.Client.connect(client_name="doctor", wire=BRIDGE) as client:
        client.status()
        yield Finding("Bridge", "good", f"answers after {time.monotonic() - started:.1f} s, for a GIMP without pyzmq")


def _tiny_job(client: client_module.Client, patience: float = 180.0) -> Finding:
    """Send a picture of a few pixels through the server and the network, and look at what comes back."""
    side = 64
    data = bytes((x * 3 + y * c) % 256 for y in range(side) for x in range(side) for c in (1, 2, 3))
    content = protocol.Picture(side, side, 3, "u8", data)
    style = protocol.Picture(side, side, 3, "u8", data[::-1])
    started = time.monotonic()
    request = PaintRequest(content, [Style(style)], Settings(quality="draft", iterations=2))
    job = client.submit(request, previews=False)
    result: protocol.Picture | None = None
    while time.monotonic() - started < patience:
        event = client.next_event(0.2)
        if isinstance(event, client_module.Disconnected | client_module.Failed):
            remedy = AGAIN if "doctor" in event.remedy else event.remedy  # which is this
            return Finding("Test picture", "bad", event.sentence, remedy)
        if isinstance(event, client_module.PictureArrived) and event.kind == "final":
            result = event.picture
        if isinstance(event, client_module.Finished):
            seconds = time.monotonic() - started
            if result is None or (result.width, result.height, result.channels) != (side, side, 3):
                return Finding("Test picture", "bad", "The server's result is not of the size that was sent.", AGAIN)
            return Finding("Test picture", "good", f"painted in {seconds:.1f} s on {event.device}")
    client.cancel(job)
    log = discovery.default_folder()
    return Finding("Test picture", "bad", f"No result within {patience:.0f} s.", f"The logs in {log} may say why.")


def _gimps() -> Iterator[Finding]:
    # The installer knows GIMP, and this package does not have to.
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-B", installing.folder() / "installer" / "__main__.py", "--gimps-json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        yield Finding("GIMP", "bad", f"The GIMPs cannot be examined: {done.stderr.strip()[-300:]}", AGAIN)
        return
    answer: dict[str, Any] = json.loads(done.stdout)
    for gimp in answer["gimps"]:
        yield _gimp(gimp)
    for text in answer["others"]:
        yield Finding("GIMP", "warning", text)
    if not answer["gimps"]:
        yield Finding(
            "GIMP",
            "warning",
            "No GIMP 3 was found; the command line works without it.",
            f"Install GIMP 3, then run {system.INSTALLER} again.",
        )


def _gimp(gimp: dict[str, Any]) -> Finding:
    name = f"GIMP {gimp['version']}"
    if not gimp["installed"]:
        return Finding(name, "bad", f"The plug-in is not in {gimp['plugin']}.", AGAIN)
    if gimp["faults"]:
        return Finding(name, "bad", " ".join(gimp["faults"]), AGAIN)
    installation = json.loads((Path(gimp["plugin"]) / "installation.json").read_text("utf-8"))
    python = Path(installation["server_command"][0])
    if not python.is_file():
        return Finding(name, "bad", f"The plug-in starts the server with {python}, which is gone.", AGAIN)
    if gimp["registered"]:
        return Finding(name, "good", "knows the plug-in")
    if gimp["registered"] is None:
        return Finding(name, "warning", f"The plug-in is in {gimp['plugin']}, but this GIMP is not on PATH to be asked.")
    said = " · ".join(gimp["said"].splitlines()[-3:])
    return Finding(
        name,
        "bad",
        f"The plug-in is in {gimp['plugin']}, but GIMP does not know it. It says: {said}",
        f"{AGAIN} If that does not help, report what GIMP says.",
    )
