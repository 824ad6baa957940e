"""Live layers that outlived the run they belong to: saved with the image meanwhile, brought back by undoing what made
them disappear, or left by a plug-in that was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gimp

from canvas.unrecorded import unrecorded
from stylecore import system

#: The parasite of a live layer, which is saved with it, and the name that begins that of an image being written to.
_PARASITE, _WRITING = "neural-style-painting", "neural-style-writing-"
_PERSISTENT = 1


def mark(layer: Gimp.Layer, hidden: Gimp.Layer | None = None) -> None:
    """Note on a live layer, before it is in its image, which process it belongs to, and which layer it ``hides``."""
    known = {
        "process": os.getpid(),
        "begun": system.begun(os.getpid()),
        "name": layer.get_name(),
        "hides": 0 if hidden is None else hidden.get_tattoo(),
    }
    layer.attach_parasite(Gimp.Parasite.new(_PARASITE, _PERSISTENT, json.dumps(known).encode("ascii")))


@contextmanager
def writing(image: Gimp.Image) -> Iterator[None]:
    """Note that a live layer of the image is written to, and therefore is not locked; in a file that is saved now, too."""
    name = f"{_WRITING}{os.getpid()}"
    begun = system.begun(os.getpid()).encode("ascii") + b"\0"
    image.attach_parasite(Gimp.Parasite.new(name, _PERSISTENT, begun))
    try:
        yield
    finally:
        if image.is_valid():
            image.detach_parasite(name)


def remove(image: Gimp.Image) -> int:
    """Remove the live layers of runs that are over, and return how many there were; the undo history does not know it.

    One that the user took over stays: it was renamed, its pixels were unlocked, or other layers were merged into it.
    """
    unlocked = False
    for name in image.get_parasite_list():
        number = name.removeprefix(_WRITING)
        if number != name and not _still_writes(image, name, int(number)):
            image.detach_parasite(name)
            unlocked = True
    left = [layer for layer in _flat(image.get_layers()) if _is_left(layer, unlocked)]
    if left:
        numbers = {layer.get_id() for layer in left}
        selected = [each for each in image.get_selected_layers() if each.get_id() not in numbers]
        hides = [number for layer in left if (number := _known(layer)["hides"])]
        hidden = [image.get_layer_by_tattoo(number) for number in hides]
        with unrecorded(image):
            for layer in left:
                image.remove_layer(layer)
            for layer in hidden:
                if layer is not None:
                    layer.set_visible(True)
        if selected:
            image.set_selected_layers(selected)
        Gimp.displays_flush()
    return len(left)


def _still_writes(image: Gimp.Image, name: str, process: int) -> bool:
    begun = bytes(image.get_parasite(name).get_data()).decode("ascii", "replace").rstrip("\0")
    return system.lives(process) and system.begun(process) == begun


def _is_left(layer: Gimp.Layer, unlocked: bool) -> bool:
    known = _known(layer)
    if not known or not (unlocked or layer.get_lock_content()):
        return False
    name, process = known["name"], known["process"]
    # GIMP tells layers of one name apart by “#1”, “#2”.
    its_own = layer.get_name() == name or layer.get_name().startswith(f"{name} #")
    return its_own and not (system.lives(process) and system.begun(process) == known["begun"])


def _known(layer: Gimp.Layer) -> dict[str, Any]:
    """Return what :func:`mark` noted on a layer, empty if that is nothing."""
    parasite = layer.get_parasite(_PARASITE)
    try:
        stored = {} if parasite is None else json.loads(bytes(parasite.get_data()).decode("ascii").rstrip("\0"))
        kinds = {"process": int, "begun": str, "name": str, "hides": int}
        return {key: kind(stored[key]) for key, kind in kinds.items()} if stored else {}
    except (ValueError, KeyError, TypeError):
        return {}


def is_merged(image: Gimp.Image, live: Gimp.Layer, number: int, below: Gimp.Layer | None) -> bool:
    """Return whether a ``live`` layer, whose number that was, was merged into another one, as by flattening the image.

    ``below`` is the layer that it was shown above.
    """
    if not image.is_valid() or (live.is_valid() and live.get_image() is not None):
        return False
    new = [layer for layer in _flat(image.get_layers()) if layer.get_id() > number]
    source_gone = below is None or not below.is_valid() or below.get_image() is None
    # What layers are merged into gets the parasites of the lowest one, but is not locked like it.
    return any(source_gone or (_known(layer) and not layer.get_lock_content()) for layer in new)


def _flat(layers: list[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from _flat(layer.get_children())
