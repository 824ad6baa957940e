"""Which number is black and which is white, where a file does not say: floats, signed integers and wide ones.

Light may be brighter than white (1), so a float picture's largest number says nothing by itself. What is plainly not light
from 0 to 1 is brought there and told in a note, or refused; it is never taken for a white picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylecore.errors import StyleError

#: What whole numbers count to, in bits; the least that holds all of a picture's numbers is taken.
_BITS = (8, 10, 12, 14, 16, 24, 32, 64)
#: In a picture of light most is darker than white. With more than half of it beyond this it is no light.
_FAR_ABOVE_WHITE = 4.0
#: Light in a wide gamut goes a little below 0; with a quarter of it below this it is no light.
_FAR_BELOW_BLACK = -0.1
#: The difference of numbers beyond this does not fit into 32 bits.
_SINGLE = 1e38
#: About so many samples are looked at for what is typical.
_ENOUGH = 1_000_000


@dataclass(frozen=True)
class Range:
    """The numbers of black and white.

    ``guessed`` is whether they are others than the samples' type says; ``note`` is a sentence for people, or empty.
    """

    black: float = 0.0
    white: float = 1.0
    guessed: bool = False
    note: str = ""

    def unit(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 in which black is 0 and white is 1; what is beyond stays beyond, what is no number is black."""
        too_far = max(abs(self.black), abs(self.white)) > _SINGLE
        exact = samples.dtype.itemsize > 2 and (samples.dtype.kind != "f" or too_far)
        floats: NDArray[np.floating[Any]] = samples.astype(np.float64 if exact else np.float32)
        if samples.dtype.kind == "f":
            floats = np.nan_to_num(floats, nan=self.black, posinf=self.white, neginf=self.black)
        if (self.black, self.white) != (0.0, 1.0):
            floats = (floats - self.black) / (self.white - self.black)
        return floats.astype(np.float32, copy=False)


def of(samples: NDArray[Any], path: Path) -> Range:
    """Return the numbers of black and white of a picture's colours.

    Floats most of which are below 1 are taken as they are. Whole numbers above 1 are taken for those of 8, 10, 12, 14, 16
    bits and so on, whatever type they are kept in; a type's own bits if they use more. So are fractions that fill 8 or 16
    bits. Signed integers count from 0 if there is none below, and else from the least of their type, as in GIMP.

    Args:
        samples: H × W × C floats or integers of any width, without alpha.
        path: the file, for sentences.

    Raises:
        StyleError: ``not-a-picture`` if nothing can be said.
    """
    low, high = _ends(samples)
    found = (_of_floats if samples.dtype.kind == "f" else _of_integers)(samples, low, high, path)
    if found is not None:
        return found
    raise StyleError(
        "not-a-picture",
        f"{path} has numbers from {_words(low)} to {_words(high)} and does not say which is white.",
        "Bring them to 0 to 1, or to whole numbers of 8 or 16 bits, and save it again.",
    )


def stretched(samples: NDArray[Any], path: Path) -> Range:
    """Return the least and the largest number as black and white, as GIMP does for measurements (FITS).

    Bytes, and floats from 0 to 1, are taken as they are.
    """
    low, high = _ends(samples)
    if samples.dtype == np.uint8:
        return Range(white=255)
    if samples.dtype.kind == "f" and low >= 0 and high <= 1:
        return Range()
    note = f"{path.name} has numbers from {_words(low)} to {_words(high)}; these were taken as black and white."
    return Range(low, high if high > low else low + 1, guessed=True, note=note)


def limited(samples: NDArray[Any], most: int, path: Path) -> Range | None:
    """Return that ``most``, which the file names as its largest number, is white; ``None`` if it has larger ones."""
    if samples.max() > most:
        return None
    return Range(white=most, guessed=True, note=f"{path.name} goes up to {most:,}, which was taken as white.")


def _ends(samples: NDArray[Any]) -> tuple[float, float]:
    if samples.dtype.kind != "f":
        return float(samples.min()), float(samples.max())
    finite = np.isfinite(samples)
    if not finite.any():
        return 0.0, 0.0
    return float(samples.min(initial=np.inf, where=finite)), float(samples.max(initial=-np.inf, where=finite))


def _of_floats(samples: NDArray[Any], low: float, high: float, path: Path) -> Range | None:
    step = max(1, int((samples.size / _ENOUGH) ** 0.5))
    some = samples[::step, ::step].astype(np.float64).reshape(-1)
    some = some[np.isfinite(some) & (some != 0)]
    if not len(some):
        return Range()
    if float((some < _FAR_BELOW_BLACK).mean()) > 0.25:
        return None
    if high <= 1.0001:
        return Range()
    if low >= 0 and high >= 2 and bool((some == np.floor(some)).all()):
        return _counted(high, path)
    typical = float(np.median(some))
    if typical < _FAR_ABOVE_WHITE and float(np.quantile(some, 0.1)) < 1:
        note = f"More than half of {path.name} is brighter than white, and was cut off there." if typical > 1 else ""
        return Range(note=note)
    # Fractions, as of a picture of 8 or 16 bits that was scaled or sharpened: it goes up to about white.
    for bits in (8, 16):
        if 2 ** (bits - 1) <= high < 2**bits * 1.01 and low > -(2 ** (bits - 6)):
            return _counted(2.0**bits - 1, path)
    return None


def _of_integers(samples: NDArray[Any], low: float, high: float, path: Path) -> Range | None:
    bits = samples.dtype.itemsize * 8
    if samples.dtype.kind == "u":
        return _counted(high, path, 2.0**bits - 1)
    least, most = -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    if low >= 0:
        return _counted(high, path, most)
    if bits > 8 and high - low < 2.0**bits / 8:  # would be one grey, all over
        return None
    return Range(least, most, note=f"{path.name} has signed numbers; {_words(least)} was taken as black.")


def _counted(high: float, path: Path, most: float = np.inf) -> Range:
    white = next((2.0**bits - 1 for bits in _BITS if high <= 2.0**bits - 1 < most), min(most, 2.0 ** _BITS[-1]))
    if white == most:
        return Range(white=white)
    said = f"{path.name} does not say which number is white; {_words(white)} was taken."
    return Range(white=white, guessed=True, note=said)


def _words(number: float) -> str:
    text = f"{number:,.0f}" if 1000 <= abs(number) < 1e15 or number == int(number) else f"{number:.3g}"
    return text.replace("-", "−")
