"""One call of the procedure: what to style and how, with a dialog or without."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gimp

import arguments
import canvas
import painting
from connection import open_client
from report import CancelledError, PluginError


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> list[Gimp.Layer]:
    """Style the drawables' layers and return the new layers, topmost first.

    Raises:
        report.CancelledError: the user cancelled.
        Exception: anything that report.words puts into words; the image is then as it was.
    """
    sources = canvas.sources(image, drawables)
    if run_mode == Gimp.RunMode.INTERACTIVE:
        return _with_dialog(procedure, image, sources, config)
    return _without_dialog(image, sources, config)


def _without_dialog(
    image: Gimp.Image, sources: Sequence[canvas.Source], config: Gimp.ProcedureConfig
) -> list[Gimp.Layer]:
    path = style_path(config)
    if path is None:
        raise PluginError("No style picture was given.", "Set the argument “style” to a picture file.")
    style = canvas.read_style(path)
    client = open_client()
    try:
        work = painting.Painting(
            client, image, sources, style, arguments.settings_of(config),
            live=False, convert=config.get_property(arguments.CONVERT),
        )  # fmt: skip
        # GIMP's own progress bar: its Cancel kills the plug-in, which is harmless here, since nothing is on the canvas.
        Gimp.progress_init(f"Neural Style: {style.name}")
        painting.run_blocking(work, _progress)
        return work.keep()
    finally:
        client.close()
        Gimp.progress_end()


def _progress(text: str, fraction: float) -> None:
    Gimp.progress_set_text(text)
    Gimp.progress_update(fraction)


def _with_dialog(
    procedure: Gimp.Procedure, image: Gimp.Image, sources: Sequence[canvas.Source], config: Gimp.ProcedureConfig
) -> list[Gimp.Layer]:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    if not Gtk.init_check(None)[0]:  # GimpUi.init would end the process without a word
        raise PluginError("There is no display for the dialog.", "Call the procedure with run-mode RUN-NONINTERACTIVE.")
    from dialog import Dialog

    dialog = Dialog(procedure, config, image, sources)
    try:
        layers = dialog.run()
    finally:
        dialog.close()
    if layers is None:
        raise CancelledError
    return layers


def style_path(config: Gimp.ProcedureConfig) -> str | None:
    """Return the path of the chosen style, None if none is chosen.

    Raises:
        PluginError: it is not a file on this machine.
    """
    file = config.get_property(arguments.STYLE)
    if file is None:
        return None
    path = file.get_path()
    if path is None:
        raise PluginError(f"The style {file.get_uri()} is not a file on this computer.", "Save it to a folder first.")
    return path
