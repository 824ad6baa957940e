"""Painting results again where they are: what has to be sent for each, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gegl, Gimp

from canvas import in_place, layers, pixels, placing, strength_masks, strokes
from canvas.provenance import Area, KnownMask, KnownSource
from canvas.snapshots import snapshot
from canvas.sources import Source, as_now, image_closed, kind_of, own_space, read_pixels
from common import installation
from common.arguments import KEEP_EXACTLY, PAINT_OVER
from common.errors import PluginError
from common.translation import _
from painting import results
from painting.destination import Destination, known_styles, painted_settings, sent_styles
from painting.on_canvas import LiveView
from painting.tasks import Task, continues, depends, painted_area, part_of_source
from server.events import Finished
from server.field_checks import settings as checked
from server.protocol import Picture
from stylecore.request import PaintRequest
from styles.pictures import WeightedStyles

#: A result that was scaled may differ so much (of 255) from what scaling makes of it here, without being painted on.
_SCALED_TOLERANCE = 24


@dataclass(frozen=True)
class _Begun:
    """What was read for the result at hand when it was begun: its pixels, and all that is sent."""

    before: Picture
    request: PaintRequest[Picture]
    styles: WeightedStyles
    source: KnownSource | None  # None if it is gone
    kept: strokes.Marks | None  # strokes that are not painted over
    exactly: bool  # they stay as they are
    mask: KnownMask | None

    def seen(self, picture: Picture) -> Picture:
        """Return a picture of the result, of any size, with the strokes that stay as they are."""
        if self.kept is None or not self.exactly:
            return picture
        before = pixels.scaled(self.before, picture.width, picture.height)
        return strokes.taken_in(picture, before, self.kept.around)


class InPlace(Destination):
    """Results that are painted again, one after the other; :meth:`keep` puts them in place as one undo step.

    The tasks must be in an order in which whatever is painted from another result comes after it
    (:func:`painting.tasks.in_order`).
    """

    def __init__(self, image: Gimp.Image, tasks: Sequence[Task]) -> None:
        super().__init__(image, [task.place for task in tasks])
        self._tasks = list(tasks)
        self._updates: list[in_place.Update] = []
        self._begun: _Begun | None = None
        self._scratch: _Scratch | None = None

    def name(self, number: int) -> str:
        """Return what the result is called."""
        return self._tasks[number].place.name

    def settings(self, number: int) -> Mapping[str, Any]:
        """Return what a result is, or will be, painted with."""
        return self._tasks[number].settings

    def adjust(self, changes: Mapping[str, Any]) -> None:
        """Take other settings for all results."""
        self._tasks = [replace(task, settings={**task.settings, **changes}) for task in self._tasks]

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Keep the tasks: they know their places."""

    # What is asked of the server

    def begin(self, number: int) -> PaintRequest[Picture]:
        """Return what the server is to paint: the result's source as it is now, with what was painted on the result.

        Raises:
            PluginError, ProtocolError: it cannot be painted.
        """
        task = self._tasks[number]
        if number > 0:
            self._sources[number] = self._source_now(number)
        elif any(depends(one, other) for one in self._tasks for other in self._tasks):
            self._scratch = _Scratch(self.image)
        self._canvas.watch(task.layer)
        _check_there(task.layer, task.place.name)
        in_place.check_unlocked(task.layer)
        self._begun = self._read(task, self._sources[number])
        return self._begun.request

    def _source_now(self, number: int) -> Source:
        """Return the place of a result, whose turn it is, as it is now."""
        source = self._sources[number]
        if source.selection is None and source.layer.is_valid():
            return replace(source, area=painted_area(source.layer, self._tasks[number].known))
        return as_now(source)

    def _read(self, task: Task, place: Source) -> _Begun:
        layer, area = task.layer, place.area
        styles = results.read_styles(self.image, task.known, self._seen) if task.styles is None else task.styles
        before = self._read_result(self._seen(layer), area)
        painted = strokes.marks_on(layer, task.known)
        kept = None if painted is None or task.strokes == PAINT_OVER else painted.part(layer, area)
        content = self._content_of(task, area, before)
        source = self._known_source(task, area)
        changed = task.source is None or results.is_changed(self._seen(task.source), task.known)
        strengths = None if task.mask is None else strength_masks.read(task.mask, layer, area)
        mask = strength_masks.known(task.mask, strengths)
        same = not changed and results.same_styles(task.known, styles) and mask == task.known.mask
        warm = continues(task.known, task.settings, same_picture=same) and (painted is None or kept is not None)
        if kept is not None and task.source is not None:
            content = strokes.taken_in(content, before, kept.around)
        part = place.selection is not None
        request = PaintRequest(
            content,
            sent_styles(self.image, styles),
            checked(task.settings),
            mask=_mask(self.image, layer, area) if part else None,
            strength_map=strengths,
            start=before if warm or part else None,
            anew=not warm,
        )
        return _Begun(before, request, styles, source, kept, task.strokes == KEEP_EXACTLY, mask)

    def _read_result(self, layer: Gimp.Layer, area: Area) -> Picture:
        """Return a result's pixels as they are sent, without its effects."""
        with snapshot(layer) as now:
            return pixels.read(now.get_buffer(), area, kind_of(self.image), 4, own_space(self.image))

    def _content_of(self, task: Task, area: Area, before: Picture) -> Picture:
        """Return the source's pixels where the result's area is, or the result's own if the source is gone."""
        if task.source is None:
            return before
        _check_there(task.source, task.known.source.name)
        place = part_of_source(task.layer, task.source, area)
        read = read_pixels(Source(self._seen(task.source), task.source.get_name(), place))
        return pixels.scaled(read, area[2], area[3])

    def _seen(self, layer: Gimp.Layer) -> Gimp.Layer:
        """Return the layer as it is with all that was painted so far."""
        return layer if self._scratch is None else self._scratch.layer(layer)

    def _known_source(self, task: Task, area: Area) -> KnownSource | None:
        """Return the part of the task's source that the result's area shows, as it is now; None if the source is gone."""
        if task.source is None or not task.source.is_valid():
            return None
        self._canvas.watch(task.source)
        place, seen = part_of_source(task.layer, task.source, area), self._seen(task.source)
        size, digest = (seen.get_width(), seen.get_height()), results.source_digest(seen, place)
        return KnownSource(task.source.get_name(), task.source.get_tattoo(), size, place, digest)

    def looked_at(self) -> list[Gimp.Drawable]:
        """Return the first result, its source, and its mask for the strength."""
        task = self._tasks[0]
        return [each for each in (task.layer, task.source, task.mask) if each is not None]

    def still_fits(self, source: Source) -> bool:
        """Return whether the first result, its source and its mask are as they were when they were sent."""
        task, begun, area = self._tasks[0], self._begun, self._sources[0].area
        if begun is None or not task.layer.is_valid():
            return False
        if task.mask is not None:
            values = strength_masks.read(strength_masks.checked(self.image, task.mask), task.layer, area)
            if strength_masks.known(task.mask, values) != begun.mask:
                return False
        if (source.layer.get_id(), source.selection) != (task.layer.get_id(), task.place.selection):
            return False
        same = self._read_result(task.layer, area).data == begun.before.data
        if not same or task.source is None or begun.kept is not None:
            return same
        content = self._content_of(task, area, begun.before)
        return task.source.is_valid() and content.data == begun.request.content.data

    def _live_view(self, number: int) -> LiveView:
        now = self._canvas.source_now(self._sources[number])
        if now.there is not None or now.selection is not None:  # it has another shape, or only a part of it changes
            return super()._live_view(number)
        return in_place.LiveCopy(self.image, self._tasks[number].layer, now.area)

    def seen(self, number: int, picture: Picture) -> Picture:
        """Return a frame as it will be in the image: with the strokes that stay as they are."""
        return picture if self._begun is None else self._begun.seen(picture)

    # What becomes of it

    def collect(self, number: int, event: Finished, picture: Picture) -> None:
        """Take a finished painting in, with what its layer will know of it."""
        task, source, begun = self._tasks[number], self._sources[number], self._begun
        assert begun is not None
        layer, area, known, part = task.layer, source.area, task.known, source.selection is not None
        if not part:
            known = replace(
                known,
                settings=painted_settings(event),
                styles=known_styles(begun.styles),
                source=begun.source or known.source,
                program=installation.read().version,
                stopped=event.stopped,
                mask=begun.mask,
            )
        alpha = begun.kept is not None or task.source is None
        marks = pixels.read_pixbuf(begun.kept.core) if begun.kept is not None and begun.exactly else None
        self._updates.append(
            in_place.Update(layer, task.place.name, area, picture, known, selected=part, alpha=alpha, strokes=marks)
        )
        self.results.append(layers.Result(source, picture, self.name(number), known, self._canvas.watched(layer)))
        if self._scratch is not None:
            pixels.write(self._scratch.layer(layer).get_buffer(), area, picture, own_space(self.image))

    def keep(self) -> list[Gimp.Layer]:
        """Put the pictures on the results as one undo step, and return their layers."""
        self.abandon()
        if not self._updates:
            return []
        if not self.image.is_valid():
            raise image_closed()
        pairs = [(update, placing.place_now(result)) for update, result in zip(self._updates, self.results, strict=True)]
        followed = [self._followed(*pair) for pair in pairs if pair[1].source.there is None]
        lost = [result for _update, result in pairs if result.source.there is not None]
        self.image.undo_group_start()
        try:
            made, kept = in_place.apply(self.image, followed) if followed else ([], [])
            made += layers.insert_results(self.image, lost, convert=False)
        finally:
            self.image.undo_group_end()
        placing.tell_lost(lost)
        placing.tell_kept(kept)
        return made

    def _followed(self, update: in_place.Update, result: layers.Result) -> in_place.Update:
        """Return an update as it belongs on its layer now, given the result in the layer's present place."""
        watched, memory = result.watched, update.memory
        if watched is None or not update.layer.is_valid():
            return update
        then, now = replace(result.source, area=update.area), result.source
        before = placing.picture_now(watched.part(update.area), then, watched)
        scaled = any(step.size not in (watched.size, watched.size[::-1]) for step in watched.steps or [])
        source = self.image.get_layer_by_tattoo(memory.source.tattoo) if memory.source.tattoo else None
        seen = None if source is None else self._canvas.watched(source)
        if source is not None and seen is not None and not update.selected and (seen.look(), seen.steps)[1]:
            try:
                place = part_of_source(update.layer, source, now.area)
                size, digest = (source.get_width(), source.get_height()), results.source_digest(source, place)
                memory = replace(memory, source=replace(memory.source, size=size, area=place, sha256=digest))
            except PluginError:  # they do not fit any more: the result says so when it is painted again
                pass
        return replace(
            update,
            area=now.area,
            picture=placing.picture_now(update.picture, then, watched),
            strokes=None if update.strokes is None else placing.picture_now(update.strokes, then, watched),
            memory=memory,
            before=before,
            tolerance=_SCALED_TOLERANCE if scaled else 0,
        )

    def abandon(self) -> None:
        """Take everything off the canvas."""
        super().abandon()
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None


