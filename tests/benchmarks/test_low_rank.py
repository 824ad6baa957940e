"""The program that fits the network in low rank: what it stores is read again, and comes near on what it was fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import low_rank as fitting
from stylecore.network import low_rank


def test_what_is_fitted_is_stored_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank, "FILE", tmp_path / "low_rank.npz")
    monkeypatch.setattr(low_rank.load, "__defaults__", (tmp_path / "low_rank.npz",))
    monkeypatch.setattr(fitting, "_STEPS", 3)  # near enough, and soon done
    monkeypatch.setattr(fitting, "_SIDES", (128, 96))
    pictures = [str(fitting.SAMPLES / name) for name in ("content/harbour.jpg", "styles/starlit-oil.jpg")]
    other = str(fitting.SAMPLES / "styles/castle-pen.jpg")
    found = fitting.main(["--pictures", *pictures, "--held-out", other, "--json", str(tmp_path / "found.json")])
    assert json.loads((tmp_path / "found.json").read_text()) == found
    assert all(found["fitted"][layer] < 0.1 for layer in fitting.WATCHED)
    assert all(found["others"][layer] > found["fitted"][layer] for layer in ("conv4_4", "conv5_1"))
    with np.load(low_rank.FILE) as stored:
        assert list(stored["pictures"]) == ["harbour.jpg", "starlit-oil.jpg"]


def test_the_stored_fit_is_to_the_samples_that_there_are(tmp_path: Path) -> None:
    with np.load(low_rank.FILE) as stored:
        assert list(stored["pictures"]) == [path.name for path in sorted(fitting.SAMPLES.glob("*/*.jpg"))]
    found = fitting.main(["--only-try", "--pictures", str(fitting.SAMPLES / "styles/lilies-poster.jpg")])
    assert all(found["fitted"][layer] < 0.12 for layer in fitting.WATCHED)
