"""What the user is told of the server: which device paints, and whether it is newer than the plug-in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.messages import in_own_words
from common.translation import _, counted
from server import protocol
from stylecore import system
from stylecore.errors import Fault

#: How many threads a processor computes with, at the end of its name.
_THREADS = re.compile(r"\b(\d+) threads?$")


def _threads(found: re.Match[str]) -> str:
    return counted("{number} thread", "{number} threads", int(found[1]))


def server_words(welcome: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the dialog's line says of the server, and in full.

    That is which device paints, and why it is that one; or first that the plug-in is older than the program, as it is
    when pipx or uv has upgraded that alone.

    Args:
        welcome: ``version``, ``device``, empty before the first engine, and ``why`` that is the processor (an error's
            parts, or none), as the server has said.
    """
    text, whole = _device_words(welcome)
    theirs = str(welcome.get("version") or "")
    if not protocol.is_older(protocol.VERSION, theirs):
        return text, whole
    older = _("The plug-in is older than the program: run “{installer}” and restart GIMP.").format(
        installer=system.INSTALLER
    )
    versions = _("The plug-in is of version {own}, the program of version {theirs}.").format(
        own=protocol.VERSION, theirs=theirs
    )
    return older, f"{older}\n{versions}\n{whole}"


def _device_words(welcome: Mapping[str, Any]) -> tuple[str, str]:
    device, why = str(welcome.get("device") or ""), welcome.get("why")
    if why:
        sentence, remedy = in_own_words(Fault(**why))
        return sentence, f"{sentence}\n{remedy}\n{device}"
    if not device:
        return (_("Painting server: ready"),) * 2
    if device.startswith("CPU (") and device.endswith(")"):
        text = _("Painting on the processor ({name})").format(name=_THREADS.sub(_threads, device[len("CPU (") : -1]))
    else:
        text = _("Painting on {device}").format(device=device)
    return text, text
