"""One job: a content, its styles and settings in, a painted picture out, told step by step."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from stylecore.device import libraries, memory_budget
from stylecore.device.computing import Computing
from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.errors import StyleError, fault
from stylecore.events import Event, Finished, Note, ScaleStarted, StepDone
from stylecore.network.arithmetic import Arithmetic
from stylecore.objective.layers import DEEP, SHALLOW, STYLE_LAYERS
from stylecore.objective.objective import Objective
from stylecore.optimiser.convergence import Settling
from stylecore.optimiser.lbfgs import BoxLBFGS, enlarged
from stylecore.painting import checkpoint
from stylecore.painting.evaluations import Evaluations, evaluations
from stylecore.painting.inputs import Pixels
from stylecore.painting.notes import opening_notes
from stylecore.painting.planning.costs import Costs
from stylecore.painting.planning.plan import Scale, deep_steps, make_plan
from stylecore.painting.planning.time_left import WorkClock
from stylecore.painting.scale_inputs import Materials, Phase
from stylecore.painting.targets import Targets
from stylecore.request import PaintRequest
from stylecore.settings import BY_NAME, Settings
from stylecore.tensors.resampling import resize, upsample_with_detail
from stylecore.tensors.strips import ALONE, Ranks, Strip

# So many pairs of steps and gradient changes are taken along to the next scale, which they save about three steps.
_TAKEN_ALONG = 8


class Job:
    """Paint what a request asks for.

    Between two events of :meth:`run` the caller may read :meth:`image`, :meth:`update` the settings, :meth:`stop` or
    :meth:`cancel`.

    Args:
        engine: device and network.
        request: pictures as arrays, and settings.
        targets: what is known of the styles from a job with the same styles and settings; what it lacks is measured, and
            added to it.
        ranks: the processes that paint this picture together (:mod:`stylecore.tensors.strips`). Each makes the same job
            of the same pictures, and they call every method in the same order; :meth:`image` and :meth:`state` give the
            whole to rank 0, and the others something to be dropped.

    Raises:
        StyleError: bad input, with a code, a sentence and a remedy.
    """

    def __init__(
        self, engine: Engine, request: PaintRequest[Pixels], *, targets: Targets | None = None, ranks: Ranks = ALONE
    ) -> None:
        self._engine, self._ranks, settings = engine, ranks, request.settings
        # All ranks take the same arithmetic, and what memory the poorest of them has.
        arithmetic = engine.arithmetic_for(settings, ranks)
        self._materials = Materials(engine, arithmetic, request, targets)
        engine.network(settings, arithmetic)  # made before what is left is counted
        available = engine.available(settings.memory_limit, ranks.on_this_machine)
        available = int(-ranks.agree(-available)[0])
        self.scales: list[Scale] = make_plan(
            self._materials.size,
            settings,
            available,
            engine.computing(settings, arithmetic, ranks),
            self._materials.style_sizes,
            warm=self._materials.warm,
            ranks=ranks,
        )
        # Where the job is: the scale, the steps done there, and the image while there is no optimiser.
        self._number = self._step = 0
        self._image: Tensor | None = None
        self._coarse: Tensor | None = None  # what a shallow scale is held to
        self._pairs: list[tuple[Tensor, Tensor]] = []  # the optimiser's, of the scale before
        self._strip = Strip(0)  # the part of the scale that this process paints
        self._optimiser: BoxLBFGS | None = None
        self._made_for = -1  # the scale that the optimiser belongs to
        self._optimiser_state: Mapping[str, Any] | None = None
        self._objective: Objective | None = None
        self._settling = Settling()
        self._seconds_before, self._painted_with = 0.0, settings  # those of the last step
        self._begin = time.perf_counter()
        self._stopped = self._cancelled = self._finished = False
        self._clock: WorkClock | None = None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._materials.settings

    @property
    def arithmetic(self) -> Arithmetic:
        """What the network computes in: the machine's for the setting ``precision``, or that of a state gone on from."""
        return self._materials.arithmetic

    # What a caller may ask between two steps.

    def stop(self) -> None:
        """Finish at the next step and keep what is there."""
        self._stopped = True

    def cancel(self) -> None:
        """End at the next step, without a result."""
        self._cancelled = True

    def update(self, settings: Settings) -> None:
        """Take other settings from the next step on.

        Raises:
            StyleError: ``not-live`` if one is changed that needs a new job.
        """
        different = settings.changed_from(self.settings)
        if fixed := [name for name in different if not BY_NAME[name].live]:
            raise StyleError(*fault("not-live", name=fixed[0]))
        matched = self._materials.matched_share()
        self._materials.settings = settings
        self._settling = Settling()
        if different:
            self._repaint_deep()
        if self._objective is None or self._optimiser is None:
            return
        # Other colours of the styles, and another strength under a map, make other targets.
        recoloured = self._materials.matched_share() != matched
        if recoloured or (self._materials.has_strength_map and "strength" in different):
            if self._made_for == self._number:  # the next step makes them
                self._take_image(self._optimiser)
            else:
                self._objective = self._objective_at(self._made_for, self._strip)
                self._optimiser.renew(*self._evaluations(self._objective, self.scales[self._made_for].way))
            return
        weighting = self._materials.weighting(self._phase(self._made_for))
        if weighting != self._objective.weighting:
            self._objective.weighting = weighting
            self._optimiser.renew()

    def _repaint_deep(self) -> None:
        """Let the scale at hand, if it is a shallow one, be painted by all layers from the next step on.

        It would be held to what the coarser scale has made of other settings.
        """
        number, settings = self._number, self.settings
        if number == len(self.scales) or not self.scales[number].shallow or not self._step:
            return
        if self._optimiser is not None and self._made_for == number:
            self._take_image(self._optimiser)
        scale = self.scales[number]
        self._coarse = None
        anew = deep_steps(settings, number, len(self.scales), self._engine.device.type)
        steps = scale.steps if settings.iterations else self._step + anew
        self.scales[number] = replace(scale, shallow=False, steps=steps)
        if self._clock is not None:
            self._clock.plan_changed(*self._costs().expected(self.scales)[number])

    def refine(self) -> bool:
        """Take one step more at the scale that is done, between that scale and the next; return whether it helped.

        It shows what new settings make of a job that waits for its user before it goes on to larger scales.
        """
        if self._optimiser is None or self._finished or self._optimiser.stuck:
            return False
        self._optimiser.step()
        return True

    def measure_styles(self) -> None:
        """Add to the ``targets`` what this job, or one of another content of this size, needs to know of the styles."""
        for number, scale in enumerate(self.scales):
            self._objective_at(number, Strip(scale.size[0]))

    def image(self) -> Pixels:
        """Return the image as it is now, H × W × 3 or 4 like the content; full size once the job has finished."""
        return self._materials.deliver(self._current())

    def image_at_size(self, width: int, height: int) -> Pixels:
        """Return the image as it is now, brought to another size for showing."""
        return self._materials.deliver(resize(self._current(), (height, width)))

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs to go on from here: tensors, numbers, strings, lists and mappings of them.

        To be asked for between two events of :meth:`run`.
        """
        image = self._image if self._optimiser is None else self._strip.gathered(self._optimiser.image)
        going_on = self._optimiser is not None and self._made_for == self._number
        return {
            "version": checkpoint.VERSION, "settings": self.settings.to_stored(), "pictures": self._materials.digest(),
            "arithmetic": self.arithmetic.stored(),
            "scales": [scale.stored() for scale in self.scales],
            "coarse": None if self._coarse is None else self._coarse.cpu(),
            "number": self._number, "step": self._step, "seconds": time.perf_counter() - self._begin,
            "image": None if image is None else image.cpu(), "settling": self._settling.losses,
            "optimiser": self._optimiser.state() if going_on and self._optimiser is not None else None,
            "pairs": [[part.cpu() for part in pair] for pair in self._taken_along()],
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Make :meth:`run` go on from a :meth:`state`, as if it had never been interrupted.

        On the same device the picture is the same bit for bit: in the state's arithmetic, whatever is the machine's by now.

        Raises:
            StyleError: ``bad-state`` if it was saved by another version or for other pictures, ``other-arithmetic`` if
                this device cannot compute in the one it was painted in.
        """
        arithmetic = checkpoint.arithmetic_of(state, self._materials.digest())
        if arithmetic != self.arithmetic:
            if not self._engine.can_compute(arithmetic):
                raise StyleError(*fault("other-arithmetic", arithmetic=arithmetic, device=self._engine.device_name))
            self._engine.forget(self.arithmetic)
            self._materials.arithmetic = arithmetic
        self._materials.settings = Settings.from_stored(state["settings"])
        self.scales = [Scale.from_stored(stored) for stored in state["scales"]]
        self._coarse = None if state["coarse"] is None else state["coarse"].to(self._engine.device)
        self._number, self._step, self._seconds_before = state["number"], state["step"], state["seconds"]
        self._image = None if state["image"] is None else state["image"].to(self._engine.device)
        self._optimiser_state = state["optimiser"]
        self._pairs = [(step.to(self._engine.device), change.to(self._engine.device)) for step, change in state["pairs"]]
        self._settling = Settling(state["settling"])

    def excuse(self, seconds: float) -> None:
        """Between two steps: do not count so many seconds, in which the caller did something else."""
        self._begin += seconds
        if self._clock is not None:
            self._clock.excuse(seconds)

    # The work.

    def run(self) -> Iterator[Event]:
        """Paint; yields an event after each step, and :class:`Finished` last unless cancelled.

        When memory runs out, painting goes on from the last image in a way that takes less, and a :class:`Note` says so.

        Raises:
            StyleError: ``out-of-memory`` if not even the leanest way is lean enough.
        """
        self._begin = begin = time.perf_counter() - self._seconds_before
        if self.settings.strength == 0 and self.settings.objective == "balanced":
            self._finished = True
            yield Finished(time.perf_counter() - begin, False, self.settings)
            return
        yield from opening_notes(self.scales, self._materials, self._computing(), self._ranks)
        costs = self._costs()
        self._clock = clock = WorkClock(costs.expected(self.scales), (self._number, self._step))
        while self._number < len(self.scales) and not (self._stopped or self._cancelled):
            scale = self.scales[self._number]
            height, width = scale.size
            yield ScaleStarted(self._number + 1, len(self.scales), width, height, scale.steps, *clock.scale_begins())
            clock.scale_begins()  # the caller may have paused
            yield from self._paint_scale(clock)
            if self._optimiser_state is not None and scale != self.scales[-1]:
                self._ready()  # gone on with where this scale was just over: the next takes along what it found
            cost = clock.scale_done()
            if cost is not None and self._ranks.count == 1 and self.scales[self._number] == scale:
                costs.learn(scale, cost)
            if not (self._stopped or self._cancelled):
                self._number, self._step, self._settling = self._number + 1, 0, Settling()
        if self._cancelled:
            return
        if self._optimiser is not None:  # what it holds is let go before the picture, which may be large, is made
            self._take_image(self._optimiser, last=True)
            memory_budget.give_back_before(self.scales[-1].size)
        self._finished = True
        yield Finished(time.perf_counter() - begin, self._stopped, self._painted_with)

    def _computing(self) -> Computing:
        return self._engine.computing(self.settings, self.arithmetic)

    def _costs(self) -> Costs:
        return Costs(self._engine.rates, self._engine.device.type, self.settings, self.arithmetic)

    def _paint_scale(self, clock: WorkClock) -> Iterator[Event]:
        """Paint the scale at hand from the step at hand on."""
        number = self._number
        while self._step < self.scales[number].steps and not (self._stopped or self._cancelled or self._settled()):
            stuck, losses = yield from self._surviving()
            self._step, self._painted_with = self._step + 1, self.settings
            self._settling.add(losses[0])
            fraction, seconds_left = clock.step_done()
            yield StepDone(
                number + 1,
                len(self.scales),
                self._step,
                self.scales[number].steps,
                losses[0],
                losses[1],
                losses[2],
                fraction,
                seconds_left,
                dict(zip(STYLE_LAYERS, losses[3:], strict=False)),  # a shallow scale has the first few
            )
            if stuck:
                break

    def _settled(self) -> bool:
        """Return whether the last scale may end early: if it need not take so many steps, and looks are what counts."""
        free = not self.settings.iterations and self.settings.objective == "balanced"
        return free and self._number == len(self.scales) - 1 and self._settling.settled

    def _surviving(self) -> Generator[Event, None, tuple[bool, list[float]]]:
        """Do one step, in a way that takes less if memory runs out; return whether the image could not move, and losses."""
        ways = memory_budget.after(self.scales[self._number].way, self._computing())
        while True:
            error: Exception | None = None
            try:
                last = self._step == self.scales[self._number].steps - 1
                losses = self._ready().step(last=last)  # no name here holds on to an optimiser that is to be let go
                return self._ready().stuck, losses
            except Exception as raised:  # libraries say it in errors of many kinds; any other goes on to the user
                if not memory_budget.ran_out(raised):
                    raise
                # Without its traceback, which holds on to what filled the memory.
                error = raised.with_traceback(None)
                libraries.recover(error)
            # Other ranks know nothing of it, and would wait.
            way = next(ways, None) if self._ranks.count == 1 else None
            if way is None:
                raise StyleError(*fault("out-of-memory:paint")) from error
            if self._optimiser is not None:
                self._take_image(self._optimiser)
            self._objective = None
            gc.collect()
            memory_budget.give_back(self._engine.device)
            self.scales[self._number :] = [replace(scale, way=way) for scale in self.scales[self._number :]]
            yield Note(*fault("memory-ran-out"))

    def _ready(self) -> BoxLBFGS:
        """Return the optimiser of the scale at hand, made if there is none."""
        if self._optimiser is not None:
            if self._made_for == self._number:
                return self._optimiser
            # What the last scale held is let go before this one's larger targets and history are made.
            self._pairs = self._taken_along()
            self._take_image(self._optimiser)
            memory_budget.give_back_before(self.scales[self._number].size)
        scale, materials = self.scales[self._number], self._materials
        memory_budget.keep_buffers(scale.way)
        self._strip = strip = Strip(scale.size[0], self._ranks)
        if self._image is None:
            image = strip.cut(materials.first_image(scale.size))
        elif self._image.shape[2:] == scale.size:
            image = strip.cut(self._image)
        else:
            image = upsample_with_detail(self._image, materials.detail(scale.size), strip.top, strip.bottom)
            self._coarse = self._image if scale.shallow else None
        self._image = None if strip.shared else image
        movable = materials.movable(scale.size)
        self._objective = self._objective_at(self._number, strip)
        self._optimiser = BoxLBFGS(
            image,
            *self._evaluations(self._objective, scale.way),
            history=scale.way.history,
            half=scale.way.half,
            strip=strip,
            movable=None if movable is None else strip.cut(movable).expand_as(image),
            state=self._optimiser_state,
            pairs=((strip.cut(step), strip.cut(change)) for step, change in enlarged(self._pairs, scale.size)),
        )
        self._pairs = []
        self._image = self._optimiser_state = None  # the optimiser has its own copy, and large pictures are large
        self._made_for = self._number
        return self._optimiser

    def _taken_along(self) -> list[tuple[Tensor, Tensor]]:
        """Return what the next scale is told of the curvature that was found at the one that is done."""
        if self._optimiser is None or self._made_for == self._number:
            return self._pairs
        room = self.scales[self._number].way.history if self._number < len(self.scales) else 0
        return [] if self.settings.objective == "paper" else self._optimiser.pairs(min(_TAKEN_ALONG, room))

    def _objective_at(self, number: int, strip: Strip) -> Objective:
        """Return what is to be minimised at a scale."""
        scale = self.scales[number]
        layers, make = SHALLOW if scale.shallow else DEEP, self._materials.objective
        return libraries.call(make, scale.size, scale.way, strip, self._phase(number), layers=layers, coarse=self._coarse)

    def _phase(self, number: int) -> Phase:
        return Phase.of(number, len(self.scales), warm=self._materials.warm)

    def _evaluations(self, objective: Objective, way: MemoryPlan) -> Evaluations:
        """Return how the optimiser evaluates an objective; a recording is played back where nothing waits outside of it."""
        return evaluations(objective, self._engine.device.type, recorded=not way.spill and not self._strip.shared)

    def _take_image(self, optimiser: BoxLBFGS, *, last: bool = False) -> None:
        """Let the optimiser go, and keep its image, whole; of the ``last`` one on rank 0 alone."""
        image = optimiser.image
        self._optimiser = self._objective = None
        self._image = self._strip.gathered(image) if last else self._strip.everywhere(image)

    def _current(self) -> Tensor:
        """Return the image at the current scale's size, or at full size once finished."""
        image = self._image if self._optimiser is None else self._strip.gathered(self._optimiser.image)
        if image is None:
            return self._materials.content
        return upsample_with_detail(image, self._materials.detail(self._materials.size)) if self._finished else image
