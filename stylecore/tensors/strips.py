"""One picture over several processes (*ranks*): each holds a strip of its rows.

What a network sees at a place depends on places around it, and what is painted there on sums over the whole picture. So
neighbours exchange a few rows at the borders of blocks (*halos*), and all of them add up their sums, by torch.distributed
(gloo on CPUs, NCCL on GPUs). Each then holds the same numbers, and takes the same decisions.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor

from stylecore import system
from stylecore.errors import StyleError

#: The rows of a strip's cut: whole positions of the deepest layer, so that no pooling reaches over a cut.
UNIT = 16
#: A picture is shared only where every rank has about so many rows. The widest halo is of 32.
LEAST_ROWS = 64


@dataclass
class Ranks:
    """The processes that paint together, seen from one of them.

    Every method but those of one process alone is a *collective*: all ranks call it, in the same order.
    """

    rank: int = 0
    count: int = 1
    #: The bytes that this rank has handed over for others, by what they were.
    traffic: Counter[str] = field(default_factory=Counter)

    @classmethod
    def joined(cls) -> Ranks:
        """Return the ranks of torch.distributed's default process group, which this process has joined."""
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def on_this_machine(self) -> int:
        """How many of them run on this rank's machine."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", self.count)) if self.count > 1 else 1

    @staticmethod
    def device() -> tuple[str, int]:
        """Return this rank's device among those of its machine, and its share of the cores (as ``torchrun`` tells).

        Raises:
            StyleError: ``device-missing`` if there are GPUs, but not one for each.
        """
        own, count = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
        cores = system.usable_cores()
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if 0 < gpus < count:
            there = "is 1 GPU" if gpus == 1 else f"are {gpus} GPUs"
            raise StyleError(
                "device-missing", f"There {there} for {count} processes; each needs one.", "Use as many processes as GPUs."
            )
        return f"cuda:{own}" if gpus else "cpu", max(1, cores // count)

    def add_up(self, parts: Sequence[Tensor], what: str) -> list[Tensor]:
        """Return the sums over all ranks of each of these tensors (of one type), the same on every rank."""
        if self.count == 1:
            return list(parts)
        together = torch.cat([part.reshape(-1) for part in parts])
        self._count(what, together)
        self._survive(lambda: dist.all_reduce(together))
        pieces = together.split([part.numel() for part in parts])
        return [piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True)]

    def greatest(self, x: Tensor) -> Tensor:
        """Return, element by element, the greatest that any rank has."""
        if self.count > 1:
            x = x.clone()
            self._count("decisions", x)
            self._survive(lambda: dist.all_reduce(x, op=dist.ReduceOp.MAX))
        return x

    def agree(self, *numbers: float) -> list[float]:
        """Return the greatest of each of these numbers that any rank has."""
        return self.greatest(torch.tensor(numbers, dtype=torch.float64)).tolist() if self.count > 1 else list(numbers)

    def send_and_receive(self, sent: dict[int, Tensor], wanted: dict[int, Tensor], what: str) -> None:
        """Send tensors to ranks, and fill others (contiguous) with what ranks send."""
        if not (sent or wanted):
            return
        # As bytes, since not every transport knows every type.
        messages = [
            *(dist.P2POp(dist.isend, _bytes(x.contiguous()), to) for to, x in sent.items()),
            *(dist.P2POp(dist.irecv, _bytes(x), source) for source, x in wanted.items()),
        ]
        for x in sent.values():
            self._count(what, x)
        self._survive(lambda: [request.wait() for request in dist.batch_isend_irecv(messages)])

    def spread(self, x: Tensor, what: str) -> None:
        """Fill ``x`` (contiguous) with rank 0's."""
        if self.count > 1:
            self._count(what, x if self.rank == 0 else x[:0])
            self._survive(lambda: dist.broadcast(x, 0))

    def _count(self, what: str, x: Tensor) -> None:
        self.traffic[what] += x.numel() * x.element_size()

    def _survive(self, exchange: Callable[[], object]) -> None:
        try:
            exchange()
        except RuntimeError as error:  # of every transport: a process ended, a connection broke, or too much time went by
            raise StyleError(
                "rank-lost",
                f"Process {self.rank + 1} of {self.count} that paint this picture together has lost another one.",
                "See what that one said; with --resume, the same command goes on from the state that was kept last.",
            ) from error


ALONE = Ranks()


