"""What a job paints from, at any of its scales: content, styles, guides, and the picture to begin with."""

from __future__ import annotations

import hashlib
from enum import Enum

import torch
from torch import Tensor

from stylecore.device import memory_budget
from stylecore.device.engine import Engine
from stylecore.errors import StyleError, fault
from stylecore.network.arithmetic import Arithmetic
from stylecore.objective.anchor import Anchor
from stylecore.objective.distances import DISTANCES
from stylecore.objective.figures import room_for_figures, without_figures
from stylecore.objective.flat import roughened
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.layers import DEEP, Layers
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting, strength_weighting
from stylecore.painting import masks
from stylecore.painting.frames import within_frame
from stylecore.painting.inputs import Pixels, picture_tensors
from stylecore.painting.masks import resize_guide
from stylecore.painting.planning.brush import style_size
from stylecore.painting.planning.plan import LEAST_COARSE_CONTENT, nearly_texture
from stylecore.painting.targets import Targets
from stylecore.request import PaintRequest
from stylecore.setting_kinds import numbers
from stylecore.tensors import colours
from stylecore.tensors.resampling import Size, resize
from stylecore.tensors.strips import Strip

# A style of which at least this share is left has no frame to speak of, but a line or two at its edge.
_SPOKEN_OF = 0.98
# How many times the palette counts at the last scale: there colours have their places and need but become pure. At low
# strengths it is once, since nothing but lightness would hold the photo's own colours.
_PURE = 2.5


class Phase(Enum):
    """Which part of a painting a scale is; a single one that goes on from an earlier picture is the last."""

    ONLY = "only"
    FIRST = "first"
    BETWEEN = "between"
    LAST = "last"

    @classmethod
    def of(cls, number: int, count: int, *, warm: bool) -> Phase:
        """Return which part the scale of this number, from 0, of so many is; ``warm`` goes on from an earlier picture."""
        if count == 1 and not warm:
            return cls.ONLY
        if number == count - 1:
            return cls.LAST
        return cls.FIRST if number == 0 else cls.BETWEEN


