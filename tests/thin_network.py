"""A network made of VGG-19 with an eighth of its channels, for tests of what a better network would do no differently.

It paints as the real one does, if not as well, in a fraction of the time: each layer has the real layer's most lively
filters, fitted anew to what the thin layer before puts out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylecore.network import weights
from stylecore.network.vgg import activation_means
from stylecore.network.weights import BLOCKS

CHANNELS = (8, 16, 32, 64, 64)
SAMPLES = Path(__file__).parents[1] / "samples"
# What torchvision's networks subtract from a picture and divide it by.
_MEAN, _DEVIATION = (torch.tensor(each).view(1, 3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
# Of the inputs' own variance, so that the fit does not hang on what the two pictures happen to be.
_RIDGE = 1e-3


def write(path: Path) -> None:
    """Write the weights to a ``.safetensors`` file in torchvision's convention."""
    from safetensors.torch import save_file

    save_file(_state(), path)


@torch.no_grad()
def _state() -> dict[str, Tensor]:
    original, means = weights.load("bundled"), activation_means()
    pictures = torch.cat([_sample("content"), _sample("styles")])
    real, thin = pictures - original.mean.view(1, 3, 1, 1), (pictures - _MEAN) / _DEVIATION
    state: dict[str, Tensor] = {}
    for block, (count, channels) in enumerate(zip(BLOCKS, CHANNELS, strict=True), 1):
        for layer in range(1, count + 1):
            name = f"conv{block}_{layer}"
            convolution = original.convolutions[name]
            wanted = F.conv2d(real, convolution.weight, convolution.bias, padding=1)
            real = F.relu(wanted)
            # Every other of the liveliest, since many of these are much the same.
            chosen = real.var((0, 2, 3)).argsort(descending=True)[: 2 * channels : 2].sort().values
            weight, bias = _fitted(thin, wanted[:, chosen])
            thin = F.relu(F.conv2d(thin, weight, bias, padding=1))
            gain = means[name].mean() / thin.mean()  # so that the scales of the original are its too
            thin = thin * gain
            number = f"features.{len(state) // 2:02}"  # a file sorts them by name
            state[f"{number}.weight"], state[f"{number}.bias"] = (weight * gain).contiguous(), bias * gain
        real, thin = F.max_pool2d(real, 2), F.max_pool2d(thin, 2)
    return state


def _fitted(inputs: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the 3 × 3 convolution of the inputs that comes nearest to what is wanted of it."""
    rows = F.unfold(inputs, 3, padding=1).transpose(1, 2).reshape(-1, 9 * inputs.shape[1]).double()
    results = wanted.permute(0, 2, 3, 1).reshape(-1, wanted.shape[1]).double()
    row, result = rows.mean(0), results.mean(0)
    rows, results = rows - row, results - result
    squares = rows.t() @ rows
    squares += _RIDGE * squares.diagonal().mean() * torch.eye(len(squares))
    weight = torch.linalg.solve(squares, rows.t() @ results)
    return weight.t().reshape(-1, inputs.shape[1], 3, 3).float(), (result - row @ weight).float()


def _sample(folder: str) -> Tensor:
    """Return the first sample of a folder, 1 × 3 × 160 × 160 in [0, 1]."""
    path = sorted((SAMPLES / folder).glob("*.jpg"))[0]
    with Image.open(path) as file:
        pixels = np.asarray(file.convert("RGB").resize((160, 160), Image.Resampling.LANCZOS), np.float32)
    return torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)[None]
