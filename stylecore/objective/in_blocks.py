"""The exact moments, content error and gradient of a whole picture, within the memory of a few tiles.

A VGG block is two to four convolutions and a pooling, so what it puts out at a place depends on its input a few positions
around. *Block-wise checkpointing* keeps nothing but the pooled outputs, here of stages of one or two blocks: 14 values a
pixel. Forward: each stage is computed tile by tile with a halo as wide as its convolutions reach, and the sums over
positions (moments, squared content error) are added up. Backward, from the last stage to the first: each tile is computed
again, given the gradient by its taps (in closed form from the gradient by the *global* sums) and by its pooled output, and
its gradient by its input is added in place. The result is the one-piece gradient to rounding, picture borders included.
What a network in low rank widens may be kept, too: from there a tile is computed again by products alone.

A picture may be shared by several processes (:mod:`stylecore.tensors.strips`): each computes the tiles of its strip, after
its input has been given the rows around it, and the sums over positions are then those of all strips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from stylecore.network.vgg import Network, layer_size
from stylecore.network.weights import BLOCKS
from stylecore.objective.moments import Moments, moments_gradient, summed_moments
from stylecore.tensors.strips import Strip

#: The blocks that are computed together. The first two are one stage: what block 1 puts out is more than half of all pooled
#: outputs (16 of 30 values a pixel) and costs little to compute again.
STAGES = ((1, 2), (3,), (4,), (5,))
#: Sides of a stage's tile, in positions of its input. Smaller ones cost more in halos, larger ones more memory.
TILE_SIDES = (256, 128, 96, 96)

#: By layer, the weights of its positions (h × w, summing to 1, or ``None`` for all alike) for each region.
Maps = Mapping[str, Sequence[Tensor | None]]


@dataclass(frozen=True)
class _Tile:
    """A core (top, bottom, left, right) in positions of a strip at a stage's input, and the same with its halo.

    The latter is in positions of the strip that has ``above`` rows of its neighbour on top. A ``level`` is how often the
    stage has halved what it works on.
    """

    core: tuple[int, int, int, int]
    around: tuple[int, int, int, int]
    above: int = 0

    def cut(self, x: Tensor) -> Tensor:
        """Return the part of a stage's input (with what lies around the strip) that the core depends on."""
        top, bottom, left, right = self.around
        return x[:, :, top:bottom, left:right]

    def around_at(self, x: Tensor, level: int) -> Tensor:
        """Return the part of a tensor over all positions of a picture (not of a strip) that :meth:`cut` leads to."""
        top, bottom, left, right = (place >> level for place in self.around)
        return x[:, :, top:bottom, left:right]

    def inner(self, x: Tensor, level: int) -> Tensor:
        """Return the core of what was computed from :meth:`cut`."""
        top, bottom, left, right = (place >> level for place in self.core)
        down, along = (self.around[0] - self.above) >> level, self.around[2] >> level
        return cast(Tensor, _Inner.apply(x, (top - down, bottom - down, left - along, right - along)))

    def whole(self, x: Tensor, level: int) -> Tensor:
        """Return the core's part of a tensor over all the strip's positions (… × h × W)."""
        top, bottom, left, right = (place >> level for place in self.core)
        return x[..., top:bottom, left:right]


