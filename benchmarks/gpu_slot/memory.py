"""Memory: large pictures within a limit, and running out of it in the middle of a job."""

from __future__ import annotations

import torch

from benchmarks.gpu_slot.slot import GIB, Slot
from stylecore.device.memory_budget import SPILLING, MemoryPlan
from stylecore.events import Note, StepDone


def large_pictures(slot: Slot) -> None:
    """Paint 64 megapixels within 24 GiB, and 16 megapixels with what blocks put out in main memory."""
    engine = slot.engine()
    side, limit = (256, 4.0) if slot.small else (8000, 24.0)
    job = None
    with slot.attempt("64 megapixels in 24 GiB"):
        before = torch.cuda.memory_reserved(slot.device) if slot.on_gpu else 0
        if slot.on_gpu:
            total = torch.cuda.get_device_properties(slot.device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, limit * GIB / total), slot.device.index or 0)
        slot.begin_peak()
        job = slot.one_scale(engine, side, 2, settings={"memory_limit": limit})
        way = job.scales[0].way
        notes = [event.code for event in job.run() if isinstance(event, Note)]
        job.image()
        slot.tell("large picture", {"side": side, "way": str(way), "notes": notes, "before": before, **slot.peak()})
        slot.check("64 megapixels in 24 GiB", "memory-ran-out" not in notes, notes)
        if slot.on_gpu:
            torch.cuda.set_per_process_memory_fraction(1.0, slot.device.index or 0)
    job = None  # its memory is not to count for the next
    side = 192 if slot.small else 4000
    with slot.attempt("spill at 16 megapixels"):
        slot.begin_peak()
        job = slot.one_scale(engine, side, 2, way=SPILLING[0])
        steps = sum(isinstance(event, StepDone) for event in job.run())
        needs = SPILLING[0].needs((side, side), (side, side), engine.computing(job.settings, job.arithmetic))
        slot.tell("spilled", {"side": side, "steps": steps, "planned": needs, **slot.peak()})
        slot.check("spill at 16 megapixels", steps == 2)


def out_of_memory(slot: Slot) -> None:
    """Paint on a card that others have nearly filled, in a way that does not fit: the job goes on in a leaner one."""
    if not slot.on_gpu:
        slot.tell("left out", "needs a GPU's memory")
        return
    engine = slot.engine()
    job = slot.one_scale(engine, 2048, 2, way=MemoryPlan(half=True))
    whole, blocks = MemoryPlan(half=True), MemoryPlan(blocks=True, half=True, tiles=2.0)
    computing = engine.computing(job.settings, job.arithmetic)
    needs = [way.needs((2048, 2048), (2048, 2048), computing) for way in (whole, blocks)]
    with slot.nearly_full(sum(needs) // 2):  # too little for the one, plenty for the other
        events = list(job.run())
    notes = [event.code for event in events if isinstance(event, Note)]
    slot.tell("notes", notes)
    slot.tell("went on in", str(job.scales[-1].way))
    slot.check("goes on with less memory", "memory-ran-out" in notes and any(isinstance(e, StepDone) for e in events))
