"""The history of L-BFGS: steps and gradient changes of the last iterations, and what they are summed up to."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stylecore.kernels import optimiser as kernels
from stylecore.tensors.summing import sum_type

# Numbers of the image taken at a time, so that masked and full-precision copies of the history stay small.
_CHUNK = {"cpu": 1 << 16}  # what stays in a processor's caches
_CHUNK_ELSEWHERE, _CHUNK_OF_LARGE = 1 << 21, 1 << 22
_LARGE = 1 << 23


class History:
    """Rows of an image's numbers: first a step in each slot, then the gradient change that belongs to it.

    Args:
        like: the image, whose device and precision it takes.
        slots: how many pairs there is room for.
        half: keep them in bfloat16, half as large; they are then a little off.
    """

    def __init__(self, like: Tensor, slots: int, *, half: bool = False) -> None:
        self.slots = slots
        self._exact = torch.promote_types(like.dtype, torch.float32)
        dtype = torch.bfloat16 if half else self._exact
        self._numbers = like.numel()
        elsewhere = _CHUNK_OF_LARGE if like.numel() > _LARGE else _CHUNK_ELSEWHERE
        self._chunk = _CHUNK.get(like.device.type, elsewhere)
        # Each row begins where eight numbers can be read at once.
        self.rows = torch.zeros((2 * slots, -(-self._numbers // 8) * 8), device=like.device, dtype=dtype)[
            :, : self._numbers
        ]
        #: Whether a GPU's kernels pass over all rows at once.
        self.at_once = kernels.suits(self.rows, like)
        # Whether products are left to a GPU's tensor cores, which multiply bfloat16 and add up in float32.
        self._by_tensor_cores = half and _multiplies_short_numbers(like.device)

    def parts(self) -> Iterator[slice]:
        """Cut the image's numbers into parts, of which copies may be made."""
        for begin in range(0, self._numbers, self._chunk):
            yield slice(begin, begin + self._chunk)

    def put(self, slot: int, images: tuple[Tensor, Tensor], gradients: tuple[Tensor, Tensor]) -> None:
        """Keep the step from the first image to the second, and the change of the gradient (both flat)."""
        if self.at_once:
            kernels.keep_pair(self.rows[slot], self.rows[self.slots + slot], images, gradients)
            return
        for part in self.parts():
            for row, (before, after) in ((slot, images), (self.slots + slot, gradients)):
                self.rows[row, part] = (after.view(-1)[part] - before.view(-1)[part]).to(self.rows.dtype)

    def take(self, slot: int, step: Tensor, change: Tensor) -> Tensor:
        """Keep a pair that came from elsewhere (of the image's numbers each); return the square of the step."""
        square = torch.zeros(1, device=self.rows.device, dtype=sum_type(self.rows.device))
        for part in self.parts():
            for row, values in ((slot, step), (self.slots + slot, change)):
                self.rows[row, part] = values.reshape(-1)[part].to(self.rows.dtype)
            kept = self.rows[slot, part].to(self._exact)
            square += torch.dot(kept, kept).to(square.dtype)
        return square

    def clear(self, slot: int) -> None:
        """Make a slot's rows 0: a slot that does not count is counted with 0, and 0 times infinity is no number."""
        self.rows[slot] = 0  # one by one: a list of rows would be copied to the device, and waited for
        self.rows[self.slots + slot] = 0

    def sums(self, gradient: Tensor, free: Tensor, last: int | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return inner products, added up in float64 where the device has it.

        Args:
            gradient: flat, in full precision.
            free: flat, whether a number may move.
            last: the slot whose pair is new, if any.

        Returns:
            The product of the ``last`` slot's step with its gradient change and with itself, over all numbers (1 each); and
            those of all rows and the gradient (last) with all gradient changes and the gradient (last), over the free ones,
            (2·slots + 1) × (slots + 1).
        """
        count = self.slots
        exact = sum_type(free.device)
        sums = torch.zeros(2 * count + 1, count + 1, device=free.device, dtype=exact)
        curvature, square = sums.new_zeros(1), sums.new_zeros(1)
        multiplied = self.at_once and kernels.multiplies(self.rows)
        if multiplied:
            sums.copy_(kernels.products(self.rows, gradient, free))
        for part in self.parts():
            if last is not None:
                step, change = (self.rows[row, part].to(self._exact) for row in (last, count + last))
                curvature += torch.dot(step, change).to(exact)
                square += torch.dot(step, step).to(exact)
            if multiplied:
                continue
            among = self._products_by_tensor_cores if self._by_tensor_cores else self._products
            among(sums, part, gradient[part], free[part])
        sums[-1, :-1] = sums[count:-1, -1]
        return curvature, square, sums

    def _products(self, sums: Tensor, part: slice, gradient: Tensor, free: Tensor) -> None:
        rows = self.rows[:, part].to(self._exact)  # a view, if they are kept in full precision
        masked = torch.cat([rows[self.slots :], gradient[None]]).mul_(free)
        sums[:-1] += (rows @ masked.t()).to(sums.dtype)
        sums[-1, -1] += torch.dot(masked[-1], gradient).to(sums.dtype)

    def _products_by_tensor_cores(self, sums: Tensor, part: slice, gradient: Tensor, free: Tensor) -> None:
        rows, masked = self.rows[:, part], gradient * free
        # Gradient changes and the gradient's three parts; of a width that the fastest kernels take.
        width = -(-(self.slots + 3) // 8) * 8
        right = torch.zeros(width, len(masked), dtype=rows.dtype, device=rows.device)
        torch.mul(rows[self.slots :], free.to(rows.dtype), out=right[: self.slots])
        _in_short_numbers(masked, out=right[self.slots : self.slots + 3])
        products = torch.mm(rows, right.t(), out_dtype=torch.float32)
        sums[:-1, :-1] += products[:, : self.slots]
        sums[:-1, -1] += products[:, self.slots : self.slots + 3].sum(1)
        sums[-1, -1] += torch.dot(masked, masked).to(sums.dtype)

    def combination(self, coefficients: Tensor, part: slice) -> Tensor:
        """Return the sum of the rows' parts, each times its coefficient (2·slots, in full precision)."""
        rows = self.rows[:, part]
        if self._by_tensor_cores:
            return torch.mm(_in_short_numbers(coefficients), rows, out_dtype=torch.float32).sum(0)
        return torch.mv(rows.to(self._exact).t(), coefficients)


def _in_short_numbers(values: Tensor, out: Tensor | None = None) -> Tensor:
    """Return float32 numbers (n) as sums of three in bfloat16 (3 × n), which have all of their 24 bits."""
    out = torch.empty(3, len(values), dtype=torch.bfloat16, device=values.device) if out is None else out
    rest = values
    for part in out:
        part.copy_(rest)
        rest = rest - part
    return out


def _multiplies_short_numbers(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 into float32, and torch can tell it to."""
    if device.type == "meta":  # on which a GPU's work is counted
        return True
    if device.type != "cuda":
        return False
    numbers = torch.ones(8, 8, device=device, dtype=torch.bfloat16)
    try:
        torch.mm(numbers, numbers, out_dtype=torch.float32)
    except (NotImplementedError, TypeError, RuntimeError):  # no such kernel, or an older torch
        return False
    return True
