"""L-BFGS's passes over an image's numbers: what is kept of a step, which numbers may move, and the step itself."""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.kernels import compiling


def suits(rows: Tensor, image: Tensor) -> bool:
    """Return whether a history (rows in bfloat16, each beginning at a multiple of 8 numbers) can be taken here."""
    fitting = rows.dtype == torch.bfloat16 and image.dtype == torch.float32 and rows.stride(0) % 8 == 0
    return fitting and compiling.usable(rows, "optimiser")


def keep_pair(step: Tensor, change: Tensor, images: tuple[Tensor, Tensor], gradients: tuple[Tensor, Tensor]) -> None:
    """Fill two rows with the differences of two images and of two gradients, the second less the first."""
    compiling.launch("optimiser", "keep_pair", step, len(step), *images, *gradients, step, change, len(step))


def free_numbers(image: Tensor, gradient: Tensor, movable: Tensor | None) -> Tensor:
    """Return whether each number may move: not at a bound with the gradient pointing outward (flat, bool)."""
    free = torch.empty(image.numel(), dtype=torch.bool, device=image.device)
    allowed = torch.empty(0, dtype=torch.bool, device=image.device) if movable is None else movable
    compiling.launch("optimiser", "find_free", image, image.numel(), image, gradient, allowed, free, image.numel())
    return free


def moved(
    image: Tensor, rows: Tensor, gradient: Tensor, free: Tensor, coefficients: Tensor, length: Tensor | float
) -> Tensor:
    """Return an image moved against the sum of rows and gradient, each times its coefficient, where it is free to move.

    Args:
        image: in [0, 1], contiguous; so is what is returned.
        rows: count × numbers, which :func:`suits`.
        gradient, free: flat.
        coefficients: count + 1, the gradient's last, float32 on the device.
        length: what the sum is multiplied by.
    """
    result = torch.empty_like(image)
    far, factor = (length, 1.0) if isinstance(length, Tensor) else (torch.empty(0, device=image.device), length)
    compiling.launch(
        *("optimiser", "move", image, -(-image.numel() // 8), rows, coefficients, gradient, free, image, far, result),
        *(image.numel(), rows.stride(0), len(rows), float(factor)),
    )
    return result


#: Rows and columns of products that ``products.cu`` makes room for.
_ROWS, _COLUMNS = 48, 24
# So many blocks of so many threads keep every multiprocessor of the largest GPUs at work.
_BLOCKS, _THREADS, _WARP = 528, 128, 32


def multiplies(rows: Tensor) -> bool:
    """Return whether :func:`products` takes a history that :func:`suits`: one of up to 21 pairs."""
    return len(rows) // 2 + 3 <= _COLUMNS and compiling.usable(rows, "products")


def products(rows: Tensor, gradient: Tensor, free: Tensor) -> Tensor:
    """Return the inner products of all rows and the gradient with gradient changes and the gradient, over free numbers.

    Args:
        rows: slots steps and then slots gradient changes, each of n numbers.
        gradient, free: n.

    Returns:
        (2 · slots + 1) × (slots + 1), float64; the gradient comes last.
    """
    slots, numbers = len(rows) // 2, len(gradient)
    blocks = max(1, min(_BLOCKS, -(-numbers // _THREADS)))
    parts = torch.empty((blocks * _THREADS // _WARP, _ROWS, _COLUMNS), device=rows.device)
    compiling.launch(
        *("products", "multiply", rows, blocks * _THREADS, rows, gradient, free, parts),
        *(numbers, rows.stride(0), slots),
        threads=_THREADS,
    )
    whole = parts.sum(0, dtype=torch.float64)
    tall = torch.cat([whole[: 2 * slots], whole[2 * slots : 2 * slots + 3].sum(0, keepdim=True)])
    return torch.cat([tall[:, :slots], tall[:, slots : slots + 3].sum(1, keepdim=True)], 1)
