"""The time left is right within 30 %: from the first fifth where the machine is known, else as soon as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stylecore.device.machine import Machine
from stylecore.device.rates import FILE_NAME, Cost, Rates
from stylecore.painting.planning.time_left import WorkClock

SCALES = [(64 * 48, 40), (128 * 96, 30), (256 * 192, 24), (512 * 384, 30)]
#: What a step costs beside its pixels, in pixels, as far as it is known; and the seconds of a step by pixels.
MACHINES: dict[str, tuple[float, Callable[[float], float]]] = {
    "a GPU": (320**2, lambda pixels: 0.01 + 1e-7 * pixels),
    "a large GPU": (320**2, lambda pixels: 0.02 + 4e-8 * pixels),
    "a CPU": (48**2, lambda pixels: 0.01 + 4e-6 * pixels),
    "a CPU whose cache is small": (48**2, lambda pixels: 3e-6 * pixels * (1 + pixels / 800_000)),
}
Told = tuple[float, float | None]


def paint(
    expected: list[Cost], scales: list[tuple[int, int]], cost_of: Callable[[float], float], busy_after: float = 1e9
) -> tuple[float, list[Told], list[Cost | None]]:
    """Go through a job; return the time it took, what was told when, and what each scale is said to have cost.

    From some seconds on each step takes twice as long, since another program has begun.
    """
    time, pauses = 0.0, 0.0
    told: list[Told] = []
    fractions, costs = [], []
    clock = WorkClock([(cost, steps) for cost, (_, steps) in zip(expected, scales, strict=True)], now=lambda: time + pauses)
    for number, (pixels, steps) in enumerate(scales):
        pauses += 100.0  # the caller waits, e.g. for somebody to accept the preview
        fraction, left = clock.scale_begins()
        fractions.append(fraction)
        told.append((time, left))
        time += 2 * cost_of(pixels) * (1 + (time > busy_after))  # preparing the scale
        for step in range(steps):
            cost = cost_of(pixels) * (0.9 + 0.2 * (step % 2)) * (1 + (time > busy_after))
            time += cost * (3 if number == step == 0 else 1)  # the first step of all takes memory and chooses kernels
            fraction, left = clock.step_done()
            fractions.append(fraction)
            told.append((time, left))
        costs.append(clock.scale_done())
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert told[-1][1] == 0
    return time, told, costs


def assert_within_30_percent(whole: float, told: list[Told], since: float) -> None:
    for at, left in told:
        if left is not None and at >= since * whole and whole - at > 0.05 * whole:
            assert left == pytest.approx(whole - at, rel=0.3), f"at {at / whole:.0%}"


def proportions(overhead: float, scales: list[tuple[int, int]]) -> list[Cost]:
    return [Cost(pixels + overhead, 1.67 * (pixels + overhead)) for pixels, _ in scales]


@pytest.mark.parametrize("scales", [SCALES, SCALES[:1], SCALES[:3], [*SCALES, (1024 * 768, 90)]], ids=len)
@pytest.mark.parametrize("machine", MACHINES)
def test_on_an_unknown_machine_it_is_right_after_a_third_and_told_by_then(
    machine: str, scales: list[tuple[int, int]]
) -> None:
    overhead, cost_of = MACHINES[machine]
    whole, told, _ = paint(proportions(overhead, scales), scales, cost_of)
    assert_within_30_percent(whole, told, 1 / 3)
    assert all(left is not None for at, left in told if at >= whole / 3)
    assert told[1][1] is None  # after one step


@pytest.mark.parametrize("machine", MACHINES)
def test_on_a_machine_that_has_painted_it_is_right_from_a_fifth_on(machine: str, tmp_path: Path) -> None:
    """Also for sizes that it has not painted, and while another program takes half of it."""
    overhead, cost_of = MACHINES[machine]
    rates = Rates(tmp_path, MACHINE, 2)
    for scales in (SCALES, [(1024 * 768, 90)]):
        _, _, costs = paint(proportions(overhead, scales), scales, cost_of)
        for (pixels, _), cost in zip(scales, costs, strict=True):
            assert cost is not None
            rates.learn("any", pixels + overhead, cost)
    others = [(90 * 70, 40), (180 * 140, 30), (360 * 280, 24), (700 * 560, 30)]
    expected = [rates.cost("any", pixels + overhead) for pixels, _ in others]
    known = [cost for cost in expected if cost is not None]
    assert len(known) == len(others) and all(cost.learned for cost in known)
    for factor in (1.0, 2.0):
        whole, told, _ = paint(known, others, lambda pixels, factor=factor: factor * cost_of(pixels))  # type: ignore[misc]
        assert_within_30_percent(whole, told, 0.2)
    assert told[0][1] is not None  # before the first step


def test_when_another_program_begins_it_is_right_soon_after() -> None:
    cost_of = MACHINES["a CPU"][1]
    known = [Cost(cost_of(pixels), 2 * cost_of(pixels), learned=True) for pixels, _ in SCALES]
    begins = 0.3 * paint(known, SCALES, cost_of)[0]
    whole, told, _ = paint(known, SCALES, cost_of, busy_after=begins)
    assert_within_30_percent(whole, told, begins / whole + 0.2)


def test_a_job_that_is_gone_on_with_knows_what_was_done_before() -> None:
    time = 100.0
    clock = WorkClock([(Cost(100.0, 0.0), 10), (Cost(400.0, 0.0), 10)], begin_at=(1, 5), now=lambda: time)
    for _ in range(4):
        time += 2.0
        fraction, left = clock.step_done()
    assert fraction == pytest.approx((1000 + 9 * 400) / 5000)
    assert left == pytest.approx(2.0)


MACHINE = Machine("2.9", "a processor", "x86_64 AVX2")


def test_the_middle_of_the_last_jobs_counts_and_machines_are_told_apart(tmp_path: Path) -> None:
    rates = Rates(tmp_path, MACHINE, 2)
    assert rates.cost("whole", 1e5) is None
    for step in (9.0, 1.0, 1.1, 5.0, 0.9, 1.0):  # two of them beside other work, one of these forgotten
        rates.learn("whole", 1e5, Cost(step, 2 * step))
    again = Rates(tmp_path, MACHINE, 2).cost("whole", 1e5)
    assert again is not None
    assert (again.step, again.preparing, again.learned) == (pytest.approx(1.0), pytest.approx(2.0), True)
    assert Rates(tmp_path, MACHINE, 1).cost("whole", 1e5) is None
    assert Rates(tmp_path, MACHINE, 2, weights=7).cost("whole", 1e5) is None
    assert Rates(tmp_path, replace(MACHINE, processor="another"), 2).cost("whole", 1e5) is None
    assert rates.cost("blocks", 1e5) is None
    far = rates.cost("whole", 1e7)
    assert far is not None
    assert (far.step, far.learned) == (pytest.approx(100.0), False)  # of another size, in proportion


@given(some.floats(1e3, 1e7), some.floats(1e3, 1e7), some.floats(1e3, 1e7))
def test_between_two_sizes_a_pixel_costs_what_lies_between(first: float, second: float, asked: float) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rates = Rates(Path(folder), MACHINE, 1)
        rates.learn("any", first, Cost(first * 1e-6, first * 3e-6))
        rates.learn("any", second, Cost(second * 2e-6, second * 4e-6))
        cost = rates.cost("any", asked)
    assert cost is not None
    assert 0.999e-6 <= cost.step / asked <= 2.001e-6
    assert 2.999e-6 <= cost.preparing / asked <= 4.001e-6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b'{"version": 1}',
        b'{"version": 1, "machines": 3}',
        b'{"version": 1, "machines": [{"whose": 3}, [], {"rates": {"any": {"x": 3}}}]}',
        b'{"version": 99, "machines": []}',
    ],
)
def test_a_damaged_file_is_as_none_and_is_mended(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    rates = Rates(tmp_path, MACHINE, 1)
    assert rates.cost("any", 1e4) is None
    rates.learn("any", 1e4, Cost(1.0, 1.0))
    assert rates.cost("any", 1e4) is not None


@pytest.mark.parametrize("taken", [[], [[1]], [["a", 1]], [[1, None]], [[0, 1]], [[-1, 1]], [[1e999, 1]], 7, {"a": 1}])
def test_what_cannot_be_a_rate_is_passed_over(taken: object, tmp_path: Path) -> None:
    rates = Rates(tmp_path, MACHINE, 1)
    rates.learn("any", 1e4, Cost(1.0, 1.0))
    file = tmp_path / FILE_NAME
    content = json.loads(file.read_text())
    content["machines"][0]["rates"]["any"] = {"20": taken, "x": [[1, 1]]}
    file.write_text(json.dumps(content))
    assert rates.cost("any", 1e4) is None


def test_where_nothing_can_be_written_nothing_is_learned(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file"):
        rates = Rates(folder, MACHINE, 1)
        rates.learn("any", 1e4, Cost(1.0, 1.0))
        assert rates.cost("any", 1e4) is None
