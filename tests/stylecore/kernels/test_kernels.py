"""The GPU's kernels beside torch's operations: on a GPU as they are, else compiled for the processor."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.kernels import colours, compiling, pooling, smoothness
from stylecore.kernels import optimiser as kernels
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network
from stylecore.objective.colours.edges import Edges
from stylecore.objective.colours.lattice import Lattice
from stylecore.objective.colours.lines import Lines, directions
from stylecore.objective.colours.palette import Palette
from stylecore.objective.colours.sliced import SlicedRegion
from stylecore.objective.objective import Evaluation
from stylecore.objective.smoothness import total_variation, total_variation_in_rows
from stylecore.optimiser.lbfgs import BoxLBFGS
from stylecore.tensors.strips import Strip
from tests import device

_DEVICE = torch.device(device.name())
on_a_gpu = pytest.mark.skipif(_DEVICE.type != "cuda", reason="needs cuDNN")


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    """The programs, compiled for this processor, where there is no GPU."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a GPU or g++")
    folder, here = tmp_path_factory.mktemp("kernels"), Path(__file__).parent
    found = {}
    for program in compiling.PROGRAMS.keys() - {"products"}:  # tensor cores are a GPU's alone
        source = Path(compiling.__file__).with_name(f"{program}.cu")
        library = folder / f"{program}.so"
        subprocess.run(
            [*(compiler, "-O2", "-shared", "-fPIC", "-x", "c++", "-Wno-unknown-pragmas"),
             *("-include", str(here / "on_processor.h"), str(source), "-o", str(library))],
            check=True,
        )  # fmt: skip
        found[program] = ctypes.CDLL(str(library))
    return found


@pytest.fixture
def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Have the kernels used from here on, or not."""
    usable = compiling.usable
    if _DEVICE.type != "cuda":
        programs = request.getfixturevalue("libraries")
        usable = lambda x, program: program in programs  # noqa: E731
        monkeypatch.setattr(compiling, "launch", functools.partial(_launched_on_processor, programs))

    def to(on: bool) -> None:
        monkeypatch.setattr(compiling, "usable", usable if on else lambda x, program: False)

    to(True)
    return to


def _launched_on_processor(
    programs: dict[str, ctypes.CDLL],
    program: str,
    kernel: str,
    x: Tensor,
    count: int,
    *arguments: Tensor | int | float,
    threads: int = compiling.THREADS,
) -> None:
    assert count > 0
    assert kernel in compiling.PROGRAMS[program]
    given = [
        ctypes.c_void_p(each.data_ptr()) if isinstance(each, Tensor)
        else ctypes.c_int(each) if isinstance(each, int) else ctypes.c_double(each)
        for each in arguments
    ]  # fmt: skip
    getattr(programs[program], kernel)(*given)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).to(_DEVICE)


def _features(channels: int, height: int, width: int) -> Tensor:
    """What ReLU leaves: many zeros, and with bfloat16's few digits many that are alike."""
    values = torch.randn((1, channels, height, width), generator=torch.Generator().manual_seed(1)).mul(8).round() / 8
    return values.relu().to(_DEVICE, torch.bfloat16).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 2), (8, 6), (7, 9), (33, 64)])
@pytest.mark.parametrize("channels", [8, 64, 72])
def test_pooling_chooses_as_torch_does(switch: Callable[[bool], None], channels: int, height: int, width: int) -> None:
    x = _features(channels, height, width)
    assert pooling.suits(x)
    pooled, places = pooling.pool(x)
    before = (x - 0.5).requires_grad_(True)  # ReLU then lets half of it through
    expected = F.max_pool2d(before.relu(), 2)
    assert torch.equal(pooling.pool(before.relu().detach())[0], expected)
    assert torch.equal(pooled, F.max_pool2d(x, 2))

    gradient = _random(*pooled.shape).to(torch.bfloat16)
    places = pooling.pool(before.relu().detach())[1]
    (slope,) = torch.autograd.grad(expected, before, gradient)
    assert torch.equal(pooling.pool_slope(gradient, places, (height, width)), slope)


