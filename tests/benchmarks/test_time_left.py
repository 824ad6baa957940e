"""The time left, judged: what a benchmark says of a trace whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.time_left import judged, main


def test_what_is_told_is_held_against_what_it_took() -> None:
    assert judged(10.0, [(at, 10.0 - at) for at in range(10)]) == {"seconds": 10.0, "worst": 1.0, "silent": 0.0}
    too_long = judged(10.0, [(0.0, None), (1.0, 90.0), (3.0, 14.5), (8.0, 2.0)])  # 1.0 is before the first fifth
    assert too_long == {"seconds": 10.0, "worst": pytest.approx(2.0), "silent": pytest.approx(0.1)}
    assert judged(10.0, [(4.0, 2.75)])["worst"] == pytest.approx(2.0)


def test_a_machine_that_has_painted_tells_it_from_the_start(tmp_path: Path, thin_weights: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURAL_STYLE_WEIGHTS", str(thin_weights))
        assert main(["--sizes", "96", "--quality", "draft", "--threads", "1", "--json", str(tmp_path / "found.json")]) == 0
    first, second = json.loads((tmp_path / "found.json").read_text())["runs"]
    assert [first["painted before"], second["painted before"]] == [False, True]
    assert first["silent"] > 0.0 == second["silent"]