class Strip:
    """The rows of a picture that this rank holds, from ``top`` to ``bottom``, of ``height``.

    A picture that is too small to be shared is whole on every rank; so it is for a single process. Then every method gives
    back what it was given.

    Args:
        height: of the whole picture.
        ranks: who shares it.
    """

    def __init__(self, height: int, ranks: Ranks = ALONE) -> None:
        self.ranks, self.height = ranks, height
        self.shared = ranks.count > 1 and height >= LEAST_ROWS * ranks.count
        self.top, self.bottom = self._rows(ranks.rank) if self.shared else (0, height)

    def _rows(self, rank: int) -> tuple[int, int]:
        units, count = self.height // UNIT, self.ranks.count
        last = rank == count - 1
        return units * rank // count * UNIT, self.height if last else units * (rank + 1) // count * UNIT

    def cut(self, whole: Tensor, level: int = 0) -> Tensor:
        """Return this rank's rows (… × h × W) of a whole (… × H × W) that was halved ``level`` times."""
        if not self.shared:
            return whole
        bottom = None if self.bottom == self.height else self.bottom >> level
        return whole[..., self.top >> level : bottom, :].contiguous()

    def add_up(self, parts: Sequence[Tensor], what: str) -> list[Tensor]:
        """Return the sums over all strips of each of these tensors (of one type)."""
        return self.ranks.add_up(parts, what) if self.shared else list(parts)

    def greatest(self, x: Tensor) -> Tensor:
        """Return, element by element, the greatest that any strip has."""
        return self.ranks.greatest(x) if self.shared else x

    def halo(self, above: int, below: int) -> tuple[int, int]:
        """Return how many of so many rows above and below there are: none beyond the picture's borders, or alone."""
        if not self.shared:
            return 0, 0
        return above if self.ranks.rank else 0, below if self.ranks.rank < self.ranks.count - 1 else 0

    def with_halo(self, x: Tensor, above: int, below: int) -> Tensor:
        """Return ``x`` (1 × C × h × W) with the neighbours' rows, as many as :meth:`halo` says, above and below it."""
        if not self.shared:
            return x
        rank, (top, bottom) = self.ranks.rank, self.halo(above, below)
        rows, columns = x.shape[2:]
        order = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        wider = torch.empty(
            (*x.shape[:2], top + rows + bottom, columns), dtype=x.dtype, device=x.device, memory_format=order
        )
        wider[:, :, top : top + rows] = x
        sent, wanted = {}, {}
        if rank:
            sent[rank - 1] = x[:, :, :below]
            wanted[rank - 1] = x.new_empty((*x.shape[:2], above, columns))
        if rank < self.ranks.count - 1:
            sent[rank + 1] = x[:, :, rows - above :]
            wanted[rank + 1] = x.new_empty((*x.shape[:2], below, columns))
        self.ranks.send_and_receive(_some(sent), _some(wanted), "halos")
        if top:
            wider[:, :, :top] = wanted[rank - 1]
        if bottom:
            wider[:, :, top + rows :] = wanted[rank + 1]
        return wider

    def halo_returned(self, wider: Tensor, above: int, below: int) -> Tensor:
        """Return a gradient by :meth:`with_halo`'s result as one by what it was given: halos are added to their owners'."""
        if not self.shared:
            return wider
        rank, (top, bottom) = self.ranks.rank, self.halo(above, below)
        rows = wider.shape[2] - top - bottom
        core = wider[:, :, top : top + rows]
        sent, wanted = {}, {}
        if rank:
            sent[rank - 1] = wider[:, :, :top]
            wanted[rank - 1] = wider.new_empty((*wider.shape[:2], below, wider.shape[3]))
        if rank < self.ranks.count - 1:
            sent[rank + 1] = wider[:, :, top + rows :]
            wanted[rank + 1] = wider.new_empty((*wider.shape[:2], above, wider.shape[3]))
        self.ranks.send_and_receive(_some(sent), _some(wanted), "halos")
        if rank:
            core[:, :, :below] += wanted[rank - 1]
        if rank < self.ranks.count - 1:
            core[:, :, rows - above :] += wanted[rank + 1]
        return core

    def gathered(self, x: Tensor) -> Tensor | None:
        """Return the whole of every rank's ``x`` (… × h × W), on rank 0; ``None`` on the others."""
        if not self.shared:
            return x
        ranks = self.ranks
        if ranks.rank:
            ranks.send_and_receive({0: x}, {}, "pictures")
            return None
        parts = [x]
        for rank in range(1, ranks.count):
            top, bottom = self._rows(rank)
            part = x.new_empty((*x.shape[:-2], bottom - top, x.shape[-1]))
            ranks.send_and_receive({}, {rank: part}, "pictures")
            parts.append(part)
        return torch.cat(parts, -2)

    def everywhere(self, x: Tensor) -> Tensor:
        """Return the whole of every rank's ``x`` (… × h × W), on every rank."""
        if not self.shared:
            return x
        whole = self.gathered(x)
        if whole is None:
            whole = x.new_empty((*x.shape[:-2], self.height, x.shape[-1]))
        self.ranks.spread(whole, "pictures")
        return whole


def _some(tensors: dict[int, Tensor]) -> dict[int, Tensor]:
    return {rank: x for rank, x in tensors.items() if x.numel()}


def _bytes(x: Tensor) -> Tensor:
    return x.view(-1).view(torch.uint8)


def largest_strip(height: int, width: int, ranks: Ranks) -> tuple[int, int]:
    """Return the height and width of the largest strip of a picture of this size."""
    if not Strip(height, ranks).shared:
        return height, width
    return (math.ceil(height // UNIT / ranks.count) + 1) * UNIT, width
