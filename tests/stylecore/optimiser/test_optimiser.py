"""The optimiser on problems whose answers are known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.objective.objective import Evaluation
from stylecore.optimiser.lbfgs import BoxLBFGS, enlarged


def quadratic(matrix: Tensor, target: Tensor):
    def evaluate(image: Tensor) -> Evaluation:
        offset = (image - target).flatten()
        return Evaluation((offset @ matrix @ offset / 2 + 1).reshape(1), (matrix @ offset).reshape(image.shape))

    return evaluate


def problem(seed: int, size: int, spread: float) -> tuple[Tensor, Tensor]:
    """A convex quadratic with eigenvalues from 1 to ``spread`` whose free minimum lies partly outside the box."""
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = rotation @ torch.diag(torch.logspace(0, spread, size, dtype=torch.float64)) @ rotation.t()
    return matrix, torch.rand(size, generator=generator, dtype=torch.float64) * 2 - 0.5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0, 2.5))
def test_the_minimum_in_the_box_is_found(seed: int, size: int, spread: float) -> None:
    """At the answer no pixel can move so that the loss falls (the Karush-Kuhn-Tucker conditions)."""
    matrix, target = problem(seed, size, spread)
    optimiser = BoxLBFGS(torch.full((size,), 0.5, dtype=torch.float64), quadratic(matrix, target))

    def possible() -> float:
        image = optimiser.image
        return ((image - optimiser.evaluation.gradient).clamp(0, 1) - image).abs().max().item()

    for number in range(800):
        optimiser.step()
        if number % 20 == 19 and possible() < 1e-4:
            break
    assert optimiser.image.min() >= 0 and optimiser.image.max() <= 1
    assert possible() < 1e-4


def test_its_step_is_that_of_textbook_lbfgs() -> None:
    """Without active bounds the direction equals the two-loop recursion written out with vectors."""
    matrix, target = problem(3, 30, 1.5)
    target = 0.4 + 0.2 * torch.rand(30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    start = torch.full((30,), 0.5, dtype=torch.float64)
    optimiser = BoxLBFGS(start, quadratic(matrix, target), first_step=0.001, history=5)
    pairs: list[tuple[Tensor, Tensor]] = []
    for _ in range(12):
        image, gradient = optimiser.image.clone(), optimiser.evaluation.gradient.clone()
        expected = None
        if pairs:
            q, amounts = gradient.clone(), []
            for s, y in reversed(pairs):
                amounts.append((s @ q) / (s @ y))
                q = q - amounts[-1] * y
            s, y = pairs[-1]
            q = q * (s @ y) / (y @ y)
            for (s, y), amount in zip(pairs, reversed(amounts), strict=True):
                q = q + s * (amount - (y @ q) / (s @ y))
            expected = -q
        optimiser.step()
        if expected is not None and optimiser.image.min() > 0.01 and optimiser.image.max() < 0.99:
            assert torch.allclose(optimiser.image - image, expected, rtol=1e-6, atol=1e-12)
        pairs = [*pairs, (optimiser.image - image, optimiser.evaluation.gradient - gradient)][-5:]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9))
def test_pairs_that_are_taken_along_are_the_history(seed: int, steps: int) -> None:
    """An optimiser that begins with another's pairs goes on as that one does."""
    matrix, target = problem(seed, 48, 1.5)
    evaluate = quadratic(matrix, target.view(1, 3, 4, 4))
    one = BoxLBFGS(torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64), evaluate)
    for _ in range(steps):
        one.step()
    other = BoxLBFGS(one.image.clone(), evaluate, pairs=one.pairs(20))
    for _ in range(3):
        one.step()
        other.step()
        assert torch.allclose(one.image, other.image, rtol=0, atol=1e-9)


