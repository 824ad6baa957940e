"""The filter opened on results: it starts with their settings and styles, and paints them again in their place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from canvas import provenance, strength_masks
from canvas.provenance import Memory
from canvas.sources import Source
from common import arguments
from common.arguments import NEW_LAYER, UPDATE
from common.translation import _
from painting import results
from painting.destination import Destination, NewLayers
from painting.repainting import InPlace
from painting.tasks import Task, in_order, task_for
from painting.variations import VariationGroups, combinations, variants
from stylecore.errors import StyleError
from stylecore.grids import parse_axes
from styles import style_arguments
from styles.pictures import WeightedStyles


class Editing:
    """What a call does with the results among the layers it was given.

    Args:
        layers: the layers that are to be painted.
        config: the procedure's arguments; with ``opened`` they are set to what the topmost result knows.
        opened: the filter's dialog is going to show them: what the user then leaves as it is stays as each result has it.
    """

    def __init__(
        self, image: Gimp.Image, layers: Sequence[Gimp.Layer], config: Gimp.ProcedureConfig, *, opened: bool
    ) -> None:
        known = [(layer, provenance.of(layer)) for layer in layers if not layer.is_group()]
        self.known: dict[int, Memory] = {layer.get_id(): each for layer, each in known if each is not None}
        if opened and len(self.known) < len(layers):  # the dialog paints all of them alike
            self.known = {}
        self.layers = [layer for layer in layers if layer.get_id() in self.known]
        self._image, self._config = image, config
        self._opened: dict[str, Any] | None = None
        self._opened_mask: int | None = None
        self._opened_styles: dict[str, float] = {}
        if opened and self.known:
            self._open()
        elif opened:
            config.set_property(arguments.TARGET, NEW_LAYER)

    def _open(self) -> None:
        first = self.known[self.layers[0].get_id()]
        self._opened = dict(first.settings)
        arguments.set_settings(self._config, first.settings)
        keys = [results.key_of(self._image, style) for style in first.styles]
        self._opened_styles = {key: style.weight for key, style in zip(keys, first.styles, strict=True) if key is not None}
        style_arguments.store(self._config, self._opened_styles)
        self._config.set_property(arguments.TARGET, UPDATE)
        mask = strength_masks.of_result(self._image, first.mask)
        self._config.set_property(arguments.STRENGTH_MASK, mask)
        self._opened_mask = _number(mask)

    @property
    def updates(self) -> bool:
        """Whether the results are painted again in their place."""
        return bool(self.known) and self._config.get_property(arguments.TARGET) == UPDATE

    @property
    def how(self) -> tuple[Any, ...]:
        """What is done with results, and where the strength is taken from, as a value that changes with it."""
        names = (arguments.TARGET, arguments.STROKES)
        return (*(self._config.get_property(name) for name in names), _number(self._mask()))

    @property
    def several(self) -> bool:
        """Whether several pictures are painted of each layer."""
        return not self.updates and _paints_several(self._config)

    def _mask(self) -> Gimp.Channel | None:
        return self._config.get_property(arguments.STRENGTH_MASK)

    def times(self) -> int:
        """Return how often each layer is painted: once for each variation."""
        explore = self._config.get_property(arguments.EXPLORE) or ""
        try:
            if explore.strip():
                return math.prod(len(axis.values) for axis in parse_axes(explore))
        except StyleError:  # half typed; the preview says what is wrong
            return 1
        return int(self._config.get_property(arguments.VARIANTS))

    def own_styles(self, weights: Mapping[str, float]) -> bool:
        """Return whether these styles' keys and weights stand for what each result was painted with."""
        if not weights:
            return True
        return (
            self._opened is not None
            and set(weights) == set(self._opened_styles)
            and (len(weights) == 1 or _shares(weights) == _shares(self._opened_styles))
        )

    def split(self, places: Sequence[Source]) -> tuple[list[Source], list[Source]]:
        """Return the places whose results are to be painted again, and those that get a new layer."""
        again = [place for place in places if self.updates and place.layer.get_id() in self.known]
        return again, [place for place in places if place not in again]

    def tasks(self, places: Sequence[Source], settings: Mapping[str, Any], styles: WeightedStyles | None) -> list[Task]:
        """Return the results to be painted again, those first that others are painted from."""
        strokes = self._config.get_property(arguments.STROKES)
        tasks = []
        for place in places:
            known = provenance.of(place.layer) or self.known[place.layer.get_id()]
            wanted = dict(settings)
            if self._opened is not None:
                changed = {name: value for name, value in settings.items() if value != self._opened.get(name)}
                wanted = {**known.settings, **changed}
            task = task_for(place, known, wanted, styles, strokes)
            if _number(self._mask()) != self._opened_mask:  # another than it was opened with, or than none
                task = replace(task, mask=strength_masks.checked(self._image, self._mask()))
            tasks.append(task)
        return in_order(tasks)

    def destination(
        self,
        places: Sequence[Source],
        weights: Mapping[str, float],
        styles: WeightedStyles,
        settings: Mapping[str, Any],
        *,
        several: bool,
    ) -> Destination:
        """Return where what the dialog asks for goes: one picture of each layer, or ``several`` if they are asked for."""
        again, _new = self.split(places)
        if not again:
            return new_layers(self._image, places, styles, settings, self._config, several=several)
        own = self.own_styles(weights)
        return InPlace(self._image, self.tasks(again, settings, None if own else styles))

    def words(self) -> list[str]:
        """Return what the user should know of these results before painting them again."""
        said = []
        for layer in self.layers:
            known = self.known[layer.get_id()]
            if results.source_of(layer, known) is None:
                said.append(
                    _(
                        "The layer “{source}” that “{name}” was painted from is not in this image. It is painted from its "
                        "own pixels."
                    ).format(source=known.source.name, name=layer.get_name())
                )
            for style in known.styles:
                key = results.key_of(self._image, style)
                if key is None:
                    said.append(_("The style “{name}” is gone; choose another one.").format(name=style.name))
                elif key != style.path and not key.startswith("layer "):
                    said.append(
                        _("The style “{name}” is gone; the copy stored in the layer is used.").format(name=style.name)
                    )
        return list(dict.fromkeys(said))


def new_layers(
    image: Gimp.Image,
    places: Sequence[Source],
    styles: WeightedStyles,
    settings: Mapping[str, Any],
    config: Gimp.ProcedureConfig,
    *,
    several: bool = True,
) -> NewLayers:
    """Return the destination that makes new layers, one or, if they may be, ``several`` variations of each.

    Raises:
        StyleError: what to explore cannot be understood.
        PluginError: the mask for the strength is not in this image.
    """
    count, convert = config.get_property(arguments.VARIANTS), config.get_property(arguments.CONVERT)
    explore = config.get_property(arguments.EXPLORE) or ""
    mask = strength_masks.checked(image, config.get_property(arguments.STRENGTH_MASK))
    if not several or not _paints_several(config):
        return NewLayers.of(image, places, styles, settings, convert=convert, mask=mask)
    if explore.strip():
        made = combinations(explore, styles, settings)
    else:
        made = variants(config.get_property(arguments.VARY), count, styles, settings)
    return VariationGroups(image, places, made, convert=convert, mask=mask)


def _paints_several(config: Gimp.ProcedureConfig) -> bool:
    return bool((config.get_property(arguments.EXPLORE) or "").strip()) or config.get_property(arguments.VARIANTS) > 1


def _number(item: Gimp.Item | None) -> int | None:
    return None if item is None or not item.is_valid() else int(item.get_id())


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    whole = sum(weights.values()) or 1.0
    return {key: round(weight / whole, 2) for key, weight in weights.items()}
