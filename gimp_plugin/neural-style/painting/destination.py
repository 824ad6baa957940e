"""Where paintings go: what is asked of the server for each, and what becomes of it in the image; here, new layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gi.repository import Gimp

from canvas import layers, pixels, placing, provenance, strength_masks
from canvas.provenance import KnownSource, KnownStyle, Memory
from canvas.sources import Source, as_now, own_space, read_pixels
from common import installation
from common.translation import _
from painting.on_canvas import LiveView, OnCanvas
from server.events import Finished
from server.field_checks import settings as checked
from server.protocol import Picture
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from styles.pictures import WeightedStyles


class Destination(ABC):
    """The paintings of a run, which are begun, collected and then kept one after the other; ``number`` counts from 0.

    Args:
        image: where they are kept.
        sources: what each is painted from.
        convert: a grey or indexed image becomes RGB when they are kept.
    """

    #: How they are counted, if there are several.
    counting = _("Layer {number} of {count} · ")

    def __init__(self, image: Gimp.Image, sources: Sequence[Source], *, convert: bool = False) -> None:
        self.image = image
        self.convert = convert
        self.results: list[layers.Result] = []
        self._sources = list(sources)
        self._canvas = OnCanvas()

    @property
    def count(self) -> int:
        """How many paintings there are."""
        return len(self._sources)

    def source(self, number: int) -> Source:
        """Return what a painting is painted from."""
        return self._sources[number]

    @property
    def several_layers(self) -> bool:
        """Whether not all of them are painted from the same layer."""
        return len({source.layer.get_id() for source in self._sources}) > 1

    # What is asked of the server

    @abstractmethod
    def begin(self, number: int) -> PaintRequest[Picture]:
        """Return what the server is to paint, read from the image as it is now.

        Raises:
            PluginError, ProtocolError: it cannot be painted.
        """

    @abstractmethod
    def settings(self, number: int) -> Mapping[str, Any]:
        """Return what a painting is, or will be, painted with."""

    @abstractmethod
    def adjust(self, changes: Mapping[str, Any]) -> None:
        """Take other settings for the painting at hand and those to come."""

    @abstractmethod
    def looked_at(self) -> list[Gimp.Drawable]:
        """Return the layers and masks whose pixels the first painting hangs on."""

    @abstractmethod
    def still_fits(self, source: Source) -> bool:
        """Return whether this source looks like what was sent of the first one, which is all that was begun."""

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Take the sources as they are when the user applies; the first is the one that was begun."""
        self._sources = list(sources)

    def goes_on_from(self, begun: Destination) -> bool:
        """Take what ``begun`` has begun for the first painting here; return whether it can be that, with live settings."""
        return False

    # What shows meanwhile

    @abstractmethod
    def name(self, number: int) -> str:
        """Return what the layer with the painting is called."""

    def show_live(self, number: int) -> None:
        """Let frames of a painting show on the canvas from now on."""
        self._canvas.add(self._live_view(number))

    def seen(self, number: int, picture: Picture) -> Picture:
        """Return a frame of the painting at hand as it will be in the image."""
        return picture

    def show(self, number: int, picture: Picture) -> None:
        """Show a frame on the canvas, in the shape that the source has now."""
        self._canvas.show(picture, self._sources[number], lambda: self._live_view(number))

    def _live_view(self, number: int) -> LiveView:
        source = self._canvas.source_now(self._sources[number])
        return layers.LiveLayer(self.image, source, _("{layer} (painting)").format(layer=self.name(number)))

    # What becomes of it

    @abstractmethod
    def collect(self, number: int, event: Finished, picture: Picture) -> None:
        """Take a finished painting in, as it was :meth:`seen`."""

    @abstractmethod
    def keep(self) -> list[Gimp.Layer]:
        """Put what was collected into the image as one undo step, and return the layers."""

    def abandon(self) -> None:
        """Take everything off the canvas."""
        self._canvas.clear()


@dataclass(frozen=True)
class Variant:
    """How a source is painted, and what tells the result from others of the same source."""

    name: str
    styles: WeightedStyles
    settings: Mapping[str, Any]


