"""L-BFGS projected onto the box [0, 1]: what paints the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from stylecore.objective import Evaluation

# A step may raise the loss a little (the path to a lower one often does); more than this is tried again shorter.
_TOLERATED_RISE = 1.02
_SHORTENING = 0.3
_TRIES = 5
# A pair is kept only if its curvature is safely positive.
_LEAST_CURVATURE = 1e-8
# Columns multiplied at a time, so that the masked history needs no second copy of itself.
_CHUNK = 1 << 18


class BoxLBFGS:
    """Limited-memory BFGS on pixels in [0, 1].

    The active set (a pixel at its bound whose gradient points outward) is held; steps are of unit length, shortened
    only when the loss rises by more than 2 %. The inner products of the two-loop recursion (Nocedal and Wright,
    *Numerical Optimization*, algorithm 7.4) come from one matrix product over the history, as in vector-free L-BFGS
    (Chen, Wang and Zhou, NIPS 2014), so that a step waits for the device once.

    Args:
        image: the start, any shape, clamped to [0, 1].
        evaluate: the objective.
        history: how many pairs of steps and gradient changes are kept.
        first_step: the largest change of a pixel in a step that has no history.
        movable: same shape as ``image``; 0 where it must not change. ``None``: everywhere.
        state: of :meth:`state`, to go on as if there had been no interruption; ``image`` is then the one of that moment.
    """

    def __init__(
        self,
        image: Tensor,
        evaluate: Callable[[Tensor], Evaluation],
        *,
        history: int = 20,
        first_step: float = 0.03,
        movable: Tensor | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.image = image.detach().clamp(0, 1)
        self.stuck = False
        self._evaluate = evaluate
        self._first_step = first_step
        self._movable = movable
        self._slots = history + 1  # one spare, for the pair that is being tried
        # Rows: steps, gradient changes, and the current gradient last.
        self._rows = torch.zeros(
            (2 * self._slots + 1, self.image.numel()),
            device=image.device,
            dtype=torch.promote_types(image.dtype, torch.float32),
        )
        self._order: list[int] = []
        self._failures = 0
        if state is None:
            self.renew()
        else:
            self._restore(state)

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside image and objective: tensors, numbers and lists of them."""
        rows = [*self._order, *(self._slots + slot for slot in self._order), self._rows.shape[0] - 1]
        return {
            "slots": self._slots, "order": list(self._order), "rows": self._rows[rows].cpu(), "losses": list(self.losses),
            "products": self._products, "first_step": self._first_step, "failures": self._failures, "stuck": self.stuck,
        }  # fmt: skip

    def _restore(self, state: Mapping[str, Any]) -> None:
        if state["slots"] != self._slots:
            raise ValueError(f"the state has room for {state['slots'] - 1} pairs, not {self._slots - 1}")
        self._order, self.losses = list(state["order"]), list(state["losses"])
        rows = [*self._order, *(self._slots + slot for slot in self._order), self._rows.shape[0] - 1]
        self._rows[rows] = state["rows"].to(self._rows)
        self._products = state["products"]
        self._first_step, self._failures, self.stuck = state["first_step"], state["failures"], state["stuck"]
        gradient = self._rows[-1].reshape(self.image.shape).to(self.image.dtype)
        self.evaluation = Evaluation(torch.tensor(self.losses, device=self.image.device), gradient)
        self._free = self._free_pixels(self.image, gradient)

    def renew(self, evaluate: Callable[[Tensor], Evaluation] | None = None) -> None:
        """Forget the history and evaluate again, after the objective has changed, or by another one."""
        self._evaluate = evaluate or self._evaluate
        self._order = []
        self._failures = 0
        self.stuck = False
        self.evaluation = self._evaluate(self.image)
        self._rows[-1] = self.evaluation.gradient.flatten()
        self._free = self._free_pixels(self.image, self.evaluation.gradient)
        self._products, self.losses = self._fetch(self.evaluation, self._free)

    def step(self) -> list[float]:
        """Move the image once and return the losses (:class:`Evaluation`) there.

        When no step helps (not even a short one, or all give numbers that are not finite) the image stays, the history is
        forgotten and the next step is more careful; after three such failures in a row :attr:`stuck` is set.
        """
        direction, length = self._direction()
        spare = next(slot for slot in range(self._slots) if slot not in self._order)
        for _ in range(_TRIES):
            image = (self.image + length * direction).clamp(0, 1)
            evaluation = self._evaluate(image)
            self._rows[spare] = (image - self.image).flatten()
            self._rows[self._slots + spare] = (evaluation.gradient - self.evaluation.gradient).flatten()
            self._rows[-1] = evaluation.gradient.flatten()
            free = self._free_pixels(image, evaluation.gradient)
            products, losses = self._fetch(evaluation, free, spare)
            if losses[0] <= self.losses[0] * _TOLERATED_RISE and bool(products.isfinite().all()):
                self._accept(image, evaluation, free, products, losses, spare)
                return self.losses
            length = length * _SHORTENING
        self._rows[-1] = self.evaluation.gradient.flatten()
        # A pair that is not finite would spoil every later product, even with a coefficient of nothing.
        self._rows[spare] = 0
        self._rows[self._slots + spare] = 0
        self._order = []
        self._first_step *= _SHORTENING
        self._failures += 1
        self.stuck = self._failures >= 3
        return self.losses

    def _accept(
        self, image: Tensor, evaluation: Evaluation, free: Tensor, products: Tensor, losses: list[float], spare: int
    ) -> None:
        if self._whole_curvature > 0:
            self._order.append(spare)
            if len(self._order) == self._slots:
                self._order.pop(0)
        self.image, self.evaluation, self.losses = image, evaluation, losses
        self._free, self._products = free, products
        self._failures = 0

    def _free_pixels(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return 1 where a pixel may move: not at a bound with the gradient pointing outward."""
        free = ~(((image <= 0) & (gradient > 0)) | ((image >= 1) & (gradient < 0)))
        if self._movable is not None:
            free = free & (self._movable > 0)
        return free.flatten()

    def _fetch(self, evaluation: Evaluation, free: Tensor, spare: int | None = None) -> tuple[Tensor, list[float]]:
        """Return all inner products over free pixels (float64) and the losses: the one wait for the device."""
        count = self._rows.shape[0]
        sums = torch.zeros(count, count, device=free.device, dtype=torch.float64)
        for begin in range(0, free.numel(), _CHUNK):
            part = self._rows[:, begin : begin + _CHUNK] * free[begin : begin + _CHUNK]
            sums += (part @ part.t()).double()
        curvature = sums.new_zeros(1)
        if spare is not None:
            curvature = torch.dot(self._rows[spare], self._rows[self._slots + spare]).double().reshape(1)
        fetched = torch.cat([curvature, evaluation.losses.double(), sums.flatten()]).cpu()
        self._whole_curvature = fetched[0].item()
        losses = fetched[1 : -count * count].tolist()
        return fetched[-count * count :].reshape(count, count), losses

    def _direction(self) -> tuple[Tensor, Tensor | float]:
        """Return the direction (the image's shape) and the length to try first."""
        coefficients = self._two_loops()
        gradient_row = self._rows.shape[0] - 1
        if coefficients is not None and float(coefficients @ self._products[gradient_row]) > 0:
            combined = coefficients.to(self._rows) @ self._rows
            return -(combined * self._free).reshape(self.image.shape), 1.0
        self._order = []
        steepest = self._rows[gradient_row] * self._free
        length = self._first_step / steepest.abs().max().clamp_min(1e-30)
        return -steepest.reshape(self.image.shape), length

    def _two_loops(self) -> Tensor | None:
        """Return the L-BFGS step's coefficients over the rows, or ``None`` without a usable pair."""
        products, slots = self._products, self._slots
        pairs = []
        for slot in self._order:
            step, change = slot, slots + slot
            curvature = products[step, change].item()
            bound = (products[step, step] * products[change, change]).clamp_min(0).sqrt().item()
            if curvature > _LEAST_CURVATURE * bound and curvature > 0:
                pairs.append((step, change, curvature))
        if not pairs:
            return None
        coefficients = torch.zeros(2 * slots + 1, dtype=torch.float64)
        coefficients[-1] = 1.0
        first = []
        for step, change, curvature in reversed(pairs):
            amount = float(coefficients @ products[step]) / curvature
            coefficients[change] -= amount
            first.append(amount)
        step, change, curvature = pairs[-1]
        coefficients *= curvature / products[change, change].item()
        for (step, change, curvature), amount in zip(pairs, reversed(first), strict=True):
            coefficients[step] += amount - float(coefficients @ products[change]) / curvature
        return coefficients
