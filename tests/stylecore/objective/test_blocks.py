"""Blocks give what one piece gives: losses and gradient, at any size, border included."""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device.engine import layer_scales
from stylecore.network import weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network, activation_means
from stylecore.objective.anchor import Anchor
from stylecore.objective.distances import DISTANCES
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.layers import SHALLOW
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting
from stylecore.tensors.resampling import resize
from stylecore.tensors.strips import Strip


@functools.cache
def network(source: str | Path, pooling: str, rescaled: bool, dtype: torch.dtype = torch.float32) -> Network:
    scales = layer_scales(activation_means()) if rescaled else None
    loaded = weights.load(str(source))
    return Network(loaded, scales, pooling=pooling, gain=rescaled, replicate=rescaled, arithmetic=Arithmetic(dtype))


def pictures(height: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A content, a style and an image between them, with structure larger than a pixel."""
    generator = torch.Generator().manual_seed(seed)
    coarse = [torch.rand(1, 3, 7, 9, generator=generator) for _ in range(3)]
    content, style, image = (
        torch.nn.functional.interpolate(each, (height, width), mode="bicubic").clamp(0, 1) for each in coarse
    )
    return content, style, (image + 0.1 * torch.rand(image.shape, generator=generator)).clamp(0, 1)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def border(gradient: Tensor) -> Tensor:
    inner = torch.ones(gradient.shape, dtype=torch.bool)
    inner[:, :, 8:-8, 8:-8] = False
    return gradient[inner]


def assert_same(whole: Objective, parts: Objective, image: Tensor, tolerance: float = 1e-5) -> None:
    expected, found = whole(image), parts(image)
    assert torch.allclose(found.losses, expected.losses, rtol=2 * tolerance)
    assert relative(found.gradient, expected.gradient) <= tolerance
    assert relative(border(found.gradient), border(expected.gradient)) <= tolerance
    for objective, evaluated in ((whole, expected), (parts, found)):
        assert torch.allclose(objective.losses(image), evaluated.losses, rtol=tolerance), "the losses alone"


def both(
    kind: type[Objective], net: Network, content: Tensor, style: Tensor, share: float, **more: object
) -> list[Objective]:
    weighting = Weighting(0.3, 1.0, 0.5 if kind is BalancedObjective else 0.0, (1.0, 2.0, 1.0, 0.5, 1.0))
    styles = [StylePicture(style)]
    return [kind(net, content, styles, weighting, blocks=each, **more) for each in (None, Blocks(net, share))]  # type: ignore[arg-type]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(33, 200), st.integers(33, 200), st.sampled_from(["max", "average", "l2"]), st.booleans())
def test_any_size_with_and_without_a_guide(thin_weights: Path, height: int, width: int, pooling: str, guided: bool) -> None:
    """In double precision, where rounding opens no ReLU that is shut in the other, and can be told from a seam."""
    content, style, image = (picture.double() for picture in pictures(height, width))
    guide = torch.linspace(0, 1, width, dtype=torch.float64).expand(height, width).contiguous() if guided else None
    net = network(thin_weights, pooling, True, torch.float64)
    whole, parts = both(BalancedObjective, net, content, style, 0.25, guide=guide)
    assert_same(whole, parts, image, 1e-8)


@pytest.mark.parametrize("kind", [BalancedObjective, GramObjective, PaperObjective])
def test_the_real_network_in_single_precision(kind: type[Objective]) -> None:
    content, style, image = pictures(129, 197)
    # Without maxima: by rounding, one of two equal neighbours is taken here and the other there.
    net = network("bundled", "average", rescaled=kind is BalancedObjective)
    assert_same(*both(kind, net, content, style, 0.5), image)


@pytest.mark.parametrize("statistics", DISTANCES)
def test_every_statistic_with_the_tiles_as_they_are_used(thin_weights: Path, statistics: str) -> None:
    """In double precision, since Wasserstein's roots of small eigenvalues magnify rounding a thousand times."""
    content, style, image = (picture.double() for picture in pictures(131, 280))
    net = network(thin_weights, "max", True, torch.float64)
    whole, parts = both(BalancedObjective, net, content, style, 1.0, distance=DISTANCES[statistics])
    assert_same(whole, parts, image, 1e-8)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(33, 300), st.integers(33, 120), st.booleans())
def test_a_fine_scale_that_is_held_to_a_coarser_one(thin_weights: Path, height: int, width: int, guided: bool) -> None:
    content, style, image = (picture.double() for picture in pictures(height, width))
    anchor = Anchor(resize(style, (height // 2, width // 2)), width, Strip(height))
    guide = torch.linspace(0, 1, width, dtype=torch.float64).expand(height, width).contiguous() if guided else None
    net = network(thin_weights, "max", True, torch.float64)
    whole, parts = both(BalancedObjective, net, content, style, 0.25, guide=guide, layers=SHALLOW, anchor=anchor)
    assert_same(whole, parts, image, 1e-8)
    assert len(whole(image).losses) == 3 + 3


def test_tiles_without_a_halo_would_be_noticed(thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is sharp enough to see a seam."""
    tiles = Blocks._tiles

    def without(self: Blocks, stage: object, *rest: object) -> object:
        return tiles(self, SimpleNamespace(**{**vars(stage), "halo": 0}), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Blocks, "_tiles", without)
    content, style, image = pictures(140, 150)
    whole, parts = both(BalancedObjective, network(thin_weights, "max", True), content, style, 0.25)
    with pytest.raises(AssertionError):
        assert_same(whole, parts, image)