class Materials:
    """A job's pictures at full size, and what is made of them for a scale.

    Args:
        engine, request, targets: see :class:`stylecore.painting.job.Job`.
        arithmetic: the network's.

    Raises:
        StyleError: bad input, with a code, a sentence and a remedy.
    """

    def __init__(
        self, engine: Engine, arithmetic: Arithmetic, request: PaintRequest[Pixels], targets: Targets | None
    ) -> None:
        #: The settings and the arithmetic in force.
        self.settings, self.arithmetic = request.settings, arithmetic
        self._engine = engine
        self.content, self._alpha = picture_tensors(request.content, "content", engine.device)
        weights = [style.weight for style in request.styles]
        if not weights or sum(weights) <= 0 or min(weights) < 0:
            raise StyleError(*fault("no-style"))
        styles = [style for style in request.styles if style.weight > 0]
        where = [style.paints_where for style in styles]
        self._areas = masks.Areas(self.size, self._alpha, request.mask, where, request.strength_map, engine.device)
        self._start = None if request.start is None else self._make_start(request.start)
        self._anew, self._targets = request.anew, targets
        self._room: Tensor | None = None
        #: For each style that has a frame to speak of, the height and width of what is taken of it.
        self.without_frame: list[Size] = []
        self._styles = [(*self._make_style(style.picture), style.weight) for style in styles]

    @property
    def size(self) -> Size:
        """The content's height and width."""
        return self.content.shape[2], self.content.shape[3]

    @property
    def style_sizes(self) -> list[Size]:
        """Each style's height and width."""
        return [(picture.shape[2], picture.shape[3]) for picture, *_ in self._styles]

    @property
    def warm(self) -> bool:
        """Whether painting goes on from the pixels of a start picture."""
        return self._start is not None and not self._anew

    @property
    def has_strength_map(self) -> bool:
        """Whether the strength differs from place to place."""
        return self._areas.strength is not None

    def _make_start(self, pixels: Pixels) -> Tensor:
        if pixels.shape[:2] != self.size:
            sizes = {"picture_width": self.size[1], "picture_height": self.size[0]}
            raise StyleError(*fault("bad-start", width=pixels.shape[1], height=pixels.shape[0], **sizes))
        start, alpha = picture_tensors(pixels, "content", self._engine.device)
        return start if alpha is None else torch.lerp(self.content, start, alpha[None, None])

    def _make_style(self, pixels: Pixels) -> tuple[Tensor, Tensor | None]:
        """Return a style's colours and alpha, without its frame; the objectives of others take all of it, as they would."""
        picture, alpha = picture_tensors(pixels, "style", self._engine.device)
        if self.settings.objective != "balanced":
            return picture, alpha
        inner = within_frame(pixels)
        whole, picture = picture, picture[:, :, inner.top : inner.bottom, inner.left : inner.right].contiguous()
        if picture.numel() < _SPOKEN_OF * whole.numel():
            self.without_frame.append((picture.shape[2], picture.shape[3]))
        return picture, alpha

    def digest(self) -> str:
        """Return a digest of everything that is painted from."""
        digest = hashlib.sha256()
        areas = (self._areas.guide, self._areas.strength, *self._areas.regions)
        # What is made up where the content is transparent rounds otherwise on other numbers of threads.
        content = self.content if self._alpha is None else self.content * (self._alpha == 1)
        pictures = [content, *areas, self._start, *(part for style in self._styles for part in style[:2])]
        for picture in pictures:
            digest.update(b"-" if picture is None else str(tuple(picture.shape)).encode())
            if picture is not None:
                digest.update(picture.cpu().numpy().data)
        digest.update(repr([style[2] for style in self._styles]).encode())
        return digest.hexdigest()

    def content_at(self, size: Size) -> Tensor:
        """Return the content at a size."""
        return self.content if self.size == size else resize(self.content, size).clamp(0, 1)

    def movable(self, size: Size) -> Tensor | None:
        """Return H × W at a size, 0 where the image must not change; ``None`` if it may everywhere."""
        return None if self._areas.guide is None else resize_guide(self._areas.guide, size)

    def objective(
        self,
        size: Size,
        way: memory_budget.MemoryPlan,
        strip: Strip,
        phase: Phase = Phase.LAST,
        *,
        layers: Layers = DEEP,
        coarse: Tensor | None = None,
    ) -> Objective:
        """Return what is to be minimised at a scale, with its targets.

        Args:
            size: of the scale.
            way: how it is painted.
            strip: the part of it that this process paints.
            phase: which part of the painting it is.
            layers: of the balanced objective; the others take all.
            coarse: the result of the scale before, whole, to which the layers may want it held.
        """
        guide, where = self._areas.at(size)
        network = self._engine.network(self.settings, self.arithmetic)
        styles = []
        areas = zip(self._styles, self._areas.regions, where, strict=True)
        for number, ((picture, alpha, weight), full, region) in enumerate(areas):
            target = style_size((picture.shape[2], picture.shape[3]), size, self.settings.brush_size)
            small_alpha = None if alpha is None else resize_guide(alpha, target)
            small = picture if tuple(picture.shape[2:]) == target else resize(picture, target).clamp(0, 1)
            if self.matched_share() > 0:
                recolour = colours.recolouring(picture, self.content, alpha, self._areas.guide if full is None else full)
                small = recolour(small, self.matched_share())
            known = None
            if self._targets is not None and self.matched_share() == 0:
                known = self._targets.at(number, target, network, way)
            styles.append(StylePicture(small, weight, small_alpha, region, known))
        kept = torch.device("cpu") if way.spill else network.device
        blocks = Blocks(network, way.tiles, kept, keep_narrowed=way.keep_narrowed) if way.blocks else None
        emphasis = self._areas.emphasis(size, self._strength())
        content, weighting = strip.cut(self.content_at(size)), self.weighting(phase)
        parts = (network, content, styles, weighting, guide, blocks, emphasis, strip)
        if self.settings.objective == "balanced":
            anchor = Anchor(coarse, size[1], strip) if coarse is not None and layers.held > 0 else None
            distance = DISTANCES[self.settings.statistics]
            return BalancedObjective(*parts, layers, anchor, self._room_for_figures(), distance=distance)
        return GramObjective(*parts) if self.settings.objective == "gram" else PaperObjective(*parts)

    def _room_for_figures(self) -> Tensor | None:
        if self.settings.figures != "few":
            return None
        if self._room is None:
            self._room = room_for_figures(self.content)
        return self._room

    def matched_share(self) -> float:
        """Return how far, 0 to 1, the styles are recoloured to the photo's palette."""
        return self.settings.colours_amount / 100 if self.settings.colours == "match" else 0.0

    def _from_photo(self) -> float:
        """Return how far, 0 to 1, the result takes its colours from the photo."""
        amount = self.settings.colours_amount / 100
        return {"photo": amount, "style": 1 - amount, "match": 0.0}[self.settings.colours]

    def weighting(self, phase: Phase = Phase.LAST) -> Weighting:
        """Return the objective's weights under the settings in force, in a phase of the painting."""
        smoothing = self.settings.total_variation
        layers = tuple(numbers(self.settings.layer_weights))
        if self.settings.objective != "balanced":
            content, style = self.settings.content_weight, self.settings.style_weight
            if nearly_texture(self.settings) and phase in (Phase.FIRST, Phase.BETWEEN):
                content = style * LEAST_COARSE_CONTENT
            return Weighting(content, style, 0.0, layers)
        if self.settings.figures == "none":
            layers = without_figures(layers)
        palette, edges = self.settings.palette / 100, self.settings.edges / 100
        strength = self._strength()
        if phase is Phase.LAST:
            palette *= 1 + (_PURE - 1) * min(1.0, (strength / 50) ** 2)
        if phase is Phase.FIRST:  # colours find their places there; small steps would hold them up
            edges = 0.0
        return strength_weighting(strength, smoothing, layers, palette, 1 - self._from_photo(), edges)

    def _strength(self) -> float:
        """Return the strength; a strength map's curve needs one that leaves the photo some say (``regions.MIDDLE``)."""
        if self._areas.strength is None:
            return self.settings.strength
        if self.settings.objective != "balanced":
            return masks.MIDDLE
        return min(self.settings.strength, masks.MOST)

    def first_image(self, size: Size) -> Tensor:
        """Return what painting begins with at the first scale."""
        start = self.settings.start
        if self._start is not None and not self._anew:
            return self.detail(size)
        if start == "content":
            if self.settings.objective != "balanced":
                return self.detail(size)
            guide = None if self._areas.guide is None else resize_guide(self._areas.guide, size)
            return roughened(self.detail(size), guide, self.settings.strength, self.settings.seed)
        if start == "noise":
            generator = torch.Generator().manual_seed(self.settings.seed)
            image = torch.rand((1, 3, *size), generator=generator).to(self.content)
        else:
            image = self.content.new_full((1, 3, *size), 0.5)
        return self._around(image, size)

    def detail(self, size: Size) -> Tensor:
        """Return what the image is before it is painted on, at this size: a finer scale takes its detail from it."""
        if self._start is not None and not self._anew:
            return resize(self._start, size).clamp(0, 1)
        return self._around(self.content_at(size), size)

    def _around(self, image: Tensor, size: Size) -> Tensor:
        """Return ``image`` with the start picture, if there is one, outside the guide."""
        if self._start is None or self._areas.guide is None:
            return image
        return torch.lerp(resize(self._start, size).clamp(0, 1), image, resize_guide(self._areas.guide, size)[None, None])

    def deliver(self, image: Tensor) -> Pixels:
        """Return ``image`` with the photo's colours if asked for, limited by the guide, and with the content's alpha."""
        size: Size = (image.shape[2], image.shape[3])
        content = self.content_at(size)
        image = image.clamp(0, 1)
        image = colours.with_colours_of(image, content, self._from_photo())
        if self._areas.visible is not None:
            outside = content if self._start is None else resize(self._start, size).clamp(0, 1)
            image = torch.lerp(outside, image, resize_guide(self._areas.visible, size)[None, None])
        if self._alpha is not None:
            image = torch.cat([image, resize_guide(self._alpha, size)[None, None]], 1)
        return image[0].permute(1, 2, 0).cpu().numpy().copy()
