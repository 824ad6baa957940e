"""What is known of the styles of many pictures: measured once, and taken along to other processes and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylecore.objective.moments import Moments

if TYPE_CHECKING:
    from stylecore.device.memory_budget import MemoryPlan
    from stylecore.network.arithmetic import Arithmetic
    from stylecore.network.vgg import Network
    from stylecore.tensors.resampling import Size

#: The style's number, its size, and all that decides how its moments are rounded.
_Key = tuple[int, "Size", "Arithmetic", str, "MemoryPlan"]


class Targets:
    """Styles' moments by layer at every size that they were used at; it can be pickled, whatever device it comes from.

    It belongs to one list of styles under one group of settings. Moments that were measured with another arithmetic, on
    another kind of device or in blocks are not taken, so that a picture is the same bit for bit with it and without.
    """

    def __init__(self) -> None:
        self._known: dict[_Key, dict[str, Moments]] = {}

    def at(self, number: int, size: Size, network: Network, way: MemoryPlan) -> dict[str, Moments]:
        """Return style ``number``'s moments at ``size`` on the network's device; an empty dictionary, to be filled, if none
        are known.
        """
        key = (number, size, network.arithmetic, network.device.type, way)
        known = self._known.setdefault(key, {})
        for name, found in known.items():
            known[name] = Moments(found.mean.to(network.device), found.second.to(network.device))
        return known

    def __getstate__(self) -> dict[_Key, dict[str, Moments]]:
        return {
            key: {name: Moments(found.mean.cpu(), found.second.cpu()) for name, found in known.items()}
            for key, known in self._known.items()
        }

    def __setstate__(self, state: dict[_Key, dict[str, Moments]]) -> None:
        self._known = state
