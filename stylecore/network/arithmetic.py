"""In which arithmetic a network computes: a value that an engine decides, a job keeps, and a network is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Arithmetic:
    """A network's type of numbers, and how it is convolved with them.

    Another arithmetic rounds otherwise, so that a picture is the same bit for bit only in the same one.

    Args:
        dtype: the type.
        winograd: whether float32 is convolved in Winograd's way (:mod:`stylecore.network.winograd`).
        low_rank: whether layers are approximated (:mod:`stylecore.network.low_rank`).

    Raises:
        ValueError: Winograd's way with another type than float32.
    """

    dtype: torch.dtype = torch.float32
    winograd: bool = False
    low_rank: bool = False

    def __post_init__(self) -> None:
        if self.winograd and self.dtype != torch.float32:
            raise ValueError(f"Winograd's way is float32's, not {self.dtype}'s")

    def __str__(self) -> str:
        """Return it in words, e.g. ``'float32 with Winograd convolutions'``."""
        words = [str(self.dtype).removeprefix("torch.")]
        words += ["with Winograd convolutions"] * self.winograd + ["in low rank"] * self.low_rank
        return " ".join(words)

    def stored(self) -> dict[str, Any]:
        """Return it as text and numbers, for :meth:`from_stored`."""
        return {"dtype": str(self.dtype).removeprefix("torch."), "winograd": self.winograd, "low_rank": self.low_rank}

    @classmethod
    def from_stored(cls, stored: object) -> Arithmetic:
        """Return what :meth:`stored` gave.

        Raises:
            ValueError: it is something else.
        """
        found = stored if isinstance(stored, dict) else {}
        # What was stored before there were networks in low rank was painted by the exact one.
        dtype, winograd, low_rank = found.get("dtype"), found.get("winograd"), found.get("low_rank", False)
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise ValueError(f"not an arithmetic: {stored!r}")
        if not isinstance(winograd, bool) or not isinstance(low_rank, bool):
            raise ValueError(f"not an arithmetic: {stored!r}")
        return cls(_DTYPES[dtype], winograd, low_rank)


@dataclass(frozen=True)
class Decision:
    """What is best on a machine: whether ``auto`` is bfloat16, and whether float32 is convolved in Winograd's way."""

    bfloat16: bool
    winograd: bool

    def arithmetic(self, precision: str) -> Arithmetic:
        """Return the arithmetic for the ``precision`` setting: ``'auto'``, ``'float32'`` or ``'bfloat16'``."""
        if precision == "bfloat16" or (precision == "auto" and self.bfloat16):
            return Arithmetic(torch.bfloat16)
        return Arithmetic(torch.float32, self.winograd)
