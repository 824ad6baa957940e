"""A pretended GPU: tensors that say that they lie on it, with their numbers on the processor.

It refuses what a GPU refuses (an operation on tensors of two devices, float64 on one that has none), counts what the
processor waits for, and can run out of memory at any operation. It is torch's own backend for devices in Python, under the
device label ``fgpu``; all that is done with it has to be done within :func:`pretended_gpu`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from tests import device

aten = torch.ops.aten
NAME = "fgpu"
#: Operations that hand a number to Python, or whose result's size depends on numbers.
_READS = {aten._local_scalar_dense.default, aten.equal.default, aten.is_nonzero.default, aten.nonzero.default}
#: Operations that may take tensors of two devices.
_MOVES = {aten._to_copy.default, aten.copy_.default}
#: Those that take a number (a tensor without dimensions) of the processor, too, beside the pointwise ones.
_TAKES_NUMBERS = {"aten::where", "aten::fill_"}
_INDEXES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class MixedDevicesError(RuntimeError):
    """An operation took tensors of two devices."""


@dataclass
class Watch:
    """What is refused, and what was seen."""

    without_float64: bool = False
    waits: list[str] = field(default_factory=list)
    operations: int = 0
    #: Called before every operation on the device; may raise.
    before: Callable[[int], None] = lambda number: None


_watch = Watch()


class _Module(_DummyBackendModule):
    """What torch asks of a backend."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    class device:  # torch's own name
        def __init__(self, *_: Any) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: Any) -> None: ...


class There(torch.Tensor):
    """A tensor of the device; ``here`` holds its numbers."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> There:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            here.shape,
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=torch.device(NAME, 0),
        )
        made.here = here
        return made

    def __repr__(self, **_: Any) -> str:
        return f"There({self.here.detach()!r})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_make(key) if isinstance(key, list) else key)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_make(key) if isinstance(key, list) else key, value)

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [each for each in tensors if isinstance(each, There)]
    wanted = torch.device(kwargs["device"]).type if kwargs.get("device") is not None else None
    if not there and wanted != NAME:
        return function(*args, **kwargs)
    _watch.operations += 1
    _watch.before(_watch.operations)
    name = function._schema.name
    if there and function not in _MOVES:
        for each in tensors:
            if not isinstance(each, There):
                _check_mixture(function, name, each)
    if function in _READS:
        _watch.waits.append(name)
    fetched = function is aten._to_copy.default and there and wanted == "cpu"
    if fetched or (function is aten.copy_.default and not isinstance(args[0], There)):
        _watch.waits.append(f"{name} to the processor")
    if "_linalg_eigh" in name:
        _watch.waits.append(name)  # its error code is looked at
    own_args, own_kwargs = tree_map(lambda leaf: leaf.here if isinstance(leaf, There) else leaf, (args, kwargs))
    if wanted == NAME:
        own_kwargs = {**own_kwargs, "device": torch.device("cpu")}
    result = function(*own_args, **own_kwargs)
    if fetched:
        return result
    if function is aten.copy_.default and not isinstance(args[0], There):
        return args[0]
    if _watch.without_float64 and any(
        isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64 for leaf in tree_leaves(result)
    ):
        raise TypeError(f"{name}: this device does not support float64.")
    wrapped = tree_map(
        lambda leaf: There(leaf) if isinstance(leaf, torch.Tensor) and not isinstance(leaf, There) else leaf, result
    )
    return return_and_correct_aliasing(function, args, kwargs, wrapped)


def _check_mixture(function: Any, name: str, other: torch.Tensor) -> None:
    """Raise unless an operation on the device takes this tensor of the processor: as an index, or as a mere number."""
    if name in _INDEXES:
        _watch.waits.append(f"{name} by an index of the processor")
        return
    if other.dim() == 0 and (torch.Tag.pointwise in function.tags or name in _TAKES_NUMBERS):
        return
    raise MixedDevicesError(f"{name}: a tensor {tuple(other.shape)} of the processor among the device's")


_make = torch.tensor


def _tensor(*args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
    """``torch.tensor``, which makes none of a Python backend by itself."""
    made = _make(*args, **kwargs)
    return made if device is None else made.to(device)


# At once: torch counts the devices at the first gradient of a process, which may be another test's. Beside a real GPU it
# would be this one that gradients wait for, and torch would fail.
if device.is_processor():
    _setup_privateuseone_for_python_backend(NAME, _Module())


@contextlib.contextmanager
def pretended_gpu(*, without_float64: bool = False) -> Iterator[Watch]:
    """Have the device ``fgpu`` within the block."""
    global _watch
    _watch = Watch(without_float64)
    torch.tensor = _tensor  # type: ignore[assignment]
    try:
        with _Mode():
            yield _watch
    finally:
        torch.tensor = _make  # type: ignore[assignment]
