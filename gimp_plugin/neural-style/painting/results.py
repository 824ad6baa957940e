"""Results in an image: which there are, what they were painted from, and whether they still are what they would be."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gi.repository import Gimp, GLib

from canvas import provenance
from canvas.provenance import KnownStyle, Memory
from canvas.sources import Source, read_pixels
from common import installation
from common.errors import PluginError
from common.translation import _
from styles import pictures
from styles.pictures import WeightedStyles


def flat(layers: Sequence[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    """Yield layers from the top down, each group before what is in it."""
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from flat(layer.get_children())


def in_image(image: Gimp.Image) -> list[tuple[Gimp.Layer, Memory]]:
    """Return the image's results from the top down."""
    found = ((layer, provenance.of(layer)) for layer in flat(image.get_layers()) if not layer.is_group())
    return [(layer, known) for layer, known in found if known is not None]


def source_digest(layer: Gimp.Layer, area: provenance.Area) -> str:
    """Return the digest of a layer's part, empty if the layer has no such part."""
    left, top, across, down = area
    if left + across > layer.get_width() or top + down > layer.get_height():
        return ""
    return provenance.digest(read_pixels(Source(layer, layer.get_name(), area)))


def source_of(layer: Gimp.Layer, known: Memory) -> Gimp.Layer | None:
    """Return the layer that a result was painted from, None if it is not to be found.

    Tattoos count in the image that the result was made in, for the layer that was made there; elsewhere (a duplicate, a
    copy, another image) they may name any layer, and only the same pixels show that it is the source.
    """
    image = layer.get_image()
    source = known.source
    by_tattoo = image.get_layer_by_tattoo(source.tattoo) if source.tattoo else None
    if by_tattoo is not None and by_tattoo.get_id() == layer.get_id():
        by_tattoo = None
    at_home = known.image == provenance.image_name(image) and (known.tattoo == layer.get_tattoo() or not known.tattoo)
    size = None if by_tattoo is None else (by_tattoo.get_width(), by_tattoo.get_height())
    if by_tattoo is not None and at_home and (by_tattoo.get_name() == source.name or size == source.size):
        return by_tattoo
    others = [each for each in flat(image.get_layers()) if each.get_id() != layer.get_id()]
    if source.sha256:
        for each in sorted(others, key=lambda each: (each.get_tattoo() != source.tattoo, each.get_name() != source.name)):
            fits = (each.get_width(), each.get_height()) == source.size
            if fits and source_digest(each, source.area) == source.sha256:
                return each
    if known.image != provenance.image_name(image):
        return None
    if by_tattoo is not None and (by_tattoo.get_name(), size) == (source.name, source.size):
        return by_tattoo
    named = [each for each in others if each.get_name() == source.name and provenance.of(each) is None]
    return named[0] if len(named) == 1 and (named[0].get_width(), named[0].get_height()) == source.size else None


def is_changed(source: Gimp.Layer, known: Memory) -> bool:
    """Return whether the source's pixels are others than those that were painted."""
    if (source.get_width(), source.get_height()) != known.source.size:
        return True
    return source_digest(source, known.source.area) != known.source.sha256


# Styles


def style_layer(image: Gimp.Image, style: KnownStyle) -> Gimp.Layer | None:
    """Return the layer that a style was taken from, None if it is not in this image (any more)."""
    layer = image.get_layer_by_tattoo(style.tattoo) if style.tattoo else None
    return layer if layer is not None and layer.get_name() == style.name else None


def key_of(image: Gimp.Image, style: KnownStyle) -> str | None:
    """Return the key (see :mod:`styles`) of a style as it can be had now; None if nothing is left of it."""
    if style.path and os.path.isfile(style.path):
        return style.path
    layer = style_layer(image, style)
    if layer is not None:
        return f"layer {layer.get_id()}"
    return _recovered(style)


def _recovered(style: KnownStyle) -> str | None:
    """Write the style's small copy to a file in the cache, and return where."""
    if not style.copy:
        return None
    name = "".join(letter if letter.isalnum() else "-" for letter in style.name).strip("-") or "style"
    path = installation.thumbnail_folder().parent / "recovered" / style.sha256[:16] / f"{name}.jpg"
    try:
        picture = provenance.picture_of(style.copy)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        picture.savev(str(new), "jpeg", ["quality"], ["95"])
        os.replace(new, path)
    except (GLib.Error, ValueError, OSError) as error:
        print(f"neural-style: the copy of the style {style.name} cannot be used: {error}")
        return None
    return str(path)


def read_styles(
    image: Gimp.Image, known: Memory, seen: Callable[[Gimp.Layer], Gimp.Layer] = lambda layer: layer
) -> WeightedStyles:
    """Return the styles of a result in this image with their weights: files or layers, or for those gone the copies.

    ``seen`` gives the layer to read in a style layer's place.

    Raises:
        PluginError: nothing is left of a style, or it cannot be read.
    """
    found: list[tuple[pictures.Style, float]] = []
    for style in known.styles:
        key = key_of(image, style)
        if key is None:
            raise PluginError(
                _("The style “{name}” is gone.").format(name=style.name),
                _("Open the result with Neural Style and choose another one."),
            )
        if key.startswith("layer "):
            layer = style_layer(image, style)
            assert layer is not None
            read = pictures.read_layer(seen(layer))
            found.append((replace(read, tattoo=layer.get_tattoo()), style.weight))
            continue
        read = pictures.read_file(key)
        if key != style.path:  # a copy stands for the style itself
            read = pictures.Style(style.name, style.sha256, read.picture, style.path, style.tattoo)
        found.append((read, style.weight))
    return found


def styles_changed(image: Gimp.Image, known: Memory) -> bool:
    """Return whether a style's file or layer is another picture now; one that is gone cannot have changed."""
    for style in known.styles:
        if style.path:
            try:
                if hashlib.sha256(Path(style.path).read_bytes()).hexdigest() != style.sha256:
                    return True
            except OSError:
                continue
        else:
            layer = style_layer(image, style)
            if layer is not None and pictures.read_layer(layer).sha256 != style.sha256:
                return True
    return False


def same_styles(known: Memory, chosen: WeightedStyles) -> bool:
    """Return whether these are the styles that the result was painted with, in the same shares."""

    def shares(styles: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        whole = sum(weight for _digest, weight in styles) or 1.0
        return sorted((digest, round(weight / whole, 4)) for digest, weight in styles)

    return shares([(s.sha256, s.weight) for s in known.styles]) == shares([(s.sha256, w) for s, w in chosen])
