"""One call of the procedure: what to style and how, with a dialog or without."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gimp

from canvas import leftovers, unrecorded
from canvas.sources import Source, image_closed, selected_sources
from common import arguments
from common.errors import CancelledError, PluginError
from common.translation import _
from painting.connection import open_client
from painting.destination import Destination
from painting.editing import Editing, new_layers
from painting.painting import Painting, run_blocking
from painting.repainting import InPlace
from styles import gallery_folders, style_arguments


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> list[Gimp.Layer]:
    """Style the drawables' layers and return the new layers, topmost first.

    Raises:
        CancelledError: the user cancelled.
        Exception: anything that :func:`common.messages.words` puts into words; the image is then as it was.
    """
    unrecorded.mend(image)
    leftovers.remove(image)
    drawables = [drawable for drawable in drawables if drawable.is_valid()]
    if run_mode == Gimp.RunMode.INTERACTIVE:
        return _with_dialog(procedure, image, selected_sources(image, drawables), config)
    return _without_dialog(image, drawables, config)


def _without_dialog(
    image: Gimp.Image, drawables: Sequence[Gimp.Drawable], config: Gimp.ProcedureConfig
) -> list[Gimp.Layer]:
    keys = style_arguments.keys_of(config)
    weights = style_arguments.weights_of(config, len(keys))
    pictures = [(gallery_folders.read(key), weight) for key, weight in zip(keys, weights, strict=True) if weight > 0]
    sources = selected_sources(image, drawables, whole=gallery_folders.uses_selection_of(keys, image))
    editing = Editing(image, [source.layer for source in sources], config, opened=False)
    again, new = editing.split(sources)
    if new and not keys:
        raise PluginError(_("No style picture was given."), _("Set the argument “style”, “styles” or “style-layer”."))
    settings = arguments.settings_of(config)
    client = open_client()
    try:
        destinations: list[Destination] = []
        if again:
            destinations.append(InPlace(image, editing.tasks(again, settings, pictures or None)))
        if new:
            destinations.append(new_layers(image, new, pictures, settings, config))
        # GIMP's own progress bar: its Cancel kills the plug-in, which is harmless here, since nothing is on the canvas.
        Gimp.progress_init(f"Neural Style: {' + '.join(style.name for style, _weight in pictures)}".rstrip(": "))
        for destination in destinations:
            run_blocking(Painting(client, destination, live=False), _progress)
        return keep_all(image, destinations)
    finally:
        client.close()
        Gimp.progress_end()


def keep_all(image: Gimp.Image, destinations: Sequence[Destination]) -> list[Gimp.Layer]:
    """Put all finished paintings into the image as one undo step, and return their layers."""
    if not image.is_valid():
        raise image_closed()
    image.undo_group_start()
    try:
        return [layer for destination in destinations for layer in destination.keep()]
    finally:
        image.undo_group_end()


def _progress(text: str, fraction: float) -> None:
    Gimp.progress_set_text(text)
    Gimp.progress_update(fraction)


def _with_dialog(
    procedure: Gimp.Procedure, image: Gimp.Image, sources: Sequence[Source], config: Gimp.ProcedureConfig
) -> list[Gimp.Layer]:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    if not Gtk.init_check(None)[0]:  # GimpUi.init would end the process without a word
        raise PluginError(
            _("There is no display for the dialog."), _("Call the procedure with run-mode RUN-NONINTERACTIVE.")
        )
    from dialog.dialog import Dialog

    editing = Editing(image, [source.layer for source in sources], config, opened=True)
    dialog = Dialog(procedure, config, image, sources, editing)
    try:
        layers = dialog.run()
    finally:
        dialog.close()
    if layers is None:
        raise CancelledError
    return layers