def test_pairs_of_a_coarser_picture_save_steps() -> None:
    """A smooth problem (each pixel is to be near a target and its neighbours, on average over all) at twice the size."""

    def smooth(size: int):
        target = torch.nn.functional.interpolate(
            torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64), (size, size)
        )

        def evaluate(image: Tensor) -> Evaluation:
            image = image.detach().requires_grad_(True)
            means = torch.nn.functional.adaptive_avg_pool2d(image - target, 8)
            loss = (image - target).square().mean() * 0.01 + means.square().mean() * 30 + means.mean().square() * 300
            (gradient,) = torch.autograd.grad(loss, image)
            return Evaluation(loss.detach().reshape(1) + 1e-3, gradient)

        return evaluate

    coarse = BoxLBFGS(torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64), smooth(16))
    for _ in range(8):
        coarse.step()
    start = torch.full((1, 3, 32, 32), 0.5, dtype=torch.float64)
    plain = BoxLBFGS(start, smooth(32))
    taught = BoxLBFGS(start, smooth(32), pairs=enlarged(coarse.pairs(8), (32, 32)))
    for _ in range(3):
        plain.step()
        taught.step()
    assert taught.losses[0] < 0.7 * plain.losses[0]


def test_a_last_step_is_as_any_other_but_for_its_gradient() -> None:
    matrix, target = problem(7, 48, 1.5)
    evaluate, asked = quadratic(matrix, target.view(1, 3, 4, 4)), []

    def losses(image: Tensor) -> Tensor:
        asked.append(image)
        return evaluate(image).losses

    def never(image: Tensor) -> Evaluation:
        raise AssertionError("a last step needs no gradient")

    plain, sooner = (
        BoxLBFGS(torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64), evaluate, each) for each in (None, losses)
    )
    for last in (False, False, False, True):
        sooner._evaluate = never if last else evaluate
        assert plain.step(last=last) == sooner.step(last=last) and torch.equal(plain.image, sooner.image)
    assert len(asked) == 1
    # Where another step follows after all, also after an interruption, it begins with the gradient.
    sooner._evaluate = evaluate
    resumed = BoxLBFGS(sooner.image, evaluate, losses, state=sooner.state())
    assert torch.equal(sooner.evaluation.gradient, plain.evaluation.gradient)
    assert sooner.step() == resumed.step() and torch.equal(sooner.image, resumed.image)
    assert sooner.losses[0] < plain.losses[0]


def test_a_last_step_that_does_not_help_is_not_taken() -> None:
    matrix, target = problem(8, 20, 1.5)
    evaluate = quadratic(matrix, target)
    optimiser = BoxLBFGS(torch.full((20,), 0.5, dtype=torch.float64), evaluate, lambda image: torch.tensor([float("nan")]))
    optimiser.step()
    image, losses = optimiser.image.clone(), list(optimiser.losses)
    assert optimiser.step(last=True) == losses and torch.equal(optimiser.image, image) and not optimiser.stuck


def test_what_may_not_move_does_not() -> None:
    matrix, target = problem(4, 20, 1.0)
    movable = (torch.arange(20) % 3 > 0).double()
    start = torch.full((20,), 0.3, dtype=torch.float64)
    optimiser = BoxLBFGS(start, quadratic(matrix, target), movable=movable)
    for _ in range(50):
        optimiser.step()
    assert torch.equal(optimiser.image[movable == 0], start[movable == 0])
    assert not torch.equal(optimiser.image[movable == 1], start[movable == 1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_a_bad_evaluation_keeps_the_last_good_image_and_goes_on(bad: float) -> None:
    matrix, target = problem(5, 20, 1.5)
    good, calls = quadratic(matrix, target), 0

    def evaluate(image: Tensor) -> Evaluation:
        nonlocal calls
        calls += 1
        evaluation = good(image)
        if 20 <= calls < 28:
            return Evaluation(torch.full_like(evaluation.losses, bad), torch.full_like(evaluation.gradient, bad))
        return evaluation

    optimiser = BoxLBFGS(torch.full((20,), 0.5, dtype=torch.float64), evaluate)
    losses = [optimiser.step()[0] for _ in range(200)]
    assert all(loss == loss and loss < 1e6 for loss in losses)
    possible = (optimiser.image - optimiser.evaluation.gradient).clamp(0, 1) - optimiser.image
    assert possible.abs().max().item() < 1e-4 and not optimiser.stuck