class _Inner(torch.autograd.Function):
    """A part of feature maps, whose gradient lies in memory as they do: torch's own is always in NCHW."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, inner: tuple[int, int, int, int]) -> Tensor:
        top, bottom, left, right = ctx.inner = inner
        ctx.like = x.shape, x.is_contiguous(memory_format=torch.channels_last)
        return x[:, :, top:bottom, left:right]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (shape, channels_last), (top, bottom, left, right) = ctx.like, ctx.inner
        layout = torch.channels_last if channels_last else torch.contiguous_format
        slope = torch.empty(shape, dtype=gradients[0].dtype, device=gradients[0].device, memory_format=layout).zero_()
        slope[:, :, top:bottom, left:right] = gradients[0]
        return slope, None


@dataclass
class Forward:
    """What a forward pass found, and what its backward pass needs."""

    moments: dict[str, list[Moments]]
    squared_error: Tensor
    tapped: dict[str, Tensor]
    strip: Strip
    size: tuple[int, int]
    _inputs: list[Tensor] = field(default_factory=list)
    _narrowed: dict[str, Tensor] = field(default_factory=dict)  # by layer, what low rank widens, where that is kept

    def positions(self, name: str) -> int:
        """Return how many positions a layer has in the whole picture."""
        return math.prod(layer_size(name, self.size))


class Blocks:
    """A network's block-wise forward and backward passes.

    Args:
        network: the feature extractor; its device does the computing.
        share: the sides of the tiles, as a share of :data:`TILE_SIDES`; less takes less memory and more time.
        keep_on: where the pooled outputs wait between the passes; main memory spares a GPU's. ``None``: the network's
            own device.
        keep_narrowed: whether a network in low rank also keeps what it widens, from which activations are soon computed
            again.
    """

    def __init__(
        self, network: Network, share: float = 1.0, keep_on: torch.device | None = None, *, keep_narrowed: bool = False
    ) -> None:
        self._network, self._keep_narrowed = network, keep_narrowed
        self._sides = [max(16, int(side * share) // 2 * 2) for side in TILE_SIDES]
        self._keep_on = keep_on or network.device

    def forward(
        self,
        picture: Tensor,
        maps: Maps,
        *,
        content: tuple[str, Tensor, Tensor | None] | None = None,
        keep: str | None = None,
        for_backward: bool = False,
        strip: Strip | None = None,
    ) -> Forward:
        """Compute the sums over all positions.

        Args:
            picture: 1 × 3 × H × W in [0, 1], both sides at least 16; or the strip of it.
            maps: the layers whose moments are wanted, and of which regions.
            content: a layer, its target (1 × C × h × w) and its weights, for the squared error.
            keep: a layer whose features are returned whole (the content target).
            for_backward: whether :meth:`backward` follows.
            strip: which part of the whole all these tensors are; ``None``: all of it.
        """
        strip = strip or Strip(picture.shape[2])
        # In the same order in every process, whose sums are to meet.
        taps = sorted({*maps, *([content[0]] if content else []), *([keep] if keep else [])})
        last = max(_block(name) for name in taps)
        exact = torch.promote_types(self._network.dtype, torch.float32)
        nothing = torch.zeros((), device=self._network.device, dtype=exact)
        result = Forward({}, nothing, {}, strip, (strip.height, picture.shape[3]))
        sums: dict[str, list[tuple[Tensor, Tensor]]] = {}
        x = picture
        with torch.no_grad():
            for number, blocks in enumerate(STAGES):
                if blocks[0] > last:
                    break
                stage = _Stage(number, [name for name in taps if _block(name) in blocks], blocks[-1] < last)
                around = strip.with_halo(x, stage.halo, stage.halo)
                if for_backward:
                    result._inputs.append(around)
                keeps = for_backward and self._keep_narrowed and not strip.shared
                x = self._forward_stage(around, stage, maps, content, keep, result, sums, keeps)
        own = [part for regions in sums.values() for both in regions for part in both]
        *parts, result.squared_error = strip.add_up([*own, result.squared_error], "sums")
        pairs = iter(zip(parts[::2], parts[1::2], strict=True))
        for name in sums:
            counts = [result.positions(name) if map_ is None else 1 for map_ in maps[name]]
            result.moments[name] = [Moments(*(part / count for part in next(pairs))) for count in counts]
        return result

    def _forward_stage(
        self,
        x: Tensor,
        stage: _Stage,
        maps: Maps,
        content: tuple[str, Tensor, Tensor | None] | None,
        keep: str | None,
        result: Forward,
        sums: dict[str, list[tuple[Tensor, Tensor]]],
        keep_narrowed: bool,
    ) -> Tensor:
        """Add one stage's sums to ``sums`` and ``result``; return its pooled output."""
        network, strip, width = self._network, result.strip, x.shape[3]
        height = x.shape[2] - sum(strip.halo(stage.halo, stage.halo))
        exact = result.squared_error.dtype
        after = x
        if stage.pooled:
            shape = (1, network.channels(stage.blocks[-1]), height >> len(stage.blocks), width >> len(stage.blocks))
            after = torch.empty(shape, dtype=network.dtype, device=self._keep_on, memory_format=network.layout)
        for tile in self._tiles(stage, strip, height, width):
            narrowed: dict[str, Tensor] | None = {} if keep_narrowed else None
            output, found = self._run(self._bring(tile.cut(x)), stage, narrowed)
            for name, part in (narrowed or {}).items():
                level = stage.level(name)
                self._kept(result._narrowed, name, part, (height >> level, width >> level))
                tile.whole(result._narrowed[name], level).copy_(tile.inner(part, level))
            for name in stage.wanted:
                level = stage.level(name)
                feature = tile.inner(found[name], level)
                if name in maps:
                    parts = [
                        summed_moments(feature, None if map_ is None else tile.whole(map_, level)) for map_ in maps[name]
                    ]
                    before = sums.get(name)
                    sums[name] = (
                        parts
                        if before is None
                        else [(a[0] + b[0], a[1] + b[1]) for a, b in zip(before, parts, strict=True)]
                    )
                if content is not None and name == content[0]:
                    target, weights = content[1], content[2]
                    squares = (feature - self._bring(tile.whole(target, level))).to(exact).square()
                    if weights is None:
                        result.squared_error += squares.sum() / (target.shape[1] * result.positions(name))
                    else:
                        result.squared_error += (squares.mean((0, 1)) * tile.whole(weights, level)).sum()
                if name == keep:
                    self._kept(result.tapped, name, feature, (height >> level, width >> level))
                    tile.whole(result.tapped[name], level).copy_(feature)
            if stage.pooled:
                core = _even(tile.inner(output, len(stage.blocks) - 1))
                if core.shape[2] and core.shape[3]:
                    tile.whole(after, len(stage.blocks)).copy_(network.pool(core))
        return after

    def _kept(self, by_name: dict[str, Tensor], name: str, like: Tensor, size: tuple[int, int]) -> None:
        """See to it that there is room for a layer's numbers at all positions."""
        if name not in by_name:
            shape = (1, like.shape[1], *size)
            by_name[name] = torch.empty(shape, dtype=like.dtype, device=self._keep_on, memory_format=self._network.layout)

    def _run(self, x: Tensor, stage: _Stage, narrowed: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a stage's last activations and the wanted ones, from a part of its input; ``narrowed`` as in the block."""
        found: dict[str, Tensor] = {}
        for number, block in enumerate(stage.blocks):
            inner = number + 1 < len(stage.blocks)
            x, here = self._network.block(
                x, block, stage.depths[number], stage.wanted, halved=inner, tile=True, narrowed=narrowed
            )
            found.update(here)
        return x, found

    def backward(
        self,
        forward: Forward,
        gradients: Mapping[str, Sequence[tuple[Tensor, Tensor]]],
        maps: Maps,
        content: tuple[str, Tensor, Tensor | None],
        content_gradient: Tensor,
        pulled: Mapping[str, Tensor | None] | None = None,
    ) -> Tensor:
        """Return the gradient by the picture (1 × 3 × H × W, float32).

        Args:
            forward: of :meth:`forward` with ``for_backward``; used up.
            gradients: of the loss by each layer's mean and second moment, for each region.
            maps, content: as they were given to :meth:`forward`.
            content_gradient: of the loss by the squared error.
            pulled: by layer, how far each position's gradient by the moments counts (h × w); all of it where there is none.
        """
        network, strip = self._network, forward.strip
        upstream: Tensor | None = None
        while forward._inputs:
            number = len(forward._inputs) - 1
            x = forward._inputs.pop()
            wanted = [name for name in sorted({*maps, content[0]}) if _block(name) in STAGES[number]]
            stage = _Stage(number, wanted, upstream is not None)
            height, width = x.shape[2] - sum(strip.halo(stage.halo, stage.halo)), x.shape[3]
            total = torch.zeros_like(x)
            for tile in self._tiles(stage, strip, height, width):
                part = self._bring(tile.cut(x)).detach().requires_grad_(True)
                narrowed = {
                    name: tile.around_at(whole, stage.level(name))
                    for name, whole in forward._narrowed.items()
                    if _block(name) in stage.blocks
                }
                with torch.enable_grad():
                    output, found = self._run(part, stage, narrowed or None)
                    outputs, slopes = [], []
                    for name in wanted:
                        level = stage.level(name)
                        feature = tile.inner(found[name], level)
                        if name in maps:
                            outputs.append(feature)
                            positions, far = forward.positions(name), (pulled or {}).get(name)
                            far = None if far is None else tile.whole(far, level)
                            by_region = [
                                moments_gradient(
                                    feature.detach(),
                                    None if map_ is None else tile.whole(map_, level),
                                    *(*slope, positions, far),
                                )
                                for map_, slope in zip(maps[name], gradients[name], strict=True)
                            ]
                            slopes.append(sum(by_region[1:], by_region[0]))
                        if name == content[0]:
                            outputs.append(feature)
                            slope = _content_slope(feature.detach(), tile, level, content, forward.positions(name))
                            slopes.append((slope * content_gradient).to(feature.dtype))
                    if upstream is not None:
                        core = _even(tile.inner(output, len(stage.blocks) - 1))
                        if core.shape[2] and core.shape[3]:
                            outputs.append(network.pool(core))
                            slopes.append(self._bring(tile.whole(upstream, len(stage.blocks))))
                if not outputs:
                    continue
                (slope,) = torch.autograd.grad(outputs, part, slopes)
                tile.cut(total).add_(slope.to(total.device))
            forward._narrowed = {
                name: whole for name, whole in forward._narrowed.items() if _block(name) not in stage.blocks
            }
            upstream = strip.halo_returned(total, stage.halo, stage.halo)
        assert upstream is not None
        return upstream.to(torch.promote_types(upstream.dtype, torch.float32))

    def _tiles(self, stage: _Stage, strip: Strip, height: int, width: int) -> Iterator[_Tile]:
        """Cut a strip's input of a stage, ``height`` rows and what :meth:`Strip.with_halo` adds, into tiles."""
        halo, (above, below) = stage.halo, strip.halo(stage.halo, stage.halo)
        side, unit = self._sides[stage.number], 1 << len(stage.blocks)
        for top, bottom in _spans(height, side, unit):
            for left, right in _spans(width, side, unit):
                around = (
                    max(0, top - halo + above),
                    min(above + height + below, bottom + halo + above),
                    max(0, left - halo),
                    min(width, right + halo),
                )
                yield _Tile((top, bottom, left, right), around, above)

    def _bring(self, x: Tensor) -> Tensor:
        return x.to(self._network.device, non_blocking=True)


class _Stage:
    """What of a stage is computed: the blocks and how many of their convolutions, for the wanted layers."""

    def __init__(self, number: int, wanted: list[str], pooled: bool) -> None:
        last = max((_block(name) for name in wanted), default=STAGES[number][0])
        self.number, self.wanted, self.pooled = number, wanted, pooled
        self.blocks = [block for block in STAGES[number] if pooled or block <= last]
        self.depths = [BLOCKS[block - 1] for block in self.blocks]
        if not pooled:
            self.depths[-1] = max((int(name[6]) for name in wanted if _block(name) == last), default=0)
        # A convolution reaches one position further, as wide as the halvings before it have made it. Halos are of whole
        # positions at every level.
        reach, unit = sum(depth << level for level, depth in enumerate(self.depths)), 1 << (len(self.blocks) - 1)
        self.halo = -(-reach // unit) * unit

    def level(self, name: str) -> int:
        """Return how often the stage has halved its input at a layer."""
        return _block(name) - self.blocks[0]


def _block(name: str) -> int:
    return int(name[4])


def _content_slope(
    feature: Tensor, tile: _Tile, level: int, content: tuple[str, Tensor, Tensor | None], positions: int
) -> Tensor:
    """Return the slope of the squared content error by a tile's features, in float32 or better."""
    _, target, weights = content
    exact = torch.promote_types(feature.dtype, torch.float32)
    difference = (feature - tile.whole(target, level).to(feature.device)).to(exact)
    share = 1 / positions if weights is None else tile.whole(weights, level)
    return difference * share * (2 / feature.shape[1])


def _spans(length: int, side: int, unit: int) -> Iterator[tuple[int, int]]:
    """Cut a length into even spans of at most ``side``, rounded up to multiples of ``unit``."""
    count = -(-length // side)
    step = -(-length // count)
    step += -step % unit
    for begin in range(0, length, step):
        yield begin, min(begin + step, length)


def _even(core: Tensor) -> Tensor:
    """Return a core without the odd last row and column, which pooling drops."""
    return core[:, :, : core.shape[2] // 2 * 2, : core.shape[3] // 2 * 2]
