"""What the user is told of the device that paints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.messages import in_own_words
from common.translation import _, counted
from stylecore.errors import Fault

#: How many threads a processor computes with, at the end of its name.
_THREADS = re.compile(r"\b(\d+) threads?$")


def _threads(found: re.Match[str]) -> str:
    return counted("{number} thread", "{number} threads", int(found[1]))


def device_words(welcome: Mapping[str, Any]) -> tuple[str, str]:
    """Return which device paints, and in full why it is that one, of what the server has said of itself.

    Args:
        welcome: ``device``, empty before the first engine, and ``why`` that is the processor (an error's parts, or none).
    """
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
