"""The history's products, in full precision and as a GPU's tensor cores make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from stylecore.optimiser import history
from stylecore.optimiser.history import History, _in_short_numbers

SLOTS, NUMBERS = 6, 3000


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filled(*, half: bool) -> History:
    made = History(torch.zeros(NUMBERS), SLOTS, half=half)
    for slot in range(SLOTS):
        before, after = (random(NUMBERS, seed=2 * slot + number) for number in range(2))
        made.put(slot, (before, after), (after, before * 3))
    return made


def expected(made: History, gradient: Tensor, free: Tensor) -> Tensor:
    rows = torch.cat([made.rows.double(), gradient[None].double()])
    return (rows * free) @ (rows[SLOTS:] * free).t()


@pytest.fixture
def tensor_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processor multiply as tensor cores do: bfloat16 into float32."""
    plain = torch.mm

    def into_float32(left: Tensor, right: Tensor, **keywords: Any) -> Tensor:
        if keywords.get("out_dtype") is None:
            return plain(left, right)
        assert left.dtype == right.dtype == torch.bfloat16  # the one type that they take
        return plain(left.float(), right.float())

    monkeypatch.setattr(torch, "mm", into_float32)
    monkeypatch.setattr(history, "_multiplies_short_numbers", lambda device: True)


@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
def test_sums_are_the_products_over_free_numbers(half: bool) -> None:
    made, gradient, free = filled(half=half), random(NUMBERS, seed=50), random(NUMBERS, seed=51) > -1
    curvature, square, sums = made.sums(gradient, free, 2)
    assert torch.allclose(sums, expected(made, gradient, free), rtol=1e-5, atol=1e-2)
    step, change = made.rows[2].double(), made.rows[SLOTS + 2].double()
    assert curvature.item() == pytest.approx((step @ change).item(), rel=1e-5)
    assert square.item() == pytest.approx((step @ step).item(), rel=1e-5)


def test_tensor_cores_lose_nothing_of_the_gradient(tensor_cores: None) -> None:
    """Whose 24 bits are three numbers of 8: not what rounding it to bfloat16 would give, a part in 300."""
    made, gradient, free = filled(half=True), random(NUMBERS, seed=50), random(NUMBERS, seed=51) > -1
    sums = made.sums(gradient, free, None)[2]
    exact = expected(made, gradient, free)
    assert ((sums - exact).norm() / exact.norm()).item() < 1e-6
    rounded = expected(made, gradient.bfloat16().float(), free)
    assert ((rounded - exact).norm() / exact.norm()).item() > 1e-5
    coefficients = random(2 * SLOTS, seed=7)
    found = made.combination(coefficients, slice(0, NUMBERS))
    assert torch.allclose(found.double(), coefficients.double() @ made.rows.double(), rtol=1e-5, atol=1e-5)


@given(arrays.arrays(np.float32, st.integers(1, 50), elements=st.floats(-(2**60), 2**60, width=32, allow_subnormal=False)))
def test_three_short_numbers_are_a_float32_to_the_last_bit(values: np.ndarray) -> None:
    large = np.where(np.abs(values) < 2.0**-60, np.float32(0), values)  # or the last of the three would be subnormal
    parts = _in_short_numbers(torch.from_numpy(large)).double()
    assert np.array_equal(parts.sum(0).numpy(), large.astype(np.float64))


def test_what_does_not_count_is_nothing() -> None:
    made = filled(half=False)
    made.rows[1] = made.rows[SLOTS + 1] = float("inf")
    made.clear(1)
    assert not made.rows[1].any() and not made.rows[SLOTS + 1].any()