def test_what_cannot_be_pooled_is_left_to_torch(switch: Callable[[bool], None]) -> None:
    x = _features(8, 4, 4)
    assert pooling.suits(x)
    assert not pooling.suits(x.float())
    assert not pooling.suits(x[:, :, :1])
    assert not pooling.suits(x[:, :6].contiguous(memory_format=torch.channels_last))
    assert not pooling.suits(_features(8, 4, 4).contiguous())
    assert pooling.suits(x, 16)
    assert not pooling.suits(x, 12), "a pruned network's convolution makes it of others"


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (17, 40)])
def test_colours_are_counted_and_read_off_as_by_torch(
    switch: Callable[[bool], None], height: int, width: int, weighted: bool
) -> None:
    lattice = Lattice(Lines.of(directions(), _DEVICE))
    image = _random(1, 3, height, width) * 1.2 - 0.1  # some beyond what there is
    weights = _random(height, width, seed=1) if weighted else None
    table = _random(len(directions()), 255, seed=2) - 0.5
    counts, slopes = [], []
    for on in (True, False):
        switch(on)
        assert colours.suits(image) == on
        counts.append(lattice.counts(image, weights))
        slopes.append(_random(1, 3, height, width, seed=3))
        lattice.add_slopes(table, image, weights, slopes[-1])
    assert torch.equal(*counts)
    assert counts[0].sum() > 0
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=2e-5 * float(slopes[1].abs().max()))


@pytest.mark.parametrize("weighted", [False, True])
def test_edges_and_palette_are_the_same(switch: Callable[[bool], None], weighted: bool) -> None:
    content, style, image = _random(1, 3, 40, 33), _random(1, 3, 30, 50, seed=1) ** 3, _random(1, 3, 40, 33, seed=2)
    where = _random(40, 33, seed=4).round() if weighted else None
    region = [SlicedRegion([(style, None, 1.0)], where, 1.0)]
    for term in (Edges, Palette):
        found = []
        for on in (True, False):
            switch(on)
            found.append(term(content, region, Strip(40), lattice=True)(image))
        (value, slope), (expected_value, expected_slope) = found
        torch.testing.assert_close(value, expected_value, rtol=1e-3, atol=1e-6)
        assert float((slope - expected_slope).norm() / expected_slope.norm()) < 0.01, (
            term
        )  # a step may fall into another cell
        assert float(expected_slope.norm()) > 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 2), (23, 31)])
@pytest.mark.parametrize("times", [1.0, 17.0])
def test_total_variation_is_autograds(switch: Callable[[bool], None], height: int, width: int, times: float) -> None:
    image = _random(1, 3, height, width).requires_grad_(True)
    expected = total_variation(image, times)
    (slope,) = torch.autograd.grad(expected, image)
    value, found = total_variation_in_rows(image.detach(), torch.tensor(times, device=_DEVICE))
    torch.testing.assert_close(found, slope, rtol=1e-4, atol=1e-6 * max(1e-3, float(slope.abs().max())))
    torch.testing.assert_close(value, expected.detach(), rtol=1e-4, atol=1e-7)


