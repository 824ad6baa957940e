"""When a picture has settled: more steps would change nothing that one sees."""

from __future__ import annotations

from collections.abc import Sequence

# Looked at (benchmarks/README.md): below a decline of 0.1 % a step the strokes stay where they are, and the picture thirty
# steps later cannot be told apart from it. Single steps vary too much to judge by; ten do not.
_LEAST_DECLINE = 0.001
_STEPS = 10


class Settling:
    """The total losses of a scale's last steps, and whether they still decline.

    Args:
        losses: of an earlier :attr:`losses`, to go on from there.
    """

    def __init__(self, losses: Sequence[float] = ()) -> None:
        #: The last losses, the newest last.
        self.losses = list(losses)

    def add(self, loss: float) -> None:
        """Take in the total loss after a step."""
        self.losses = [*self.losses[-_STEPS:], loss]

    @property
    def settled(self) -> bool:
        """Whether the last ten steps brought less than 0.1 % each."""
        if len(self.losses) <= _STEPS:
            return False
        return self.losses[0] - self.losses[-1] <= _STEPS * _LEAST_DECLINE * self.losses[-1]
