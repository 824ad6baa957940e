"""What a GPU would do, counted without one: on torch's device "meta", whose tensors have sizes and no numbers.

:class:`Meter` counts kernels, waits and the bytes of the tensors that are alive, :func:`made_up` makes up what is fetched.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylecore.kernels import compiling
from stylecore.network import fused
from stylecore.objective.objective import Evaluation

aten = torch.ops.aten
_UNIT = 512  # bytes that CUDA's allocator rounds up to


class Meter(TorchDispatchMode):
    """Counts what is done on "meta", as a GPU would do it.

    Args:
        own_kernels: whether the engine's own kernels are launched, as on NVIDIA's GPUs, or torch's operations do all.

    Attributes:
        kernels: operations so far that compute something.
        waits: how often the processor waited for a number.
        peak: the most bytes that tensors made under this mode have held at a time.
        doubles: the numbers of the largest tensor in float64, which GPUs are slow in.
    """

    def __init__(self, *, own_kernels: bool) -> None:
        super().__init__()
        self.kernels = self.waits = self.peak = self.live = self.doubles = 0
        self.launched: Counter[str] = Counter()
        self._own = own_kernels
        self._stores: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and take note of what it has made."""
        kwargs = kwargs or {}
        if function is aten._local_scalar_dense.default and args[0].is_meta:
            self.waits += 1
            return 1.0
        if function is aten.copy_.default and args[1].is_meta and not args[0].is_meta:  # what spills has no numbers
            return args[0]
        away = kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cpu"
        if function is aten._to_copy.default and args[0].is_meta and away:
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        result = function(*args, **kwargs)
        if function is aten.convolution.default and result.is_meta and any(map(_channels_last, args[:2])):
            result = torch.empty_like(result, memory_format=torch.channels_last)  # as cuDNN has it, but not "meta"
        returns = function._schema.returns
        if not any(each.alias_info is not None and not each.alias_info.is_write for each in returns):
            self.kernels += 1
            for made in tree_leaves(result):
                if isinstance(made, Tensor) and made.is_meta:
                    self._note(made)
        return result

    def _note(self, made: Tensor) -> None:
        if made.dtype == torch.float64:
            self.doubles = max(self.doubles, made.numel())
        store = made.untyped_storage()
        if store._cdata in self._stores and not torch.UntypedStorage._expired(self._stores[store._cdata][0]):
            return
        for key, (reference, size) in list(self._stores.items()):
            if torch.UntypedStorage._expired(reference):
                torch.UntypedStorage._free_weak_ref(reference)
                self.live -= size
                del self._stores[key]
        size = -(-store.nbytes() // _UNIT) * _UNIT
        self._stores[store._cdata] = store._weak_ref(), size
        self.live += size
        self.peak = max(self.peak, self.live)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Meter]:
        """Count what is done in the block."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_MadeUp(self))
            stack.enter_context(self)
            stack.enter_context(mock.patch.object(compiling, "usable", lambda x, _: self._own and x.is_meta))
            stack.enter_context(mock.patch.object(compiling, "launch", self._launch))
            if self._own:
                stack.enter_context(mock.patch.object(fused, "suits", lambda x: x.is_meta and x.dtype == torch.bfloat16))
                stack.enter_context(mock.patch.object(fused, "_convolved", _convolved))
            yield self

    def _launch(
        self, program: str, kernel: str, x: Tensor, count: int, *arguments: Tensor | int | float, threads: int = 0
    ) -> None:
        """Take the place of the launch of an own kernel, which does not look at what it is given."""
        assert count > 0 and kernel in compiling.PROGRAMS[program]
        for each in (x, *arguments):
            if isinstance(each, Tensor) and not each.is_meta:
                raise RuntimeError(f"{kernel}: a tensor {tuple(each.shape)} of the processor among the device's")
        self.kernels += 1
        self.launched[kernel] += 1

    def record(self, evaluate: Callable[[], Evaluation]) -> tuple[Callable[[], None], Evaluation]:
        """Take the place of :func:`stylecore.objective.captured.record`: a recording may not wait, and keeps its results.

        Raises:
            RuntimeError: something waits, which a CUDA graph cannot.
        """
        before, waits = self.kernels, self.waits
        found = evaluate()
        recorded = self.kernels - before
        if self.waits > waits:
            raise RuntimeError("operation not permitted when stream is capturing")

        def replay() -> None:
            self.kernels += recorded

        return replay, found


class _MadeUp(TorchFunctionMode):
    """Makes up what is fetched: losses that fall, curvature above 0."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter, self._count = meter, 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, but for fetching."""
        if function is torch.Tensor.cpu and args[0].is_meta:
            self._count += 1
            self._meter.waits += 1
            return torch.full(args[0].shape, 1.0 / self._count, dtype=args[0].dtype)
        return function(*args, **(kwargs or {}))


def _channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """Take the place of cuDNN's convolution with ReLU, which "meta" has not."""
    return F.conv2d(x, weight, bias, padding=padding)