class NewLayers(Destination):
    """A new layer above each source, for each of the ``variants`` of how to paint it."""

    def __init__(
        self,
        image: Gimp.Image,
        sources: Sequence[Source],
        variants: Sequence[Variant],
        *,
        convert: bool = False,
        mask: Gimp.Channel | None = None,
    ) -> None:
        self._variants, self._mask = list(variants), mask
        self._content: Picture | None = None
        self._strengths: Picture | None = None
        super().__init__(image, self._repeated(sources), convert=convert)

    @classmethod
    def of(
        cls,
        image: Gimp.Image,
        sources: Sequence[Source],
        styles: WeightedStyles,
        settings: Mapping[str, Any],
        *,
        convert: bool,
        mask: Gimp.Channel | None = None,
    ) -> NewLayers:
        """Return the destination of one painting of each source."""
        name = " + ".join(style.name for style, _weight in styles)
        return cls(image, sources, [Variant(name, styles, settings)], convert=convert, mask=mask)

    def _repeated(self, sources: Sequence[Source]) -> list[Source]:
        return [source for source in sources for _variant in self._variants]

    def _variant(self, number: int) -> Variant:
        return self._variants[number % len(self._variants)]

    def name(self, number: int) -> str:
        """Return what the layer with the painting is called."""
        return f"{self._sources[number].name} – {self._variant(number).name}"

    def settings(self, number: int) -> Mapping[str, Any]:
        """Return what a painting is, or will be, painted with."""
        return self._variant(number).settings

    def adjust(self, changes: Mapping[str, Any]) -> None:
        """Take other settings for all paintings."""
        self._variants = [replace(each, settings={**each.settings, **changes}) for each in self._variants]

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Take the sources as they are when the user applies."""
        super().set_sources(self._repeated(sources))

    def begin(self, number: int) -> PaintRequest[Picture]:
        """Return what the server is to paint: the source's pixels as they are now.

        Raises:
            PluginError, ProtocolError: it cannot be painted.
        """
        if number > 0:
            self._sources[number] = as_now(self._sources[number])
        source, variant = self._sources[number], self._variant(number)
        self._canvas.watch(source.layer)
        self._content, self._strengths = read_pixels(source), self._read_mask(source)
        return PaintRequest(
            self._content, sent_styles(self.image, variant.styles), checked(variant.settings), strength_map=self._strengths
        )

    def _read_mask(self, source: Source) -> Picture | None:
        mask = strength_masks.checked(self.image, self._mask)
        return None if mask is None else strength_masks.read(mask, source.layer, source.area)

    def looked_at(self) -> list[Gimp.Drawable]:
        """Return the first source, and the mask for the strength."""
        return [each for each in (self._sources[0].layer, self._mask) if each is not None]

    def still_fits(self, source: Source) -> bool:
        """Return whether this source looks like what was sent of the first one."""
        content = self._content
        if content is None or not self._sources[0].same_place(source):
            return False
        now, strengths = read_pixels(source), self._read_mask(source)
        if (strengths and strengths.data) != (self._strengths and self._strengths.data):
            return False
        return (now.kind, now.channels, now.data) == (content.kind, content.channels, content.data)

    def goes_on_from(self, begun: Destination) -> bool:
        """Take what ``begun`` has begun for the first painting here; return whether it can be that, with live settings."""
        if not isinstance(begun, NewLayers) or self._variant(0).styles != begun._variant(0).styles:
            return False
        self._content, self._strengths, self._canvas = begun._content, begun._strengths, begun._canvas
        return True

    def collect(self, number: int, event: Finished, picture: Picture) -> None:
        """Take a finished painting in, with what its layer will know of it."""
        assert self._content is not None
        source = self._sources[number]
        layer, area = source.layer, source.area
        watched = self._canvas.watched(layer)
        known = Memory(
            painted_settings(event),
            known_styles(self._variant(number).styles),
            KnownSource(
                source.name,
                layer.get_tattoo() if layer.is_valid() else 0,
                watched.size if watched is not None else (area[0] + area[2], area[1] + area[3]),
                area,
                provenance.digest(self._content),
            ),
            installation.read().version,
            event.stopped,
            mask=strength_masks.known(self._mask, self._strengths),
        )
        self.results.append(layers.Result(source, picture, self.name(number), known, watched))

    def keep(self) -> list[Gimp.Layer]:
        """Put the results into the image as one undo step, and return the new layers, topmost first."""
        self._canvas.clear()
        if not self.results:
            return []
        results = [placing.result_now(result) for result in self.results]
        made = layers.insert_results(self.image, results, convert=self.convert)
        placing.tell_lost(results)
        return made


def sent_styles(image: Gimp.Image, styles: WeightedStyles) -> list[Style[Picture]]:
    """Return styles as they are sent: in the colours that the image is painted in."""
    space = own_space(image)
    return [Style(pixels.converted(style.picture, None, space), weight) for style, weight in styles]


def known_styles(styles: WeightedStyles) -> tuple[KnownStyle, ...]:
    """Return what a result keeps of its styles."""
    return tuple(
        KnownStyle(style.name, style.sha256, weight, style.path, style.tattoo, provenance.small_copy(style.picture))
        for style, weight in styles
    )


def painted_settings(event: Finished) -> dict[str, Any]:
    """Return what a result keeps of its settings, said by a server of any version."""
    return asdict(Settings.from_stored(event.settings))