class _Scratch:
    """A duplicate of the image, on no display, in which finished results stand in for those that are to be replaced."""

    def __init__(self, image: Gimp.Image) -> None:
        self.image = image.duplicate()
        pairs = zip(results.flat(image.get_layers()), results.flat(self.image.get_layers()), strict=True)
        self._twins = {layer.get_id(): twin for layer, twin in pairs}

    def layer(self, layer: Gimp.Layer) -> Gimp.Layer:
        """Return the twin of one of the image's layers; one that is newer is its own."""
        return self._twins.get(layer.get_id(), layer)

    def close(self) -> None:
        """Forget it."""
        if self.image.is_valid():
            self.image.delete()


def _check_there(layer: Gimp.Layer, name: str) -> None:
    """Raise PluginError if the layer was removed from its image."""
    if not layer.is_valid():
        raise PluginError(
            _("The layer “{name}” was removed.").format(name=name), _("Undo that, then run the filter again.")
        )


def _mask(image: Gimp.Image, layer: Gimp.Layer, area: Area) -> Picture:
    """Return where anything of the area is selected: there it is painted, and GIMP then lets soft edges melt."""
    _found, x, y = layer.get_offsets()
    place = Gegl.Rectangle.new(x + area[0], y + area[1], area[2], area[3])
    values = image.get_selection().get_buffer().get(place, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    return Picture(area[2], area[3], 1, "u8", bytes(values).translate(b"\x00" + b"\xff" * 255))
