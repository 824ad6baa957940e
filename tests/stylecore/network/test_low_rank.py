"""The network in low rank: its convolutions by torch's own, how near it comes, and who is painted by it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.errors import StyleError
from stylecore.experiments.scores import Judge
from stylecore.files.pictures import Pixels
from stylecore.network import low_rank, weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.low_rank import APPROXIMATED, Convolution, Factors
from stylecore.network.vgg import Network
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests import device


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_factors(before: int, after: int, rank: int, seed: int) -> Factors:
    """Return factors of a layer that makes ``after`` channels of ``before``; outputs are of about the inputs' size."""
    down, across = (
        random((rank, before, 3), seed) / (3 * before) ** 0.5,
        random((rank, rank, 3), seed + 1) / (3 * rank) ** 0.5,
    )
    return Factors(down, across, random((after, rank), seed + 2), random((after,), seed + 3))


@given(
    height=st.integers(1, 45), width=st.integers(1, 45), before=st.integers(1, 40), after=st.integers(1, 40),
    rank=st.integers(1, 20), dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16]), tile=st.booleans(),
    seed=st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_result_and_gradient_are_those_of_one_filter_and_a_product(
    height: int, width: int, before: int, after: int, rank: int, dtype: torch.dtype, tile: bool, seed: int
) -> None:
    factors = random_factors(before, after, rank, seed)
    x, upstream = random((1, before, height, width), seed + 4), random((1, after, height, width), seed + 5)
    x, upstream = (each.to(dtype).contiguous(memory_format=torch.channels_last) for each in (x, upstream))
    exact = x.double().requires_grad_(True)
    filters = torch.einsum("drj,rci->dcij", factors.across.double(), factors.down.double())
    linear = F.conv2d(F.conv2d(exact, filters, padding=1), factors.widen.double()[..., None, None], factors.bias.double())
    convolution = Convolution(factors, dtype)
    result, narrowed = convolution(x.requires_grad_(True), tile=tile)
    rounding = {torch.float64: 1e-12, torch.float32: 3e-5, torch.bfloat16: 0.06}[dtype]
    assert (result.double() - F.relu(linear)).abs().max() <= rounding * linear.abs().max().clamp_min(1)
    # Through the very same outputs: next to zero, rounding may open or close one.
    (wanted,) = torch.autograd.grad(linear, exact, upstream.double() * (result > 0), retain_graph=True)
    (gradient,) = torch.autograd.grad(result, x, upstream, retain_graph=True)
    assert (gradient.double() - wanted).abs().max() <= rounding * wanted.abs().max().clamp_min(1)
    assert gradient.shape == x.shape and gradient.dtype == dtype
    if min(height, width) >= 2:  # with pooling at once: as torch pools the result
        halved, _ = convolution(x, tile=tile, halved=True)
        pooled = F.max_pool2d(result, 2)
        assert torch.equal(halved, pooled)
        upstream = upstream[..., : height // 2, : width // 2]
        (gradient,) = torch.autograd.grad(halved, x, upstream)
        (wanted,) = torch.autograd.grad(pooled, x, upstream)
        assert (gradient - wanted).abs().max() <= rounding * wanted.abs().max().clamp_min(1)
    again, _ = convolution(torch.zeros_like(x).requires_grad_(True), tile=tile, narrowed=narrowed.detach())
    # Whatever the input, which is not asked for it.
    assert (again - result).abs().max() <= rounding * result.abs().max().clamp_min(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_filters_that_are_kept_laid_out_are_torch_s_own(dtype: torch.dtype) -> None:
    """Whatever sizes come one after the other; a tile of a picture takes torch's way."""
    convolution = Convolution(random_factors(32, 48, 16, 0), dtype)
    for height, width in ((21, 34), (6, 8), (21, 34), (21, 34), (64, 3)):
        x = random((1, 32, height, width), height).to(dtype).contiguous(memory_format=torch.channels_last)
        kept, anew = (convolution(x, tile=tile)[0].float() for tile in (False, True))
        assert torch.allclose(kept, anew, rtol=0.02, atol=0.02 * anew.abs().max().item())


@device.processor_only("it is for a processor")
def test_its_features_are_near_the_exact_ones(real_engine: Engine, content: Pixels, style: Pixels) -> None:
    """Of what a layer has beside its channels' means, so much is missed: of pictures that it was not fitted to."""
    exact = Network(weights.load(), real_engine._scales)
    near = Network(weights.load(), real_engine._scales, arithmetic=Arithmetic(low_rank=True))
    generator = np.random.default_rng(0)
    other = (content[::-1] * 0.7 + style[:, ::-1][: len(content), : content.shape[1]].mean(2, keepdims=True) * 0.3).clip(
        0, 1
    )
    other = (other + generator.normal(0, 0.02, other.shape)).clip(0, 1).astype(np.float32)
    image = torch.from_numpy(np.ascontiguousarray(other)).permute(2, 0, 1)[None]
    most = {"conv2_1": 0.02, "conv3_1": 0.06, "conv4_1": 0.06, "conv4_2": 0.08, "conv5_1": 0.2}
    expected, found = (network.features(image, most) for network in (exact, near))
    for name, bar in most.items():
        spread = (expected[name] - expected[name].mean((2, 3), keepdim=True)).square().mean()
        missed = (found[name] - expected[name]).square().mean() / spread
        assert missed < bar, (name, missed.item())


@device.processor_only("it is for a processor")
def test_who_is_painted_by_it(real_engine: Engine, engine: Engine) -> None:
    def low(which: Engine = real_engine, **changes: object) -> bool:
        return which.arithmetic_for(Settings(**changes)).low_rank  # type: ignore[arg-type]

    assert low() and low(quality="draft") and low(precision="float32")
    assert not low(quality="best") and not low(objective="gram") and not low(objective="paper") and not low(pooling="l2")
    assert not low(engine)  # its weights are others
    assert not engine.can_compute(Arithmetic(low_rank=True)) and real_engine.can_compute(Arithmetic(low_rank=True))
    assert Arithmetic.from_stored(Arithmetic(torch.bfloat16, low_rank=True).stored()).low_rank
    assert not Arithmetic.from_stored({"dtype": "bfloat16", "winograd": False}).low_rank  # as it was stored before


@device.processor_only("it is for a processor")
def test_a_picture_scores_as_if_painted_by_the_exact_network(
    real_engine: Engine, content: Pixels, style: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = PaintRequest(content, [Style(style)], Settings(quality="draft"))
    painted = Job(real_engine, request)
    assert painted.arithmetic.low_rank
    *_, _ = painted.run()
    with monkeypatch.context() as patched:
        patched.setattr("stylecore.device.engine.IN_LOW_RANK", ())
        exact = Job(real_engine, request)
        *_, _ = exact.run()
    found, best = (Judge(real_engine, request).score(job.image()).total for job in (painted, exact))
    untouched = Judge(real_engine, request).score(content).total
    assert found < best * 1.1 and found < untouched * 0.6


def damaged(path: Path, how: str) -> Path:
    if how == "missing":
        return path.with_name("none.npz")
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
        return path
    with np.load(path) as stored:
        arrays = dict(stored)
    if how == "other weights":
        arrays["weights"] = np.array("0" * 64)
    if how == "other numbers":
        arrays["conv3_1.widen"] = arrays["conv3_1.widen"] * 2
    if how == "a layer less":
        del arrays["conv5_1.bias"]
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize("how", ["missing", "cut", "other weights", "other numbers", "a layer less"])
def test_a_damaged_file_is_told(tmp_path: Path, how: str) -> None:
    path = Path(shutil.copy(low_rank.FILE, tmp_path))
    assert set(low_rank.load(path)) == set(APPROXIMATED)
    with pytest.raises(StyleError) as caught:
        low_rank.load(damaged(path, how))
    assert caught.value.code == "weights-corrupt" and caught.value.remedy


@device.processor_only("it is for a processor")
@pytest.mark.parametrize("keep_narrowed", [False, True])
def test_blocks_and_one_piece_agree(real_engine: Engine, content: Pixels, style: Pixels, keep_narrowed: bool) -> None:
    network = Network(weights.load(), real_engine._scales, arithmetic=Arithmetic(low_rank=True))
    picture, other = (torch.from_numpy(each).permute(2, 0, 1)[None].contiguous() for each in (content, style))
    picture, other = (each[..., :-1, :-3] for each in (picture, other))
    image = (picture * 0.7 + other * 0.3).clamp(0, 1)
    found = []
    for blocks in (None, Blocks(network, 0.25, keep_narrowed=keep_narrowed)):
        weighting = Weighting(0.2, 1.0, 0.5)
        found.append(BalancedObjective(network, picture, [StylePicture(other)], weighting, blocks=blocks)(image))
    assert torch.allclose(found[0].losses, found[1].losses, rtol=1e-4)
    difference = (found[0].gradient - found[1].gradient).square().mean().sqrt()
    assert difference < 1e-3 * found[0].gradient.square().mean().sqrt()
