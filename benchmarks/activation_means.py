"""Measure VGG-19's mean activation per filter over pictures and store it for ``stylecore.network.vgg``.

    python benchmarks/activation_means.py PICTURE…

Gatys, Ecker and Bethge (CVPR 2016, section 2) rescale the network so that each filter's mean activation over images and
positions is one. The network: original weights, RGB in [0, 1], max pooling, replicate padding, float32. Every picture is
brought to 512 px on its longer side and counts alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stylecore.network import weights
from stylecore.network.vgg import Network
from stylecore.network.weights import LAYERS

OUTPUT = Path(__file__).parent.parent / "stylecore" / "network" / "activation_means.npz"


def measure(paths: list[Path]) -> dict[str, np.ndarray]:
    """Return each filter's mean activation, averaged over the pictures at ``paths``, by layer name."""
    network = Network(weights.load())
    total = {name: torch.zeros(1) for name in LAYERS}
    for path in paths:
        with Image.open(path) as file:
            picture = file.convert("RGB")
        picture.thumbnail((512, 512), Image.Resampling.LANCZOS)
        image = torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]
        with torch.no_grad():
            for name, feature in network.features(image, LAYERS).items():
                total[name] = total[name] + feature.mean((0, 2, 3)) / len(paths)
    return {name: value.numpy() for name, value in total.items()}


def main() -> None:
    """Measure over the pictures named on the command line and write the file."""
    paths = [Path(argument) for argument in sys.argv[1:]]
    if not paths:
        sys.exit(__doc__)
    means = measure(paths)
    np.savez_compressed(OUTPUT, pictures=np.array([path.name for path in paths]), **means)
    for name in LAYERS:
        print(f"{name}  mean {means[name].mean():9.3f}  least {means[name].min():9.4f}  most {means[name].max():9.3f}")


if __name__ == "__main__":
    main()
