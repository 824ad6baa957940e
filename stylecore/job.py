"""One job: a content, its styles and settings in, a painted picture out, told step by step."""

from __future__ import annotations

import gc
import hashlib
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

import torch
from torch import Tensor

from stylecore import colours, memory, regions
from stylecore import settings as declared
from stylecore.blocks import Blocks
from stylecore.clock import WorkClock
from stylecore.distances import DISTANCES
from stylecore.engine import Engine
from stylecore.errors import StyleError
from stylecore.events import Event, Finished, Note, ScaleStarted, StepDone
from stylecore.flat import roughened
from stylecore.given import Pixels, Style, picture_tensors
from stylecore.objective import (
    STYLE_LAYERS,
    BalancedObjective,
    GramObjective,
    Objective,
    PaperObjective,
    StylePicture,
    Weighting,
    strength_weighting,
)
from stylecore.optimiser import BoxLBFGS
from stylecore.plan import Scale, make_plan, style_size
from stylecore.regions import resize_guide
from stylecore.resampling import Size, resize, upsample_with_detail
from stylecore.settling import Settling
from stylecore.targets import Targets

__all__ = ["Job", "Pixels", "Style"]

# Raised when a saved state changes its meaning.
_STATE_VERSION = 3


class Job:
    """Paint ``content`` in the manner of ``styles``.

    Between two events of :meth:`run` the caller may read :meth:`image`, :meth:`update` the settings, :meth:`stop` or
    :meth:`cancel`.

    Args:
        engine: device and network.
        content: H × W × 3 (RGB) or 4 (RGB and straight alpha) float32 in [0, 1], perceptual sRGB. Transparent pixels
            influence nothing.
        styles: at least one; weights at least 0, not all 0.
        settings: any of :data:`stylecore.settings.SETTINGS`; the rest take their defaults.
        guide: H × W float32 in [0, 1]: where (and how much) the picture is painted; ``None`` for everywhere.
        strength_map: H × W float32 in [0, 1]: 1 paints with the set strength, 0 gives the photo back, even between. See
            :mod:`stylecore.regions`.
        start_picture: a picture of the content's size to begin from, H × W × 3 or 4 like the content, e.g. an earlier
            result; outside the guide it stays as it is. It takes the place of the setting ``start``.
        anew: with a start picture: paint anew within the guide, in as many steps as without one, so that only what lies
            around comes from it. False goes on from its pixels in about a third of the time, which suits a small change
            of the settings.
        targets: what is known of the styles from a job with the same styles and settings; what it lacks is measured, and
            added to it.

    Raises:
        StyleError: bad input, with a code, a sentence and a remedy.
    """

    def __init__(
        self,
        engine: Engine,
        content: Pixels,
        styles: Sequence[Style],
        settings: Mapping[str, Any] | None = None,
        guide: Pixels | None = None,
        *,
        strength_map: Pixels | None = None,
        start_picture: Pixels | None = None,
        anew: bool = False,
        targets: Targets | None = None,
    ) -> None:
        try:
            self.settings = declared.validate(settings or {})
        except declared.SettingError as error:
            raise StyleError("bad-setting", str(error), "Correct the value.") from error
        self._engine = engine
        self._content, self._alpha = picture_tensors(content, "picture", engine.device)
        if not styles or sum(style.weight for style in styles) <= 0 or min(style.weight for style in styles) < 0:
            raise StyleError("no-style", "There is no style to paint with.", "Choose a style picture.")
        styles = [style for style in styles if style.weight > 0]
        self._areas = regions.Areas(
            self._size, self._alpha, guide, [style.guide for style in styles], strength_map, engine.device
        )
        self._guide = self._areas.guide
        self._start = None if start_picture is None else self._make_start(start_picture)
        self._anew = anew
        self._targets = targets
        self._styles = [(*picture_tensors(style.picture, "style picture", engine.device), style.weight) for style in styles]
        dtype = engine.dtype(str(self.settings["precision"]))
        self.scales: list[Scale] = make_plan(
            self._size, self.settings, engine.available(float(self.settings["memory_limit"])), dtype,
            [(style[0].shape[2], style[0].shape[3]) for style in self._styles],
            warm=self._start is not None and not anew, device=engine.device.type,
        )  # fmt: skip
        # Where the job is: the scale, the steps done there, and the image while there is no optimiser.
        self._number = self._step = 0
        self._image: Tensor | None = None
        self._optimiser: BoxLBFGS | None = None
        self._made_for = -1  # the scale that the optimiser belongs to
        self._optimiser_state: Mapping[str, Any] | None = None
        self._objective: Objective | None = None
        self._settling = Settling()
        self._seconds_before = 0.0
        self._begin = time.perf_counter()
        self._stopped = self._cancelled = self._finished = False

    @property
    def _size(self) -> Size:
        return self._content.shape[2], self._content.shape[3]

    def _make_start(self, pixels: Pixels) -> Tensor:
        if pixels.shape[:2] != self._size:
            raise StyleError(
                "bad-start",
                f"The picture to start from is {pixels.shape[1]} × {pixels.shape[0]} pixels, "
                f"the picture {self._size[1]} × {self._size[0]}.",
                "Use one of the picture's size.",
            )
        start, alpha = picture_tensors(pixels, "picture to start from", self._engine.device)
        return start if alpha is None else torch.lerp(self._content, start, alpha[None, None])

    # What a caller may ask between two steps.

    def stop(self) -> None:
        """Finish at the next step and keep what is there."""
        self._stopped = True

    def cancel(self) -> None:
        """End at the next step, without a result."""
        self._cancelled = True

    def update(self, settings: Mapping[str, Any]) -> None:
        """Take new values of live settings from the next step on.

        Raises:
            StyleError: ``bad-setting`` for an unknown name or a value out of range, ``not-live`` for a setting that
                needs a new job.
        """
        try:
            changed = declared.validate({**self.settings, **settings})
        except declared.SettingError as error:
            raise StyleError("bad-setting", str(error), "Correct the value.") from error
        for name, value in changed.items():
            if value != self.settings[name] and not declared.BY_NAME[name].live:
                raise StyleError(
                    "not-live", f"“{name}” cannot be changed while the picture is painted.", "Start a new job with it."
                )
        different = {name for name in changed if changed[name] != self.settings[name]}
        matched = self._matched_share()
        self.settings = changed
        self._settling = Settling()
        if self._objective is None or self._optimiser is None:
            return
        # Other colours of the styles, and another strength under a map, make other targets.
        if self._matched_share() != matched or (self._areas.strength is not None and "strength" in different):
            if self._made_for == self._number:  # the next step makes them
                self._image = self._optimiser.image
                self._optimiser = self._objective = None
                return
            scale = self.scales[self._made_for]
            self._objective = self._make_objective(self._content_at(scale.size), scale.way)
            self._optimiser.renew(self._objective)
        elif different - {"colours", "colours_amount"}:
            self._objective.weighting = self._weighting()
            self._optimiser.renew()

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
        for scale in self.scales:
            self._make_objective(self._content_at(scale.size), scale.way)

    def image(self) -> Pixels:
        """Return the image as it is now, H × W × 3 or 4 like the content; full size once the job has finished."""
        return self._deliver(self._current())

    def image_at_size(self, width: int, height: int) -> Pixels:
        """Return the image as it is now, brought to another size for showing."""
        return self._deliver(resize(self._current(), (height, width)))

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs to go on from here: tensors, numbers, strings, lists and mappings of them.

        To be asked for between two events of :meth:`run`.
        """
        image = self._image if self._optimiser is None else self._optimiser.image
        going_on = self._optimiser is not None and self._made_for == self._number
        return {
            "version": _STATE_VERSION, "settings": declared.stored(self.settings), "pictures": self._digest(),
            "scales": [[*scale.size, scale.steps, *astuple(scale.way)] for scale in self.scales],
            "number": self._number, "step": self._step, "seconds": time.perf_counter() - self._begin,
            "image": None if image is None else image.cpu(), "settling": self._settling.losses,
            "optimiser": self._optimiser.state() if going_on and self._optimiser is not None else None,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Make :meth:`run` go on from a :meth:`state`, as if it had never been interrupted.

        On the same device the picture is the same bit for bit.

        Raises:
            StyleError: ``bad-state`` if it was saved by another version or for other pictures.
        """
        if state.get("version") != _STATE_VERSION or state.get("pictures") != self._digest():
            raise StyleError(
                "bad-state",
                "The saved state belongs to other pictures, or to another version of this program.",
                "Go on with the pictures it was saved for, or begin anew.",
            )
        self.settings = declared.migrate(state["settings"])
        self.scales = [
            Scale((height, width), steps, memory.Way(*way)) for height, width, steps, *way in state["scales"]
        ]
        self._number, self._step, self._seconds_before = state["number"], state["step"], state["seconds"]
        self._image = None if state["image"] is None else state["image"].to(self._engine.device)
        self._optimiser_state = state["optimiser"]
        self._settling = Settling(state["settling"])

    def _digest(self) -> str:
        """Return a digest of everything that is painted from."""
        digest = hashlib.sha256()
        areas = (self._guide, self._areas.strength, *self._areas.regions)
        pictures = [self._content, *areas, self._start, *(part for style in self._styles for part in style[:2])]
        for picture in pictures:
            digest.update(b"-" if picture is None else str(tuple(picture.shape)).encode())
            if picture is not None:
                digest.update(picture.cpu().numpy().data)
        digest.update(repr([style[2] for style in self._styles]).encode())
        return digest.hexdigest()

    # The work.

    def run(self) -> Iterator[Event]:
        """Paint; yields an event after each step, and :class:`Finished` last unless cancelled.

        When memory runs out, painting goes on from the last image in a way that takes less, and a :class:`Note` says so.

        Raises:
            StyleError: ``out-of-memory`` if not even the leanest way is lean enough.
        """
        self._begin = begin = time.perf_counter() - self._seconds_before
        if self.settings["strength"] == 0 and self.settings["objective"] == "balanced":
            self._finished = True
            yield Finished(time.perf_counter() - begin, False, dict(self.settings))
            return
        yield from self._notes()
        steps = [(scale.work / scale.steps, scale.steps) for scale in self.scales]
        clock = WorkClock(steps, self._engine.device.type, begin_at=(self._number, self._step))
        while self._number < len(self.scales) and not (self._stopped or self._cancelled):
            scale = self.scales[self._number]
            yield ScaleStarted(self._number + 1, len(self.scales), scale.size[1], scale.size[0], scale.steps)
            clock.scale_begins()
            yield from self._paint_scale(clock)
            clock.scale_done()
            if not (self._stopped or self._cancelled):
                self._number, self._step, self._settling = self._number + 1, 0, Settling()
        if self._cancelled:
            return
        if self._optimiser is not None:  # what it holds is let go before the picture, which may be large, is made
            self._image = self._optimiser.image
            self._optimiser = self._objective = None
            memory.give_back()
        self._finished = True
        yield Finished(time.perf_counter() - begin, self._stopped, dict(self.settings))

    def _notes(self) -> Iterator[Note]:
        last = self.scales[-1]
        height, width = last.size
        if last.size != self._size:
            yield Note(
                "painted-smaller",
                f"There is memory to paint {width} × {height} pixels; the picture's own detail is added at full size.",
            )
        elif last.way.blocks:
            yield Note(
                "in-blocks",
                f"{width} × {height} pixels in one piece would take {self._gigabytes(last, memory.Way())} GB of memory. "
                f"They are painted in blocks, which takes {self._gigabytes(last, last.way)} GB, looks the same, and takes "
                f"up to {memory.BLOCKS_SLOWDOWN:g} times as long.",
            )

    def _gigabytes(self, scale: Scale, way: memory.Way) -> str:
        """Return for people what painting a scale in a way takes, beside the program and the pictures as given."""
        brush = float(self.settings["brush_size"])
        sizes = [style_size((picture.shape[2], picture.shape[3]), scale.size, brush) for picture, *_ in self._styles]
        dtype = self._engine.dtype(str(self.settings["precision"]))
        return f"{way.needs(math.prod(scale.size), max(map(math.prod, sizes)), dtype) / 2**30:.1f}"

    def _paint_scale(self, clock: WorkClock) -> Iterator[Event]:
        """Paint the scale at hand from the step at hand on."""
        number = self._number
        while self._step < self.scales[number].steps and not (self._stopped or self._cancelled or self._settled()):
            optimiser, losses = yield from self._surviving()
            self._step += 1
            self._settling.add(losses[0])
            fraction, seconds_left = clock.step_done()
            yield StepDone(
                number + 1, len(self.scales), self._step, self.scales[number].steps, losses[0], losses[1], losses[2],
                fraction, seconds_left, dict(zip(STYLE_LAYERS, losses[3:], strict=True)),
            )  # fmt: skip
            if optimiser.stuck:
                break

    def _settled(self) -> bool:
        """Return whether the last scale may end early: if it need not take so many steps, and looks are what counts."""
        free = not self.settings["iterations"] and self.settings["objective"] == "balanced"
        return free and self._number == len(self.scales) - 1 and self._settling.settled

    def _surviving(self) -> Generator[Event, None, tuple[BoxLBFGS, list[float]]]:
        """Do one step; when memory runs out, go on from the last image in a way that takes less."""
        ways = memory.after(self.scales[self._number].way, self._engine.device.type)
        while True:
            error: Exception | None = None
            try:
                optimiser = self._ready()
                return optimiser, optimiser.step()
            except Exception as raised:
                if not memory.ran_out(raised):
                    raise
                # Without its traceback, which holds on to what filled the memory.
                error = raised.with_traceback(None)
            if self._optimiser is not None:
                self._image = self._optimiser.image
            self._optimiser = self._objective = None
            gc.collect()
            if self._engine.device.type == "cuda":
                torch.cuda.empty_cache()
            way = next(ways, None)
            if way is None:
                raise StyleError(
                    "out-of-memory", "There is too little memory to paint this picture.",
                    "Close other programs, or scale the picture down.",
                ) from error  # fmt: skip
            self.scales[self._number :] = [replace(scale, way=way) for scale in self.scales[self._number :]]
            yield Note("memory-ran-out", "Memory ran out; painting goes on in smaller pieces, which takes longer.")

    def _ready(self) -> BoxLBFGS:
        """Return the optimiser of the scale at hand, made if there is none."""
        if self._optimiser is not None:
            if self._made_for == self._number:
                return self._optimiser
            # What the last scale held is let go before this one's larger targets and history are made.
            self._image = self._optimiser.image
            self._optimiser = self._objective = None
            memory.give_back()
        scale = self.scales[self._number]
        if self._image is None:
            self._image = self._first_image(scale.size)
        elif self._image.shape[2:] != scale.size:
            self._image = upsample_with_detail(self._image, self._detail(scale.size))
        movable = None if self._guide is None else resize_guide(self._guide, scale.size).expand_as(self._image)
        self._objective = self._make_objective(self._content_at(scale.size), scale.way)
        self._optimiser = BoxLBFGS(
            self._image, self._objective, history=scale.way.history, half=scale.way.half, movable=movable,
            state=self._optimiser_state,
        )  # fmt: skip
        # The optimiser has its own copy, and large pictures are large.
        self._image = None
        self._made_for, self._optimiser_state = self._number, None
        return self._optimiser

    def _content_at(self, size: Size) -> Tensor:
        return self._content if self._size == size else resize(self._content, size).clamp(0, 1)

    def _make_objective(self, content: Tensor, way: memory.Way) -> Objective:
        size: Size = (content.shape[2], content.shape[3])
        guide, where = self._areas.at(size)
        network = self._engine.network(self.settings)
        styles = []
        areas = zip(self._styles, self._areas.regions, where, strict=True)
        for number, ((picture, alpha, weight), full, region) in enumerate(areas):
            target = style_size((picture.shape[2], picture.shape[3]), size, float(self.settings["brush_size"]))
            small_alpha = None if alpha is None else resize_guide(alpha, target)
            small = picture if tuple(picture.shape[2:]) == target else resize(picture, target).clamp(0, 1)
            if self._matched_share() > 0:
                recolour = colours.recolouring(picture, self._content, alpha, self._guide if full is None else full)
                small = recolour(small, self._matched_share())
            known = None
            if self._targets is not None and self._matched_share() == 0:
                known = self._targets.at(number, target, network, way)
            styles.append(StylePicture(small, weight, small_alpha, region, known))
        kept = torch.device("cpu") if way.spill else network.device
        blocks = Blocks(network, way.tiles, kept) if way.blocks else None
        emphasis = self._areas.emphasis(size, self._strength())
        parts = (network, content, styles, self._weighting(), guide, blocks, emphasis)
        if self.settings["objective"] == "balanced":
            return BalancedObjective(*parts, distance=DISTANCES[str(self.settings["statistics"])])
        return GramObjective(*parts) if self.settings["objective"] == "gram" else PaperObjective(*parts)

    def _matched_share(self) -> float:
        """Return how far, 0 to 1, the styles are recoloured to the photo's palette."""
        return float(self.settings["colours_amount"]) / 100 if self.settings["colours"] == "match" else 0.0

    def _weighting(self) -> Weighting:
        smoothing = float(self.settings["total_variation"])
        layers = tuple(declared.numbers(self.settings["layer_weights"]))
        if self.settings["objective"] != "balanced":
            return Weighting(float(self.settings["content_weight"]), float(self.settings["style_weight"]), 0.0, layers)
        return strength_weighting(self._strength(), smoothing, layers)

    def _strength(self) -> float:
        """Return the strength; a strength map's curve needs one that leaves the photo some say (``regions.MIDDLE``)."""
        if self._areas.strength is None:
            return float(self.settings["strength"])
        if self.settings["objective"] != "balanced":
            return regions.MIDDLE
        return min(float(self.settings["strength"]), regions.MOST)

    def _first_image(self, size: Size) -> Tensor:
        start = self.settings["start"]
        if self._start is not None and not self._anew:
            return self._detail(size)
        if start == "content":
            if self.settings["objective"] != "balanced":
                return self._detail(size)
            guide = None if self._guide is None else resize_guide(self._guide, size)
            return roughened(self._detail(size), guide, float(self.settings["strength"]), int(self.settings["seed"]))
        if start == "noise":
            generator = torch.Generator().manual_seed(int(self.settings["seed"]))
            image = torch.rand((1, 3, *size), generator=generator).to(self._content)
        else:
            image = self._content.new_full((1, 3, *size), 0.5)
        return self._around(image, size)

    def _detail(self, size: Size) -> Tensor:
        """Return what the image is before it is painted on, at this size: a finer scale takes its detail from it."""
        if self._start is not None and not self._anew:
            return resize(self._start, size).clamp(0, 1)
        return self._around(self._content_at(size), size)

    def _around(self, image: Tensor, size: Size) -> Tensor:
        """Return ``image`` with the start picture, if there is one, outside the guide."""
        if self._start is None or self._guide is None:
            return image
        return torch.lerp(resize(self._start, size).clamp(0, 1), image, resize_guide(self._guide, size)[None, None])

    def _current(self) -> Tensor:
        """Return the image at the current scale's size, or at full size once finished."""
        image = self._image if self._optimiser is None else self._optimiser.image
        if image is None:
            return self._content
        return upsample_with_detail(image, self._detail(self._size)) if self._finished else image

    def _deliver(self, image: Tensor) -> Pixels:
        """Return ``image`` with the photo's colours if asked for, limited by the guide, and with the content's alpha."""
        size: Size = (image.shape[2], image.shape[3])
        content = self._content_at(size)
        image = image.clamp(0, 1)
        amount = float(self.settings["colours_amount"]) / 100
        from_photo = {"photo": amount, "style": 1 - amount, "match": 0.0}[str(self.settings["colours"])]
        image = colours.with_colours_of(image, content, from_photo)
        if self._areas.visible is not None:
            outside = content if self._start is None else resize(self._start, size).clamp(0, 1)
            image = torch.lerp(outside, image, resize_guide(self._areas.visible, size)[None, None])
        if self._alpha is not None:
            image = torch.cat([image, resize_guide(self._alpha, size)[None, None]], 1)
        return image[0].permute(1, 2, 0).cpu().numpy().copy()