def test_total_variation_of_a_strip_takes_the_row_below_as_a_neighbour_alone(switch: Callable[[bool], None]) -> None:
    whole = _random(1, 3, 20, 12)
    upper = smoothness.total_variation_slope(whole[:, :, :9].contiguous(), 3.0, 8, 1)
    lower = smoothness.total_variation_slope(whole[:, :, 8:].contiguous(), 3.0, 12, 1)
    together = torch.zeros_like(whole)
    together[:, :, :9] += upper
    together[:, :, 8:] += lower
    torch.testing.assert_close(together, smoothness.total_variation_slope(whole, 3.0, 20, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("length", [1.0, torch.tensor(0.7)])
def test_steps_of_l_bfgs_are_the_same(switch: Callable[[bool], None], half: bool, length: Tensor | float) -> None:
    """A number of pixels that is no multiple of eight, some of them held, and slots that hold what is no number."""
    length = length.to(_DEVICE) if isinstance(length, Tensor) else length
    images = _random(1, 3, 7, 11) * 1.4 - 0.2, _random(1, 3, 7, 11, seed=1)
    gradients = _random(231, seed=2) - 0.5, _random(231, seed=3) - 0.5
    movable = _random(1, 3, 7, 11, seed=4).round()
    coefficients = torch.tensor([0.3, 0.0, -0.9, 0.2, 0.0, 1.1, 0.5], dtype=torch.float64)
    found = []
    for on in (True, False):
        switch(on)
        optimiser = BoxLBFGS(images[0], _bowl, history=2, half=half, movable=movable)
        history = optimiser._history
        assert history.at_once == (on and half)
        history.put(0, images, gradients)
        history.put(2, images[::-1], gradients)
        optimiser._gradient = gradients[0]
        free = optimiser._free = optimiser._free_pixels(images[0], gradients[0])
        if on:
            history.rows[1] = torch.inf if history.at_once else 0  # its coefficient is 0
        found.append((history.rows[[0, 2, 3, 5]], free, optimiser._moved(coefficients, length)))
    assert 20 < int(found[0][1].sum()) < 211
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(found[0][2], found[1][2], rtol=0, atol=2e-6)


def _bowl(image: Tensor) -> Evaluation:
    return Evaluation(image.square().sum().reshape(1).expand(3), 2 * image)


@on_a_gpu
@pytest.mark.parametrize("slots", [1, 4, 11, 21])
@pytest.mark.parametrize("numbers", [24, 771, 300_003])
def test_products_by_tensor_cores_are_those_in_float64(switch: Callable[[bool], None], slots: int, numbers: int) -> None:
    if torch.cuda.get_device_capability(_DEVICE) < (8, 0):
        pytest.skip("needs tensor cores for bfloat16")
    rows = torch.zeros(2 * slots, -(-numbers // 8) * 8, device=_DEVICE, dtype=torch.bfloat16)[:, :numbers]
    rows.copy_(_random(2 * slots, numbers) - 0.4)
    gradient, free = _random(numbers, seed=1) - 0.5, _random(numbers, seed=2) > 0.3
    assert kernels.multiplies(rows)
    found = kernels.products(rows, gradient, free)
    left = torch.cat([rows.double(), gradient[None].double()])
    right = torch.cat([rows[slots:].double(), gradient[None].double()]) * free
    expected = left @ right.t()
    scale = left.norm(dim=1)[:, None] * right.norm(dim=1)
    assert float(((found - expected) / scale).abs().max()) < 1e-6
    assert kernels.products(rows, gradient, free).equal(found)


@on_a_gpu
@pytest.mark.parametrize("side", [64, 75])
def test_a_network_with_the_kernels_finds_the_same_bytes(switch: Callable[[bool], None], engine: Engine, side: int) -> None:
    network = Network(engine._weights, device=_DEVICE, arithmetic=Arithmetic(torch.bfloat16))
    image = _random(1, 3, side, side).requires_grad_(True)
    found = []
    for on in (True, False):
        switch(on)
        features = network.features(image, {"conv2_1", "conv4_2"})
        total = sum(each.float().square().mean() for each in features.values())
        assert isinstance(total, Tensor)
        found.append((features["conv4_2"], *torch.autograd.grad(total, image)))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_programs_compile_for_the_gpus_that_pytorch_serves() -> None:
    if torch.version.cuda is None:
        pytest.skip("this PyTorch brings no compiler along")
    for program, names in compiling.PROGRAMS.items():
        for capability in ((7, 5), (8, 6), (9, 0), (12, 0))[program == "products" :]:
            code = compiling.compiled(program, capability)
            assert all(name.encode() in code for name in names), (program, capability)


def test_what_cannot_be_compiled_is_done_by_torch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def compiled(program: str, capability: tuple[int, int]) -> bytes:
        raise RuntimeError("nvrtc: invalid value for --gpu-architecture")

    compiling._kernels.cache_clear()
    monkeypatch.setattr(compiling, "compiled", compiled)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (99, 0))
    monkeypatch.setattr(torch.version, "hip", None)
    try:
        x = SimpleNamespace(is_cuda=True, device=torch.device("cuda", 0))
        assert not compiling.usable(x, "pooling")  # type: ignore[arg-type]
        assert not compiling.all_usable(x.device)
        assert caplog.text.count("gpu-architecture") == len(compiling.PROGRAMS)
    finally:
        compiling._kernels.cache_clear()
