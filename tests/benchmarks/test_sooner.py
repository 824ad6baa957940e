"""The comparison of the two ways runs, and its old way is the old one."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from benchmarks import sooner
from stylecore.device.computing import Computing
from stylecore.painting.planning.plan import make_plan
from stylecore.settings import Settings


def test_two_ways_take_turns(thin_weights: Path, tmp_path: Path) -> None:
    kept = tmp_path / "sooner.json"
    weights = ["--weights", str(thin_weights)]
    found = sooner.main(["--side", "136", "--rounds", "1", "--qualities", "draft", *weights, "--json", str(kept)])
    assert json.loads(kept.read_text()) == found
    assert found["draft"]["ratio"] > 0
    for way in ("before", "now"):
        assert 0 < found["draft"][way]["half the size"] < found["draft"][way]["seconds"]


def test_the_old_way_takes_more_steps_and_is_left_again() -> None:
    def steps() -> int:
        return sum(scale.steps for scale in make_plan((1500, 2000), Settings(), 1 << 40, Computing(torch.float32)))

    with sooner.as_before():
        before = steps()
        assert not any(scale.shallow for scale in make_plan((1500, 2000), Settings(), 1 << 40, Computing(torch.float32)))
    assert before == 40 + 30 + 24 + 16 + 30 > steps()
