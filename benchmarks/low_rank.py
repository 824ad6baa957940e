"""Fit VGG-19 in low rank to pictures, and store what :mod:`stylecore.network.low_rank` computes with.

    python -m benchmarks.low_rank                              # fit to the project's samples, and store
    python -m benchmarks.low_rank --held-out PICTURE… --json FILE

Layer by layer, each with what the layers before it have become (Zhang, Zou, He and Sun, arXiv 1505.06798, section 3.3): of
the layer's true responses y and those z that the same filters give to the approximated input, R = S_yz S_zz⁻¹ predicts y
from z best, U holds the leading directions of R z, and M = Uᵀ R. The table says of each layer how much of what it has
beside its channels' means is missed, in pictures that it was fitted to and in others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylecore.device.engine import layer_scales
from stylecore.network import low_rank, weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.low_rank import APPROXIMATED, Convolution, Factors
from stylecore.network.vgg import Network, activation_means
from stylecore.network.weights import BUNDLED_SHA256

SAMPLES = Path(__file__).parent.parent / "samples"
#: A layer's rank as a share of its channels: the first ones have few directions to speak of, and the deep ones many.
SHARES = {name: 0.375 for name in APPROXIMATED}
SHARES.update({"conv1_2": 0.25, "conv2_2": 0.5, **dict.fromkeys(("conv4_2", "conv4_3", "conv4_4", "conv5_1"), 0.5)})
_MULTIPLE = 16  # of the rank, for the processor's sake
_SIDE, _CUT = 192, 400
_RIDGE = 1e-4
WATCHED = ("conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_4", "conv4_1", "conv4_2", "conv4_4", "conv5_1")


@dataclass
class _Sums:
    """Means and second moments of a layer's true responses and of those to the approximated input, as they add up."""

    true: Tensor
    near: Tensor
    both: Tensor
    of_near: Tensor
    count: int = 0

    @classmethod
    def of(cls, channels: int) -> _Sums:
        one, two = torch.zeros(channels).double(), torch.zeros(channels, channels).double()
        return cls(one, one.clone(), two, two.clone())

    def add(self, true: Tensor, near: Tensor) -> None:
        """Add responses, 1 × C × h × w."""
        y, z = (each.flatten(2)[0].double() for each in (true, near))
        self.true += y.sum(1)
        self.near += z.sum(1)
        self.both += y @ z.t()
        self.of_near += z @ z.t()
        self.count += y.shape[1]

    def factors(self, rank: int, bias: Tensor) -> Factors:
        """Return the best ones of that rank."""
        true, near = self.true / self.count, self.near / self.count
        both = self.both / self.count - torch.outer(true, near)
        spread = self.of_near / self.count - torch.outer(near, near)
        ridge = _RIDGE * spread.diagonal().mean() * torch.eye(len(spread)).double()
        predict = both @ torch.linalg.inv(spread + ridge)
        _, directions = torch.linalg.eigh(predict @ spread @ predict.t())
        # Each part makes up for how the one before is rounded.
        widen = _as_stored(directions[:, -rank:], 0)
        narrow = _as_stored(torch.linalg.lstsq(widen, predict).solution, 1)
        return Factors(*(each.float() for each in (narrow, widen, true - widen @ (narrow @ near) + bias)))


def _as_stored(matrix: Tensor, along: int) -> Tensor:
    numbers, steps = low_rank.coded(matrix, along)
    return torch.from_numpy(numbers * steps.astype(np.float64))


@dataclass
class _Fit:
    """Pictures on their way through the exact network and the approximated one."""

    network: Network
    true: list[Tensor]
    near: list[Tensor] = field(default_factory=list)

    def layers(self) -> Iterator[tuple[str, Factors]]:
        """Fit the layers in their order."""
        self.true = self.near = [self.network.features(each, ["conv1_1"])["conv1_1"] for each in self.true]
        for name in APPROXIMATED:
            if name.endswith("_1"):
                self.true, self.near = (
                    [self.network.pool(each) for each in features] for features in (self.true, self.near)
                )
            weight, bias = self.network._layers[name]
            sums = _Sums.of(len(bias))
            responses = [F.conv2d(each, weight, padding=1) for each in self.true]
            for y, each in zip(responses, self.near, strict=True):
                sums.add(y, F.conv2d(each, weight, padding=1))
            rank = max(1, round(len(bias) * SHARES[name] / _MULTIPLE)) * _MULTIPLE
            factors = sums.factors(rank, bias.double())
            convolution = Convolution(weight.double(), factors, torch.float32)
            self.true = [F.relu_(y + bias.view(1, -1, 1, 1)) for y in responses]
            self.near = [convolution(each)[0] for each in self.near]
            yield name, factors


