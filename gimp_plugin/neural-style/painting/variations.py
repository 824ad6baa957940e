"""Variations: a layer painted several times, differing in one thing, as a layer group of which one shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from gi.repository import Gimp

from canvas.sources import Source, image_closed
from common import arguments
from common.translation import _
from painting.destination import NewLayers, Variant
from stylecore.grids import check_axes, parse_axes
from stylecore.setting_kinds import Value, plain
from stylecore.settings import BY_NAME
from styles import gallery_folders, pictures
from styles.pictures import WeightedStyles

#: Strengths go from so much below to so much above the chosen one, brush sizes from its half to its double.
_STRENGTH_REACH, _BRUSH_REACH = 30.0, 2.0
#: As many pictures of one layer as values of settings may make.
MOST_COMBINATIONS = 36


def variants(vary: str, count: int, chosen: WeightedStyles, settings: Mapping[str, Any]) -> list[Variant]:
    """Return ``count`` variants of the settings; of styles at most as many as there are.

    ``vary`` is one of the choices of the argument :data:`arguments.VARY`. Seeds decide the noise that the painting begins
    with, so it then begins with noise.
    """
    if vary == arguments.VARY_STYLE:
        return [Variant(style.name, [(style, 1.0)], dict(settings)) for style in _several_styles(chosen, count)]
    if vary == arguments.VARY_SEED:
        made = [{"seed": (settings["seed"] + number) % 2**31, "start": "noise"} for number in range(count)]
    elif vary == arguments.VARY_BRUSH:
        made = [{"brush_size": value} for value in _brush_sizes(settings["brush_size"], count)]
    else:
        made = [{"strength": value} for value in _strengths(settings["strength"], count)]
    named = []
    for changes in made:
        name, value = next(iter(changes.items()))
        named.append(Variant(in_words(name, value), chosen, {**settings, **changes}))
    return named


def combinations(text: str, chosen: WeightedStyles, settings: Mapping[str, Any]) -> list[Variant]:
    """Return a variant for every combination of values in a line like ``strength=25,50 brush-size=50,200``.

    Raises:
        StyleError: ``bad-arguments``.
    """
    axes = parse_axes(text)
    check_axes(axes, MOST_COMBINATIONS)
    made = []
    for values in product(*(axis.values for axis in axes)):
        name = ", ".join(in_words(axis.name, value) for axis, value in zip(axes, values, strict=True))
        changes = {axis.name: value for axis, value in zip(axes, values, strict=True)}
        made.append(Variant(name, chosen, {**settings, **changes}))
    return made


def in_words(name: str, value: Value) -> str:
    """Return a setting's value as the dialog shows both: ``Strength 25``, ``Colors: From the photo``."""
    setting = BY_NAME[name]
    label = _(setting.label).replace("_", "")
    for choice in setting.choices:
        if choice.value == value:
            return f"{label}: {_(choice.label)}"
    return f"{label} {plain(value) if isinstance(value, float) else value}"


def _strengths(middle: float, count: int) -> list[float]:
    low, high = max(5.0, middle - _STRENGTH_REACH), min(100.0, middle + _STRENGTH_REACH)
    return [float(round(low + (high - low) * number / max(1, count - 1))) for number in range(count)]


def _brush_sizes(middle: float, count: int) -> list[float]:
    setting = BY_NAME["brush_size"]
    sizes = [middle * _BRUSH_REACH ** (2.0 * number / max(1, count - 1) - 1.0) for number in range(count)]
    return [float(round(min(max(size, setting.minimum), setting.maximum))) for size in sizes]


def _several_styles(chosen: WeightedStyles, count: int) -> list[pictures.Style]:
    """Return the chosen styles, each for itself; a single one is followed by its neighbours in the gallery."""
    found = [style for style, _weight in chosen]
    if len(found) == 1:
        paths = gallery_folders.in_folders([])
        start = paths.index(found[0].path) + 1 if found[0].path in paths else 0
        around = [path for path in [*paths[start:], *paths[:start]] if path != found[0].path]
        found += [pictures.read_file(path) for path in around[: count - 1]]
    return found[:count]


class VariationGroups(NewLayers):
    """Every source in every variant, in a layer group above that source, of which the first shows."""

    counting = _("Variation {number} of {count} · ")

    def name(self, number: int) -> str:
        """Return what a variation's layer is called: first what it differs in, as GIMP's list of layers is narrow."""
        return f"{self._variant(number).name} – {self._sources[number].name}"

    def keep(self) -> list[Gimp.Layer]:
        """Put the variants into the image as one undo step, in a group above their source; return their layers."""
        if not self.image.is_valid():
            raise image_closed()
        self.image.undo_group_start()
        try:
            layers = super().keep()
            for source in {result.source.layer.get_id(): result.source for result in self.results}.values():
                number, pairs = source.layer.get_id(), zip(layers, self.results, strict=True)
                self._group(source, [layer for layer, result in pairs if result.source.layer.get_id() == number])
        finally:
            self.image.undo_group_end()
            Gimp.displays_flush()
        return layers

    def _group(self, source: Source, layers: Sequence[Gimp.Layer]) -> None:
        image, chosen = self.image, self.image.get_selected_layers()
        group = Gimp.GroupLayer.new(image, _("{layer} – variations").format(layer=source.name))
        place = min(image.get_item_position(layer) for layer in layers)
        image.insert_layer(group, layers[0].get_parent(), place)
        for position, layer in enumerate(layers):
            image.reorder_item(layer, group, position)
            layer.set_visible(position == 0)
        image.set_selected_layers([layer for layer in chosen if layer.is_valid()])
