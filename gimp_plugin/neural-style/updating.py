"""*Neural Style: Update Results*: every result in an image whose source, styles or settings changed is painted again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from canvas import leftovers, strength_masks, strokes, unrecorded
from canvas.provenance import Memory
from canvas.sources import Source
from common import arguments
from common.errors import CancelledError, PluginError
from common.translation import _, counted
from painting import results
from painting.connection import Connection, open_client
from painting.painting import Painting, run_blocking
from painting.repainting import InPlace
from painting.tasks import Task, depends, in_order, task_for
from stylecore.setting_kinds import SettingError
from stylecore.settings import named


def run(run_mode: Gimp.RunMode, image: Gimp.Image, config: Gimp.ProcedureConfig) -> int:
    """Update the image's results and return how many were painted again.

    Raises:
        CancelledError: the user cancelled.
        Exception: anything that :func:`common.messages.words` puts into words; the image is then as it was.
    """
    unrecorded.mend(image)
    leftovers.remove(image)
    changes = parse_changes(config.get_property(arguments.CHANGES) or "")
    found = results.in_image(image)
    tasks, skipped = stale(image, found, changes, config.get_property(arguments.STROKES))
    if run_mode == Gimp.RunMode.INTERACTIVE:
        if not tasks:
            Gimp.message(_nothing_to_do(len(found), skipped))
            return 0
        return _with_window(image, tasks, skipped, config)
    if not tasks:
        return 0
    client = open_client()
    try:
        work = Painting(client, InPlace(image, tasks), live=False)
        Gimp.progress_init(_("Neural Style: updating results"))
        run_blocking(work, _progress)
        return len(work.keep())
    finally:
        client.close()
        Gimp.progress_end()


def _progress(text: str, fraction: float) -> None:
    Gimp.progress_set_text(text)
    Gimp.progress_update(fraction)


def _nothing_to_do(count: int, skipped: Sequence[str]) -> str:
    if not count:
        return _("There are no results of Neural Style in this image.")
    return "\n".join([_("All results are up to date."), *skipped])


def parse_changes(text: str) -> dict[str, Any]:
    """Return the settings in ``name=value name=value``.

    Raises:
        PluginError: a setting is unknown or a value does not fit.
    """
    changes: dict[str, Any] = {}
    for word in text.replace(",", " ").split():
        name, _equals, value = word.partition("=")
        setting = named(name)
        try:
            if setting is None:
                raise SettingError(f"There is no setting “{name}”.")
            changes[setting.name] = setting.read(value)
        except ValueError as error:
            raise PluginError(
                _("The change “{word}” cannot be made: {reason}").format(word=word, reason=error),
                _("Write it like “strength=70”."),
            ) from None
    return changes


def stale(
    image: Gimp.Image, found: Sequence[tuple[Gimp.Layer, Memory]], changes: Mapping[str, Any], keep: str
) -> tuple[list[Task], list[str]]:
    """Return the results to be painted again, in a right order, and in words which could not be and why."""
    everything, skipped = [], []
    for layer, known in found:
        place = Source(layer, layer.get_name(), (0, 0, layer.get_width(), layer.get_height()))
        task = task_for(place, known, {**known.settings, **changes}, None, keep)
        if task.source is None:
            skipped.append(
                _("“{name}” was left as it is: “{source}”, which it was painted from, is not in this image.").format(
                    name=layer.get_name(), source=known.source.name
                )
            )
        else:
            everything.append(task)
    wanted = {task.layer.get_id() for task in everything if _differs(image, task)}
    grows = True
    while grows:  # what is painted from a result that changes, changes too
        before = len(wanted)
        for task in everything:
            if any(other.layer.get_id() in wanted and depends(task, other) for other in everything):
                wanted.add(task.layer.get_id())
        grows = len(wanted) > before
    return [task for task in in_order(everything) if task.layer.get_id() in wanted], skipped


def _differs(image: Gimp.Image, task: Task) -> bool:
    """Return whether a result, painted again, would be another picture."""
    if task.source is None or dict(task.settings) != task.known.settings:
        return True
    if task.known.mask is not None and task.mask is not None:
        values = strength_masks.read(task.mask, task.layer, task.place.area)
        if strength_masks.digest(values) != task.known.mask.sha256:
            return True
    return results.is_changed(task.source, task.known) or results.styles_changed(image, task.known)


def _with_window(image: Gimp.Image, tasks: Sequence[Task], skipped: Sequence[str], config: Gimp.ProcedureConfig) -> int:
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    if not Gtk.init_check(None)[0]:  # GimpUi.init would end the process without a word
        raise PluginError(
            _("There is no display for the dialog."), _("Call the procedure with run-mode RUN-NONINTERACTIVE.")
        )
    from dialog import strokes_question
    from dialog.progress_window import ProgressWindow

    painted_on = [task.layer.get_name() for task in tasks if strokes.marks_on(task.layer, task.known) is not None]
    if painted_on:
        answer = strokes_question.ask(painted_on, config.get_property(arguments.STROKES))
        if answer is None:
            raise CancelledError
        config.set_property(arguments.STROKES, answer)  # to be proposed the next time
        tasks = [replace(task, strokes=answer) for task in tasks]
    connection = Connection()
    window = ProgressWindow(
        image,
        tasks[0].place,
        _("Neural Style: Update Results"),
        counted("{number} result to paint again", "{number} results to paint again", len(tasks)),
    )
    try:
        work = window.run(connection, lambda client: Painting(client, InPlace(image, tasks), live=True))
        if work is None:
            raise CancelledError
        count = len(work.keep())
    finally:
        window.close()
        connection.close()
    if skipped:
        Gimp.message("\n".join(skipped))
    return count