def read(path: Path, side: int, cut: int = 0) -> Tensor:
    """Return a picture as 1 × 3 × H × W in [0, 1], of a longer side; of the middle ``cut`` × ``cut`` px if asked for."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    if cut:
        width, height = picture.size
        cut = min(width, height, cut)
        left, top = (width - cut) // 2, (height - cut) // 2
        picture = picture.crop((left, top, left + cut, top + cut))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]


def to_fit(paths: Sequence[Path]) -> list[Tensor]:
    """Return what is fitted to: each picture, and its middle once more, mirrored and with its channels in another order."""
    order = torch.Generator().manual_seed(0)
    found: list[Tensor] = []
    for path in paths:
        found += [read(path, _SIDE), read(path, _SIDE, _CUT).flip(3)[:, torch.randperm(3, generator=order)]]
    return found


def missed(pictures: Sequence[Tensor]) -> dict[str, float]:
    """Return by layer which part of the exact features' spread the stored network misses, on average over pictures."""
    loaded, scales = weights.load(), layer_scales(activation_means())
    exact, near = (Network(loaded, scales, arithmetic=Arithmetic(low_rank=low)) for low in (False, True))
    found = dict.fromkeys(WATCHED, 0.0)
    with torch.no_grad():
        for picture in pictures:
            expected, got = (network.features(picture, WATCHED) for network in (exact, near))
            for name, true in expected.items():
                spread = (true - true.mean((2, 3), keepdim=True)).square().mean()
                found[name] += ((got[name] - true).square().mean() / spread).item() / len(pictures)
    return found


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Fit, store, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", nargs="+", type=Path, default=sorted(SAMPLES.glob("*/*.jpg")))
    parser.add_argument("--held-out", nargs="+", type=Path, default=[], help="pictures that it is only tried on")
    parser.add_argument("--only-try", action="store_true", help="take what is stored")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if not options.only_try:
        with torch.no_grad():
            fit = _Fit(Network(weights.load(), layer_scales(activation_means())), to_fit(options.pictures))
            store(dict(fit.layers()), [path.name for path in options.pictures])
    columns = {"fitted": [read(path, _SIDE) for path in options.pictures]}
    if options.held_out:
        columns["others"] = [read(path, _SIDE) for path in options.held_out]
    found: dict[str, Any] = {name: missed(pictures) for name, pictures in columns.items()}
    print("| layer | rank | " + " | ".join(found) + " |\n|---|---" + "|---" * len(found) + "|")
    ranks = {name: each.widen.shape[1] for name, each in low_rank.load().items()}
    for layer in WATCHED:
        cells = " | ".join(f"{100 * each[layer]:.1f} %" for each in found.values())
        print(f"| {layer} | {ranks[layer]} | {cells} |")
    found = {**found, "ranks": ranks, "pictures": {name: len(each) for name, each in columns.items()}}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return found


def store(factors: dict[str, Factors], pictures: Sequence[str]) -> None:
    """Write the file, with the names of the pictures that it was fitted to."""
    arrays: dict[str, Any] = {}
    for name, each in factors.items():
        for part, matrix, along in (("narrow", each.narrow, 1), ("widen", each.widen, 0)):
            arrays[f"{name}.{part}"], arrays[f"{name}.{part} steps"] = low_rank.coded(matrix, along)
        arrays[f"{name}.bias"] = each.bias.numpy()
    head = {"weights": BUNDLED_SHA256, "digest": low_rank.digest(arrays), "pictures": list(pictures)}
    np.savez_compressed(low_rank.FILE, **{name: np.array(value) for name, value in head.items()}, **arrays)


if __name__ == "__main__":
    main()
