"""L-BFGS projected onto the box [0, 1]: what paints the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.kernels import optimiser as kernels
from stylecore.objective.objective import Evaluation
from stylecore.optimiser.history import History
from stylecore.tensors.resampling import Size
from stylecore.tensors.strips import Strip

# A step may raise the loss a little (the path to a lower one often does); more than this is tried again shorter.
_TOLERATED_RISE = 1.02
_SHORTENING = 0.3
_TRIES = 5
# A pair is kept only if its curvature is safely positive.
_LEAST_CURVATURE = 1e-8


class BoxLBFGS:
    """Limited-memory BFGS on pixels in [0, 1].

    The active set (a pixel at its bound whose gradient points outward) is held; steps are of unit length, shortened
    only when the loss rises by more than 2 %. The inner products of the two-loop recursion (Nocedal and Wright,
    *Numerical Optimization*, algorithm 7.4) come from one matrix product over the history, as in vector-free L-BFGS
    (Chen, Wang and Zhou, NIPS 2014), so that a step waits for the device once.

    While the objective is evaluated it holds little more than the history, the two images and one gradient: large pictures
    are painted in what memory this leaves.

    Args:
        image: the start, any shape, clamped to [0, 1].
        evaluate: the objective.
        losses: the objective's losses alone, for last steps (:meth:`step`); ``None``: there is no sooner way to them.
        history: how many pairs of steps and gradient changes are kept.
        half: keep them in bfloat16, half as large; the pairs are then a little off, the gradient is not.
        first_step: the largest change of a pixel in a step that has no history.
        movable: same shape as ``image``; 0 where it must not change. ``None``: everywhere.
        state: of :meth:`state`, to go on as if there had been no interruption; ``image`` is then the one of that moment.
        strip: which part of the whole the image is; the objective's losses are the whole's. ``None``: all of it.
        pairs: steps and gradient changes to begin with, oldest first, each of the image's shape (:meth:`pairs`).
    """

    def __init__(
        self,
        image: Tensor,
        evaluate: Callable[[Tensor], Evaluation],
        losses: Callable[[Tensor], Tensor] | None = None,
        *,
        history: int = 20,
        half: bool = False,
        first_step: float = 0.03,
        movable: Tensor | None = None,
        state: Mapping[str, Any] | None = None,
        strip: Strip | None = None,
        pairs: Iterable[tuple[Tensor, Tensor]] = (),
    ) -> None:
        self._strip = strip or Strip(0)
        self.image = image.detach().clamp(0, 1).contiguous()
        self.stuck = False
        self._evaluate, self._losses_alone = evaluate, losses
        self._behind = False  # whether the gradient is still that of the image before
        self._first_step = first_step
        self._movable = None if movable is None else (movable > 0).flatten()
        self._slots = history + 1  # one spare, for the pair that is being tried
        self._exact = torch.promote_types(image.dtype, torch.float32)
        self._history = History(self.image, self._slots, half=half)
        self._order: list[int] = []
        self._failures = 0
        if state is None:
            squares = self._keep(pairs)  # before anything is evaluated, which takes memory beside the history
            self.renew()
            self._count_on(squares)
        else:
            self._restore(state)

    @property
    def evaluation(self) -> Evaluation:
        """The losses and the gradient at the image."""
        self._catch_up()
        return Evaluation(self._losses, self._gradient.reshape(self.image.shape))

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside image and objective: tensors, numbers and lists of them.

        Of a strip that other ranks share: the whole's, on rank 0.
        """
        rows = [*self._order, *(self._slots + slot for slot in self._order)]
        return {
            "slots": self._slots, "order": list(self._order), "pairs": self._whole(self._history.rows[rows]),
            "gradient": self._whole(self._gradient[None]), "losses": list(self.losses), "products": self._products,
            "first_step": self._first_step, "failures": self._failures, "stuck": self.stuck, "behind": self._behind,
        }  # fmt: skip

    def pairs(self, most: int) -> list[tuple[Tensor, Tensor]]:
        """Return up to ``most`` of the newest steps and gradient changes, oldest first, each like the whole image.

        In full precision, on every rank.
        """
        found = []
        for slot in self._order[-most:]:
            rows = self._history.rows[[slot, self._slots + slot]].to(self._exact)
            step, change = self._strip.everywhere(rows.view(2, *self.image.shape[1:])).unbind()
            found.append((step[None], change[None]))
        return found

    def _whole(self, rows: Tensor) -> Tensor | None:
        """Return rows of numbers of the image (n × numbers of a strip) as those of all strips, in main memory."""
        if not self._strip.shared:
            return rows.cpu()
        whole = self._strip.gathered(rows.view(-1, *self.image.shape[1:]))
        return None if whole is None else whole.flatten(1).cpu()

    def _part(self, rows: Tensor) -> Tensor:
        """Return this strip's part of :meth:`_whole`'s."""
        if not self._strip.shared:
            return rows
        channels, _, width = self.image.shape[1:]
        return self._strip.cut(rows.view(-1, channels, self._strip.height, width)).flatten(1)

    def _restore(self, state: Mapping[str, Any]) -> None:
        if state["slots"] != self._slots:
            raise ValueError(f"the state has room for {state['slots'] - 1} pairs, not {self._slots - 1}")
        self._order, self.losses = list(state["order"]), list(state["losses"])
        rows = [*self._order, *(self._slots + slot for slot in self._order)]
        self._history.rows[rows] = self._part(state["pairs"]).to(self._history.rows)
        self._gradient = self._part(state["gradient"])[0].to(self.image.device)
        self._products = state["products"]
        self._first_step, self._failures, self.stuck = state["first_step"], state["failures"], state["stuck"]
        self._behind = state["behind"]
        self._losses = torch.tensor(self.losses, device=self.image.device)
        self._free = self._free_pixels(self.image, self._gradient)

    def renew(
        self, evaluate: Callable[[Tensor], Evaluation] | None = None, losses: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        """Forget the history and evaluate again, after the objective has changed, or by another one (and its losses)."""
        if evaluate is not None:
            self._evaluate, self._losses_alone = evaluate, losses
        self._order = []
        self._failures = 0
        self.stuck = False
        self._evaluate_here()

    def _evaluate_here(self) -> None:
        self._losses, self._gradient = self._evaluated(self.image)
        self._free = self._free_pixels(self.image, self._gradient)
        self._products, self.losses, _ = self._fetch(self._losses, self._gradient, self._free, self._order)
        self._behind = False

    def _catch_up(self) -> None:
        """Evaluate what a last step has left open."""
        if self._behind:
            self._evaluate_here()

    def _keep(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Put pairs from elsewhere into the history; return the squares of their steps."""
        slots = range(self._slots - 1)
        return [self._history.take(slot, *pair) for slot, pair in zip(slots, pairs, strict=False)]

    def _count_on(self, squares: list[Tensor]) -> None:
        """Take the pairs that were kept first as if they were of steps that led to the image."""
        if not squares:
            return
        self._order = list(range(len(squares)))
        whole = self._strip.add_up([torch.cat(squares)], "products")[0].cpu().double()
        self._products = torch.zeros_like(self._products)
        self._products[self._order, self._order] = whole
        self._products, _, _ = self._fetch(self._losses, self._gradient, self._free, self._order)

    def step(self, *, last: bool = False) -> list[float]:
        """Move the image once and return the losses (:class:`Evaluation`) there.

        After a ``last`` step no other need follow: if losses are to be had alone, the gradient is not computed, and the
        history does not learn of the step. If another does follow, it begins with that gradient.

        When no step helps (not even a short one, or all give numbers that are not finite) the image stays, the history is
        forgotten and the next step is more careful; after three such failures in a row :attr:`stuck` is set.
        """
        self._catch_up()
        coefficients, length = self._direction()
        alone = self._losses_alone if last else None
        spare = next(slot for slot in range(self._slots) if slot not in self._order)
        for _ in range(_TRIES):
            image = self._moved(coefficients, length)
            if alone is not None:
                losses_there = alone(image)
                losses = self._agreed(losses_there).tolist()
                if losses[0] <= self.losses[0] * _TOLERATED_RISE:
                    self.image, self._losses, self.losses = image, losses_there, losses
                    self._behind, self._failures = True, 0
                    return self.losses
                length = length * _SHORTENING
                continue
            losses_there, gradient = self._evaluated(image)
            self._history.put(spare, (self.image, image), (self._gradient, gradient))
            free = self._free_pixels(image, gradient)
            products, losses, curvature = self._fetch(losses_there, gradient, free, [*self._order, spare])
            if losses[0] <= self.losses[0] * _TOLERATED_RISE and bool(products.isfinite().all()):
                if curvature > 0:
                    self._order.append(spare)
                    if len(self._order) == self._slots:
                        self._order.pop(0)
                self.image, self._losses, self.losses = image, losses_there, losses
                self._gradient, self._free, self._products = gradient, free, products
                self._failures = 0
                return self.losses
            self._history.clear(spare)
            length = length * _SHORTENING
        self._order = []
        self._first_step *= _SHORTENING
        self._failures += 1
        self.stuck = self._failures >= 3
        return self.losses

    def _evaluated(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses and the gradient, flat, at ``image``."""
        evaluation = self._evaluate(image)
        return evaluation.losses, evaluation.gradient.flatten().to(self._exact)

    def _free_pixels(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return whether a pixel may move: not at a bound with the gradient pointing outward."""
        if self._history.at_once:
            return kernels.free_numbers(image, gradient, self._movable)
        image = image.view(-1)
        free = torch.empty(image.numel(), dtype=torch.bool, device=image.device)
        for part in self._history.parts():
            low, high = image[part] <= 0, image[part] >= 1
            free[part] = ~((low & (gradient[part] > 0)) | (high & (gradient[part] < 0)))
        return free if self._movable is None else free & self._movable

    def _fetch(self, losses: Tensor, gradient: Tensor, free: Tensor, slots: list[int]) -> tuple[Tensor, list[float], float]:
        """Return what a step needs to know, in one wait for the device.

        These are inner products over free pixels (in float64 where the device has it), of those rows that belong to
        ``slots``, and of ``gradient``, which comes last: all that the two loops ask for, which is none of two different
        steps (those are 0), and of a step with itself only for its size, so once and over all pixels. Then the losses; and
        the product of the last slot's two rows over all pixels.
        """
        count = self._slots
        curvature, square, sums = self._history.sums(gradient, free, slots[-1] if slots else None)
        known = self._of_one_rank(losses.to(sums.dtype))
        together = self._strip.add_up([curvature, square, known, sums], "products")
        fetched = torch.cat([each.flatten() for each in together]).cpu().double()
        whole = fetched.new_zeros(2 * count + 1, 2 * count + 1)
        whole[:, count:] = fetched[-sums.numel() :].view_as(sums)
        whole[count:, :count] = whole[:count, count:].t()
        if slots:
            whole[slots, slots] = self._products[slots, slots]
            whole[slots[-1], slots[-1]] = fetched[1]
        # What the other slots hold is of no account, not even as 0 times infinity.
        places = torch.tensor([*slots, *(count + slot for slot in slots), 2 * count])
        products = torch.zeros_like(whole)
        products[places[:, None], places] = whole[places[:, None], places]
        return products, fetched[2 : -sums.numel()].tolist(), fetched[0].item()

    def _of_one_rank(self, losses: Tensor) -> Tensor:
        """Return what all ranks together add up to the losses of one: they decide by the very same numbers."""
        return losses * (self._strip.ranks.rank == 0 or not self._strip.shared)

    def _agreed(self, losses: Tensor) -> Tensor:
        return self._strip.add_up([self._of_one_rank(losses)], "products")[0]

    def _direction(self) -> tuple[Tensor, Tensor | float]:
        """Return the direction to go against, as coefficients over the rows, and how far to go first."""
        coefficients = self._two_loops()
        if coefficients is not None and float(coefficients @ self._products[-1]) > 0:
            return coefficients, 1.0
        self._order = []
        steepest = torch.stack(
            [(self._gradient[part] * self._free[part]).abs().max() for part in self._history.parts()]
        ).max()
        steepest = self._strip.greatest(steepest)
        coefficients = torch.zeros(2 * self._slots + 1, dtype=torch.float64)
        coefficients[-1] = 1.0
        return coefficients, self._first_step / steepest.clamp_min(1e-30)

    def _moved(self, coefficients: Tensor, length: Tensor | float) -> Tensor:
        """Return the image moved against the combination of the rows, where it is free to move."""
        chosen = coefficients.to(self._gradient)
        if self._history.at_once:
            return kernels.moved(self.image, self._history.rows, self._gradient, self._free, chosen, length)
        start, moved = self.image.view(-1), torch.empty_like(self.image)
        for part in self._history.parts():
            change = self._history.combination(chosen[:-1], part)
            change.add_(self._gradient[part] * chosen[-1]).mul_(self._free[part]).mul_(length)
            torch.sub(start[part], change, out=moved.view(-1)[part]).clamp_(0, 1)
        return moved

    def _two_loops(self) -> Tensor | None:
        """Return the L-BFGS step's coefficients over the rows, or ``None`` without a usable pair."""
        products, slots = self._products.numpy(), self._slots  # torch takes ten times as long for so few numbers
        pairs = []
        for slot in self._order:
            step, change = slot, slots + slot
            curvature = products[step, change]
            bound = max(products[step, step] * products[change, change], 0.0) ** 0.5
            if curvature > _LEAST_CURVATURE * bound and curvature > 0:
                pairs.append((step, change, curvature))
        if not pairs:
            return None
        coefficients = np.zeros(2 * slots + 1)
        coefficients[-1] = 1.0
        first = []
        for step, change, curvature in reversed(pairs):
            amount = coefficients @ products[step] / curvature
            coefficients[change] -= amount
            first.append(amount)
        step, change, curvature = pairs[-1]
        coefficients *= curvature / products[change, change]
        for (step, change, curvature), amount in zip(pairs, reversed(first), strict=True):
            coefficients[step] += amount - coefficients @ products[change] / curvature
        return torch.from_numpy(coefficients)


def enlarged(pairs: list[tuple[Tensor, Tensor]], size: Size) -> Iterator[tuple[Tensor, Tensor]]:
    """Bring :meth:`BoxLBFGS.pairs` to another size: of more pixels, each has the less of a loss's gradient.

    The list is used up, so that no pair is in memory twice for longer than it takes.
    """
    while pairs:
        step, change = pairs.pop(0)
        share = math.prod(step.shape[2:]) / math.prod(size)
        yield _enlarged(step, size), _enlarged(change, size) * share


def _enlarged(change: Tensor, size: Size) -> Tensor:
    """Return a change of an image for another size, as exact as a guess need be."""
    return F.interpolate(change, size, mode="bilinear", align_corners=False)
