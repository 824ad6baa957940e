"""Painting results again where they are: what has to be sent for each, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gi.repository import GdkPixbuf, Gegl, Gimp

from canvas import in_place, layers, pixels, placing, strokes
from canvas.changes import scaled_area
from canvas.provenance import Area, KnownSource, Memory
from canvas.snapshots import snapshot
from canvas.sources import Source, image_closed, kind_of, own_space, read_pixels
from common import installation
from common.arguments import KEEP
from common.errors import PluginError
from common.translation import _
from painting import results
from painting.on_canvas import LiveView
from painting.painting import Painting, WeightedStyles, known_styles, sent_styles
from server import client as wire
from server import events
from server.field_checks import settings as checked
from server.protocol import Picture
from stylecore.request import PaintRequest
from stylecore.settings import BY_NAME, Settings

#: A result that was scaled may differ so much (of 255) from what scaling makes of it here, without being painted on.
_SCALED_TOLERANCE = 24


@dataclass(frozen=True)
class Task:
    """A result to be painted again.

    ``place`` is the part of the result that may change, ``source`` the layer it was painted from (None if it is gone: then
    the result's own pixels are). ``styles`` None stands for the result's own.
    """

    place: Source
    known: Memory
    source: Gimp.Layer | None
    settings: Mapping[str, Any]
    styles: WeightedStyles | None = None
    strokes: str = KEEP

    @property
    def layer(self) -> Gimp.Layer:
        """The result's layer."""
        return self.place.layer


def task_for(place: Source, known: Memory, settings: Mapping[str, Any], styles: WeightedStyles | None, keep: str) -> Task:
    """Return the task of painting a result again; without a selection all of it that was painted."""
    layer = place.layer
    if place.selection is None:
        place = replace(place, area=painted_area(layer, known))
    return Task(place, known, results.source_of(layer, known), dict(settings), styles, keep)


def painted_area(layer: Gimp.Layer, known: Memory) -> Area:
    """Return the part of a result that was painted, in its coordinates; it may have been scaled or cropped since."""
    size, then = (layer.get_width(), layer.get_height()), known.source.size
    if size == then:
        return known.source.area
    if not _alike(size, then):
        return 0, 0, *size
    return scaled_area(known.source.area, then, size)


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether one size is the other, scaled (each side rounded to a whole pixel)."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


def part_of_source(layer: Gimp.Layer, source: Gimp.Layer, area: Area) -> Area:
    """Return the part of the source that a result's ``area`` shows.

    Raises:
        PluginError: the two do not fit any more.
    """
    size, other = (layer.get_width(), layer.get_height()), (source.get_width(), source.get_height())
    if size == other:
        return area
    if _alike(size, other):
        return scaled_area(area, size, other)
    _found, x, y = layer.get_offsets()
    _found, source_x, source_y = source.get_offsets()
    left, top = area[0] + x - source_x, area[1] + y - source_y
    if left < 0 or top < 0 or left + area[2] > other[0] or top + area[3] > other[1]:
        raise PluginError(
            _("“{name}” has another shape than “{source}”, which it was painted from.").format(
                name=layer.get_name(), source=source.get_name()
            ),
            _("Make a new layer instead."),
        )
    return left, top, area[2], area[3]


def continues(known: Memory, settings: Mapping[str, Any], *, same_picture: bool) -> bool:
    """Return whether a result can go on from its pixels: same source and styles, and a change that needs little."""
    changed = {name for name, value in settings.items() if known.settings.get(name) != value}
    if not same_picture or known.stopped or not all(BY_NAME[name].live for name in changed):
        return False
    return _palette(known.settings) == _palette(settings) and _shows_its_own_colours(known.settings)


def _palette(settings: Mapping[str, Any]) -> float:
    """Return how far the style's colours are brought to the photo's before it is painted."""
    return float(settings["colours_amount"]) if settings["colours"] == "match" else 0.0


def _shows_its_own_colours(settings: Mapping[str, Any]) -> bool:
    """Return whether a result's pixels have the colours it was painted in; once the photo's are in, they are lost."""
    unmixed = {"style": 100.0, "photo": 0.0}
    return settings["colours"] == "match" or settings["colours_amount"] == unmixed.get(settings["colours"])


class Repainting(Painting):
    """Paints results again, one after the other; :meth:`keep` puts them in place as one undo step.

    The tasks must be in an order in which whatever is painted from another result comes after it (:func:`in_order`).
    """

    def __init__(
        self, client: wire.Client, image: Gimp.Image, tasks: Sequence[Task], *, live: bool, convert: bool = False
    ) -> None:
        places = [task.place for task in tasks]
        super().__init__(client, image, places, tasks[0].styles or [], tasks[0].settings, live=live, convert=convert)
        self._tasks = list(tasks)
        self._updates: list[in_place.Update] = []
        self._before: Picture | None = None
        self._painted_from: KnownSource | None = None
        self._own_styles: WeightedStyles = []
        self._keeps_strokes = False
        self._scratch: _Scratch | None = None

    @property
    def _task(self) -> Task:
        return self._tasks[self._current]

    @property
    def _name(self) -> str:
        return self._task.place.name

    def _as_now(self, source: Source) -> Source:
        if source.selection is None and source.layer.is_valid():
            return replace(source, area=painted_area(source.layer, self._task.known))
        return super()._as_now(source)

    def _request(self) -> PaintRequest[Picture]:
        task, layer, area = self._task, self._task.layer, self._source.area
        if self._current == 0 and any(depends(one, other) for one in self._tasks for other in self._tasks):
            self._scratch = _Scratch(self._image)
        if not layer.is_valid():
            raise PluginError(
                _("The layer “{name}” was removed.").format(name=task.place.name),
                _("Undo that, then run the filter again."),
            )
        in_place.check_unlocked(layer)
        self._settings = dict(task.settings)
        if task.styles is None:
            self._own_styles = results.read_styles(self._image, task.known, self._seen)
        else:
            self._own_styles = task.styles
        self._before = self._read(self._seen(layer), area)
        painted = strokes.mask(layer, task.known)
        self._keeps_strokes = painted is not None and task.strokes == KEEP
        content = self._content_of(task, area)
        self._painted_from = self._known_source(task, area)
        changed = task.source is None or results.is_changed(self._seen(task.source), task.known)
        same = not changed and results.same_styles(task.known, self._own_styles)
        warm = continues(task.known, task.settings, same_picture=same) and (painted is None or self._keeps_strokes)
        if painted is not None and self._keeps_strokes and task.source is not None:
            content = strokes.taken_in(content, self._before, _part(painted, layer, area))
        part = self._source.selection is not None
        return PaintRequest(
            content,
            sent_styles(self._image, self._own_styles),
            checked(self._settings),
            mask=_mask(self._image, layer, area) if part else None,
            start=self._before if warm or part else None,
            anew=not warm,
        )

    def _read(self, layer: Gimp.Layer, area: Area) -> Picture:
        """Return a result's pixels as they are sent, without its effects."""
        with snapshot(layer) as now:
            return pixels.read(now.get_buffer(), area, kind_of(self._image), 4, own_space(self._image))

    def _content_of(self, task: Task, area: Area) -> Picture:
        """Return the source's pixels where the result's area is, or the result's own if the source is gone."""
        assert self._before is not None
        if task.source is None:
            return self._before
        if not task.source.is_valid():
            raise PluginError(
                _("The layer “{name}” was removed.").format(name=task.known.source.name),
                _("Undo that, then run the filter again."),
            )
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

    def _live_layer(self) -> LiveView:
        now = self._source_now
        if now.there is not None:  # the result has another shape
            return layers.LiveLayer(self._image, now, _("{layer} (painting)").format(layer=self._name))
        return in_place.LiveCopy(self._image, self._task.layer, now.area, now.selection)

    def still_fits(self, sources: Sequence[Source]) -> bool:
        """Return whether the first result and its source are as they were when they were sent."""
        task = self._tasks[0]
        if self._current != 0 or not sources or not task.layer.is_valid() or self._before is None:
            return False
        if (sources[0].layer.get_id(), sources[0].selection) != (task.layer.get_id(), task.place.selection):
            return False
        now = self._read(task.layer, self._source.area)
        if now.data != self._before.data or task.source is None or self._keeps_strokes:
            return now.data == self._before.data
        content, sent = self._content_of(task, self._source.area), self._content
        return task.source.is_valid() and sent is not None and content.data == sent.data

    def update(self, settings: Mapping[str, Any]) -> bool:
        """Give the running job and those to come other settings; return whether it takes them."""
        changed = self._changed(settings)
        taken = super().update(settings)
        if taken:
            self._tasks = [replace(task, settings={**task.settings, **changed}) for task in self._tasks]
        return taken

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Keep the tasks: they know their places."""

    def _add_result(self, event: events.Finished, final: Picture) -> None:
        task, layer, area = self._task, self._task.layer, self._source.area
        known, part = task.known, self._source.selection is not None
        if not part:
            known = replace(
                known,
                settings=asdict(Settings.from_stored(event.settings)),
                styles=known_styles(self._own_styles),
                source=self._painted_from or known.source,
                program=installation.read().version,
                stopped=event.stopped,
            )
        update = in_place.Update(
            layer, task.place.name, area, final, known, selected=part, alpha=self._keeps_strokes or task.source is None
        )
        self._updates.append(update)
        watched = self._canvas.watched(layer)
        self.results.append(layers.Result(self._source, final, self._name, known, watched))
        if self._scratch is not None:
            pixels.write(self._scratch.layer(layer).get_buffer(), area, final, own_space(self._image))

    def keep(self) -> list[Gimp.Layer]:
        """Put the pictures on the results as one undo step, and return their layers."""
        self._end()
        if not self._updates:
            return []
        if not self._image.is_valid():
            raise image_closed()
        pairs = [(update, placing.place_now(result)) for update, result in zip(self._updates, self.results, strict=True)]
        followed = [self._followed(*pair) for pair in pairs if pair[1].source.there is None]
        lost = [result for _update, result in pairs if result.source.there is not None]
        self._image.undo_group_start()
        try:
            made, kept = in_place.apply(self._image, followed) if followed else ([], [])
            made += layers.insert_results(self._image, lost, convert=False)
        finally:
            self._image.undo_group_end()
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
        source = self._image.get_layer_by_tattoo(memory.source.tattoo) if memory.source.tattoo else None
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
            memory=memory,
            before=before,
            tolerance=_SCALED_TOLERANCE if scaled else 0,
        )

    def abandon(self) -> None:
        """End the job and take everything off the canvas."""
        super().abandon()
        self._end()

    def _end(self) -> None:
        self._canvas.clear()
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


def depends(task: Task, other: Task) -> bool:
    """Return whether a result is painted from another, or in a style that another shows."""
    if task.layer.get_id() == other.layer.get_id():
        return False
    roots = [task.source, *(results.style_layer(task.layer.get_image(), style) for style in task.known.styles)]
    inside = [each.get_id() for root in roots if root is not None for each in results.flat([root])]
    return other.layer.get_id() in inside


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks so that each comes after those that it depends on."""
    ordered: list[Task] = []
    begun: set[int] = set()

    def visit(task: Task) -> None:
        if task.layer.get_id() in begun:
            return
        begun.add(task.layer.get_id())
        for other in tasks:
            if depends(task, other):
                visit(other)
        ordered.append(task)

    for task in tasks:
        visit(task)
    return ordered


def _part(painted: GdkPixbuf.Pixbuf, layer: Gimp.Layer, area: Area) -> GdkPixbuf.Pixbuf:
    """Return the area's part of a small picture of the whole layer, in full size."""
    full = painted.scale_simple(layer.get_width(), layer.get_height(), GdkPixbuf.InterpType.BILINEAR)
    return full.new_subpixbuf(*area).copy()


def _mask(image: Gimp.Image, layer: Gimp.Layer, area: Area) -> Picture:
    """Return where anything of the area is selected: there it is painted, and GIMP then lets soft edges melt."""
    _found, x, y = layer.get_offsets()
    place = Gegl.Rectangle.new(x + area[0], y + area[1], area[2], area[3])
    values = image.get_selection().get_buffer().get(place, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    return Picture(area[2], area[3], 1, "u8", bytes(values).translate(b"\x00" + b"\xff" * 255))
