"""The time left is right within 30 % after a third of the job, whatever a machine's steps cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stylecore.painting.time_left import WorkClock

SCALES = [(64 * 48, 40), (128 * 96, 30), (256 * 192, 24), (512 * 384, 30)]
#: The device's kind, and the seconds of a step by pixels.
MACHINES: dict[str, tuple[str, Callable[[float], float]]] = {
    "a GPU": ("cuda", lambda pixels: 0.01 + 1e-7 * pixels),
    "a large GPU": ("cuda", lambda pixels: 0.02 + 4e-8 * pixels),
    "a CPU": ("cpu", lambda pixels: 0.01 + 4e-6 * pixels),
    "a CPU whose cache is small": ("cpu", lambda pixels: 3e-6 * pixels * (1 + pixels / 800_000)),
}


@pytest.mark.parametrize("scales", [SCALES, SCALES[:1], SCALES[:3], [*SCALES, (1024 * 768, 90)]], ids=len)
@pytest.mark.parametrize("machine", MACHINES)
def test_after_a_third_it_is_within_30_percent(machine: str, scales: list[tuple[int, int]]) -> None:
    device, cost_of = MACHINES[machine]
    time, pauses, told = 0.0, 0.0, []
    clock = WorkClock([(pixels + 48**2, steps) for pixels, steps in scales], device, now=lambda: time + pauses)
    fractions = []
    for number, (pixels, steps) in enumerate(scales):
        pauses += 100.0  # the caller waits, e.g. for somebody to accept the preview
        clock.scale_begins()
        time += 2 * cost_of(pixels)  # preparing the scale
        for step in range(steps):
            cost = cost_of(pixels) * (0.9 + 0.2 * (step % 2))
            time += cost * (3 if number == step == 0 else 1)  # the first step of all takes memory and chooses kernels
            fraction, left = clock.step_done()
            fractions.append(fraction)
            told.append((time, left))
        clock.scale_done()
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0) and told[-1][1] == 0
    for at, left in told:
        if at >= time / 3 and time - at > 0.05 * time:
            assert left == pytest.approx(time - at, rel=0.3), f"at {at / time:.0%}"


def test_a_job_that_is_gone_on_with_knows_what_was_done_before() -> None:
    time = 100.0
    clock = WorkClock([(100.0, 10), (400.0, 10)], begin_at=(1, 5), now=lambda: time)
    for _ in range(4):
        time += 2.0
        fraction, left = clock.step_done()
    assert fraction == pytest.approx((1000 + 9 * 400) / 5000) and left == pytest.approx(2.0)
