"""What the doctor says of the device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from server.cli import doctor


@pytest.mark.skipif(torch.cuda.is_available(), reason="here PyTorch sees the GPU")
@pytest.mark.parametrize("driver", [True, False])
def test_a_gpu_that_pytorch_does_not_see_is_told(driver: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if driver:
        (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module\n")
    monkeypatch.setattr(doctor, "_NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(tmp_path / "state"))
    findings = [finding for finding in doctor._torch() if finding.check == "Device"]
    assert "paints in" in findings[0].sentence and findings[0].state == "good"
    assert [finding.state for finding in findings[1:]] == ["warning"] * driver
    if driver:
        assert "does not see the GPU" in findings[1].sentence and "--device=cuda" in findings[1].remedy
