"""Runs inside GIMP's Python interpreter: executes the snippets of code that the tests send (see `tests.gimp.session`).

Standard library and gi only. It connects back to the tests over loopback, one JSON object a line each way, so either
side learns at once when the other is gone. ``PRELUDE`` names what a snippet finds besides the values sent along.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: E402

STATUS = {
    int(getattr(Gimp.PDBStatusType, name)): name
    for name in ("EXECUTION_ERROR", "CALLING_ERROR", "PASS_THROUGH", "SUCCESS", "CANCEL")
}


def call(name: str, image: Any = None, drawables: Any = None, interactive: bool = False, **arguments: Any) -> dict:
    """Run a procedure; returns {"status": "SUCCESS", "message": "", "values": [...]} (values are GIMP's objects).

    Underscores in the names of the arguments stand for hyphens; a ``str`` for a file argument is a path.
    """
    procedure = Gimp.get_pdb().lookup_procedure(name)
    if procedure is None:
        raise LookupError(f"GIMP knows no procedure {name!r}")
    config = procedure.create_config()
    if interactive:
        config.set_property("run-mode", Gimp.RunMode.INTERACTIVE)
    if image is not None:
        config.set_property("image", image)
    if drawables is not None:
        config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        key = argument.replace("_", "-")
        specification = config.find_property(key)
        if specification is None:
            raise LookupError(f"{name} has no argument {key!r}")
        if isinstance(value, str) and specification.value_type.is_a(Gio.File):
            value = Gio.File.new_for_path(value)
        config.set_property(key, value)
    answer = procedure.run(config)
    if answer is None:
        return {"status": "EXECUTION_ERROR", "message": Gimp.get_pdb().get_last_error() or "", "values": []}
    status = STATUS[int(answer.index(0))]
    rest = [answer.index(i) for i in range(1, answer.length())]
    if status == "SUCCESS":
        return {"status": status, "message": "", "values": rest}
    return {"status": status, "message": rest[0] if rest else Gimp.get_pdb().get_last_error() or "", "values": []}


def new_image(width: int, height: int, base: str = "RGB", precision: str = "U8_NON_LINEAR") -> Any:
    """An empty image; ``base`` is RGB, GRAY or INDEXED, ``precision`` a name of Gimp.Precision."""
    kind = getattr(Gimp.ImageBaseType, base)
    return Gimp.Image.new_with_precision(width, height, kind, getattr(Gimp.Precision, precision))


def new_layer(
    image: Any,
    name: str,
    width: int,
    height: int,
    pixels: bytes | None = None,
    *,
    alpha: bool = True,
    offset: tuple[int, int] = (0, 0),
    parent: Any = None,
    position: int = 0,
) -> Any:
    """Insert a layer with ``pixels`` ("R'G'B'A u8", straight alpha; None: a colourful gradient)."""
    base = {0: "RGB", 1: "GRAY", 2: "INDEXED"}[int(image.get_base_type())]
    kind = getattr(Gimp.ImageType, f"{base}{'A' if alpha else ''}_IMAGE")
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    layer.set_offsets(*offset)
    if pixels is None:
        rows = (
            bytes((255 * x // width, 255 * y // height, (7 * x + 13 * y) % 256, 255))
            for y in range(height)
            for x in range(width)
        )
        pixels = b"".join(rows)
    image.insert_layer(layer, parent, position)
    write(layer, pixels)
    return layer


def read(drawable: Any, pixel_format: str = "R'G'B'A u8") -> bytes:
    """All pixels of a drawable."""
    rectangle = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(drawable.get_buffer().get(rectangle, 1.0, pixel_format, Gegl.AbyssPolicy.NONE))


def write(drawable: Any, pixels: bytes, pixel_format: str = "R'G'B'A u8") -> None:
    """Replace all pixels of a drawable."""
    width, height = drawable.get_width(), drawable.get_height()
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), pixel_format, pixels)
    buffer.flush()
    drawable.update(0, 0, width, height)


def load(path: str) -> Any:
    """Open a picture file as an image."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if image is None:
        raise OSError(f"GIMP cannot load {path}: {Gimp.get_pdb().get_last_error()}")
    return image


def save(image: Any, path: str) -> None:
    """Save or export an image, by the ending of ``path``."""
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None):
        raise OSError(f"GIMP cannot save {path}: {Gimp.get_pdb().get_last_error()}")


def layers(image: Any) -> list[dict]:
    """The image's layers from the top down as plain data; a group's own stand in its "layers"."""

    def describe(layer: Any) -> dict:
        _, x, y = layer.get_offsets()
        described = {
            "name": layer.get_name(),
            "id": layer.get_id(),
            "x": x,
            "y": y,
            "width": layer.get_width(),
            "height": layer.get_height(),
            "alpha": layer.has_alpha(),
            "visible": layer.get_visible(),
            "mask": layer.get_mask() is not None,
        }
        if layer.is_group():
            described["layers"] = [describe(child) for child in layer.get_children()]
        return described

    return [describe(layer) for layer in image.get_layers()]


def show(image: Any) -> Any:
    """Open an image in a window (GUI only)."""
    display = Gimp.Display.new(image)
    Gimp.displays_flush()
    return display


def close_everything() -> None:
    """Close every display and image without asking."""
    for number in range(1, 1000):
        if Gimp.Display.id_is_valid(number):
            Gimp.Display.get_by_id(number).delete()
    for image in Gimp.get_images():
        image.delete()


PRELUDE: dict[str, Any] = {
    "Gegl": Gegl, "Gimp": Gimp, "Gio": Gio, "GLib": GLib, "GObject": GObject, "json": json, "os": os,
    "call": call, "new_image": new_image, "new_layer": new_layer, "read": read, "write": write, "load": load,
    "save": save, "layers": layers, "show": show,
}  # fmt: skip


def serve(port: int, token: str, interactive: bool) -> None:
    """Execute what the tests send until they say quit or are gone; ``interactive`` means that GIMP has windows."""
    Gegl.init(None)
    namespace = dict(PRELUDE)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        stream = connection.makefile("rw", encoding="utf-8", newline="\n")

        def say(message: dict) -> None:
            stream.write(json.dumps(message) + "\n")
            stream.flush()

        say({"token": token, "version": Gimp.version(), "pid": os.getpid()})
        for line in stream:
            request = json.loads(line)
            if request.get("quit"):
                break
            try:
                if request.get("reset"):
                    close_everything()
                    namespace = dict(PRELUDE)
                namespace.update(request.get("values", {}))
                namespace["result"] = None
                exec(compile(request["code"], "<test>", "exec"), namespace)
                say({"result": namespace["result"]})
            except BaseException:  # whatever it is, the test must hear of it
                say({"error": traceback.format_exc()})
    if interactive:
        call("gimp-quit", force=True)
