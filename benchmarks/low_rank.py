"""Fit VGG-19 in low rank to pictures, and store what :mod:`stylecore.network.low_rank` computes with.

    python -m benchmarks.low_rank                              # fit to the project's samples, and store
    python -m benchmarks.low_rank --held-out PICTURE… --json FILE

Layer by layer, each with what the layers before it have become (Zhang, Zou, He and Sun, arXiv 1505.06798, section 3.3): of
the layer's true responses y and those z that the same filters W give to the approximated input x, R = S_yz S_zz⁻¹ predicts
y from z best, and Uᵀ R W x, with the leading directions U of R z, is what its rank can have of that. Columns times rows are
then brought as near to Uᵀ R W as they come, by what x is like: from the singular values on, by descent. Last, U is found
anew for what they give. The table says of each layer how much of what it has beside its channels' means is missed, in
pictures that it was fitted to and in others.
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
_SIDES, _CUT = (256, 192), 400
_RIDGE = 1e-4
_STEPS = 60  # of the descent
WATCHED = ("conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_4", "conv4_1", "conv4_2", "conv4_4", "conv5_1")


class _Sums:
    """Means and second moments of a layer's true responses and of 3 × 3 px of its approximated input, summed up."""

    def __init__(self, inputs: int, channels: int) -> None:
        self._true, self._near = torch.zeros(channels).double(), torch.zeros(9 * inputs).double()
        self._both = torch.zeros(channels, 9 * inputs).double()
        self._of_near = torch.zeros(9 * inputs, 9 * inputs).double()
        self._count = 0

    def add(self, true: Tensor, near: Tensor) -> None:
        """Add responses, 1 × C′ × h × w, and inputs, 1 × C × h × w."""
        y, x = true.flatten(2)[0], F.unfold(near, 3, padding=1)[0]
        self._true += y.sum(1)
        self._near += x.sum(1)
        self._both += y @ x.t()
        self._of_near += x @ x.t()
        self._count += y.shape[1]

    def factors(self, rank: int, weight: Tensor, bias: Tensor) -> Factors:
        """Return the best ones of that rank, for a layer's filters (C′ × C × 3 × 3) and bias."""
        true, near = self._true / self._count, self._near / self._count
        both = self._both / self._count - torch.outer(true, near)
        spread = self._of_near / self._count - torch.outer(near, near)
        flat = weight.double().flatten(1)
        of_filters, with_filters = flat @ spread @ flat.t(), both @ flat.t()
        predict = with_filters @ torch.linalg.inv(_ridged(of_filters, _RIDGE))
        _, directions = torch.linalg.eigh(predict @ of_filters @ predict.t())
        wanted = (directions[:, -rank:].t() @ predict @ flat).view(rank, *weight.shape[1:])
        # Each part makes up for how the one before is rounded.
        down, across = (_as_stored(part) for part in columns_and_rows(wanted, _ridged(spread, _RIDGE)))
        few = composed(down, across).flatten(1)
        widen = _as_stored(torch.linalg.solve(_ridged(few @ spread @ few.t(), _RIDGE / 10), few @ both.t()).t())
        return Factors(*(each.float() for each in (down, across, widen, true - widen @ (few @ near) + bias.double())))


def columns_and_rows(wanted: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Return as many columns (d × C × 3) and their sums times rows (d × d × 3) as there are filters, near those.

    Args:
        wanted: the filters, d × C × 3 × 3 float64.
        spread: the second moments of what is filtered, 9 C × 9 C: the difference of what both give is what counts.
    """
    rank, inputs = wanted.shape[:2]
    # What the channels are like by themselves is in closed form: the singular values where they are all of one size, and
    # apart.
    channels = spread.view(inputs, 9, inputs, 9).diagonal(dim1=1, dim2=3).mean(2)
    values, vectors = torch.linalg.eigh(channels)
    root = values.clamp_min(1e-12 * float(values[-1])).sqrt()
    alike = torch.einsum("dcij,ce->eidj", wanted, vectors * root).reshape(3 * inputs, 3 * rank)
    left, sizes, right = torch.linalg.svd(alike, full_matrices=False)
    left, right = left[:, :rank] * sizes[:rank].sqrt(), right[:rank] * sizes[:rank, None].sqrt()
    down = torch.einsum("eir,ce->rci", left.view(inputs, 3, rank), vectors / root).float().contiguous()
    across = right.view(rank, rank, 3).transpose(0, 1).float().contiguous()
    goal = wanted.flatten(1)
    moments = (spread / (goal @ spread @ goal.t()).trace()).float()
    with torch.enable_grad():
        parts = [part.requires_grad_(True) for part in (down, across)]
        descent = torch.optim.LBFGS(
            parts, max_iter=_STEPS, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def missed_there() -> Tensor:
            descent.zero_grad()
            missing = composed(*parts).flatten(1) - goal.float()
            total = ((missing @ moments) * missing).sum()
            total.backward()
            return total

        descent.step(missed_there)
    return down.detach().double(), across.detach().double()


def composed(down: Tensor, across: Tensor) -> Tensor:
    """Return filters d × C × 3 × 3 that do at once what ``down`` (d × C × 3) and then ``across`` (d × d × 3) do."""
    return torch.einsum("drj,rci->dcij", across, down)


def _ridged(moments: Tensor, share: float) -> Tensor:
    return moments + share * moments.diagonal().mean() * torch.eye(len(moments)).double()


def _as_stored(part: Tensor) -> Tensor:
    numbers, steps = low_rank.coded(part)
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
            sums = _Sums(weight.shape[1], len(bias))
            responses = [F.conv2d(each, weight, padding=1) for each in self.true]
            for y, each in zip(responses, self.near, strict=True):
                sums.add(y, each)
            rank = max(1, round(len(bias) * SHARES[name] / _MULTIPLE)) * _MULTIPLE
            factors = sums.factors(rank, weight, bias)
            convolution = Convolution(factors, torch.float32)
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
    """Return what is fitted to: each picture in two sizes, and its middle mirrored, with its channels in another order."""
    order = torch.Generator().manual_seed(0)
    found: list[Tensor] = []
    for path in paths:
        found += [read(path, side) for side in _SIDES]
        found.append(read(path, _SIDES[-1], _CUT).flip(3)[:, torch.randperm(3, generator=order)])
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
    columns = {"fitted": [read(path, _SIDES[-1]) for path in options.pictures]}
    if options.held_out:
        columns["others"] = [read(path, _SIDES[-1]) for path in options.held_out]
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
        for part in low_rank.CODED:
            arrays[f"{name}.{part}"], arrays[f"{name}.{part} steps"] = low_rank.coded(getattr(each, part))
        arrays[f"{name}.bias"] = each.bias.numpy()
    head = {"weights": BUNDLED_SHA256, "digest": low_rank.digest(arrays), "pictures": list(pictures)}
    np.savez_compressed(low_rank.FILE, **{name: np.array(value) for name, value in head.items()}, **arrays)


if __name__ == "__main__":
    main()
