"""What the doctor says of the device, and the server to all who ask."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from server.cli import doctor
from server.discovery import ServerError
from stylecore.device import choice
from stylecore.device.engine import Engine
from tests.server.conftest import Server, quick, until


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where NVIDIA's driver would show itself; there is none yet, and no card."""
    monkeypatch.setattr(choice, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(choice, "BUS", tmp_path / "bus")
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(tmp_path / "state"))
    return tmp_path / "version"


def findings() -> list[doctor.Finding]:
    return [finding for finding in doctor._torch() if finding.check == "Device"]


without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="here PyTorch sees the GPU")


@without_gpu
def test_the_doctor_says_why_the_processor_paints_and_what_to_do(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "_has_low_rank", True)  # as with the weights that are bundled
    (said,) = findings()
    assert "in low rank (at best quality in " in said.sentence and said.state == "good"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module\n")
    warning = findings()[1]
    assert warning.state == "warning" and warning.sentence.startswith("Painting on the processor: ")
    assert "--device=cuda" in warning.remedy


@without_gpu
def test_a_card_without_a_driver_is_told(driver: Path) -> None:
    for name, vendor, kind in (("0000:00:02.0", "0x8086", "0x030000"), ("0000:01:00.1", "0x10de", "0x040300")):
        device = driver.parent / "bus" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text(vendor + "\n")
        (device / "class").write_text(kind + "\n")
    assert len(findings()) == 1  # graphics of Intel's, and NVIDIA's sound
    (device / "class").write_text("0x030000\n")
    assert "no driver of NVIDIA's" in findings()[1].sentence and "Install NVIDIA's driver" in findings()[1].remedy


@pytest.mark.parametrize(
    ("said", "code", "remedy"),
    [
        ("CUDA error: no kernel image is available for execution on the device", "card", "--device=cuda126"),
        ("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", "failed", "update the driver"),
    ],
)
def test_a_card_that_torch_sees_and_that_computes_nothing_is_not_taken(
    said: str, code: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "NVIDIA GeForce GTX 1080")
    monkeypatch.setattr(choice, "_trouble", lambda _: said)
    device, why = choice.choose_device("auto")
    assert device.type == "cpu" and why is not None and why.details["case"] == code
    assert "NVIDIA GeForce GTX 1080" in why.sentence and remedy in why.remedy


@pytest.mark.parametrize(("said", "case"), [("The NVIDIA driver on your system is too old", "driver"), ("other", "unseen")])
def test_a_driver_that_is_too_old_is_told_from_other_trouble(
    said: str, case: str, driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init() -> None:
        raise RuntimeError(said)

    driver.write_text("NVRM version\n")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", init)
    why = choice.why_no_gpu()
    assert why is not None and why.details["case"] == case
    monkeypatch.setattr(torch.version, "cuda", None)
    why = choice.why_no_gpu()
    assert why is not None and why.details["case"] == "build-nvidia" and "--device=cuda." in why.remedy


#: Engines with this find a driver of NVIDIA's that this PyTorch cannot use.
_CARD = """
from pathlib import Path
import stylecore.device.choice as choice
choice.NVIDIA_DRIVER = Path(__file__)
"""


@without_gpu
def test_whoever_came_before_the_engine_is_told_the_device_and_why(tmp_path: Path) -> None:
    module = tmp_path / "path" / "sitecustomize.py"
    module.parent.mkdir()
    module.write_text(_CARD)
    root = Path(__file__).resolve().parents[3]
    server = Server(tmp_path / "state", environment={"PYTHONPATH": f"{module.parent}:{root}"}, device="auto")
    try:
        with server.connect() as client, server.connect() as other:
            assert (client.welcome["device"], client.welcome["why"]) == ("", {})
            quick(client)
            for each in (client, other):
                until(lambda each=each: each.welcome["device"], 60)
                assert each.welcome["device"].startswith("CPU (")
                assert each.welcome["why"]["code"] == "on-the-processor"
            report = client.status()
            with server.connect() as late:
                assert late.welcome["why"] == client.welcome["why"]
    finally:
        server.end()
    assert report["why"]["sentence"].startswith("Painting on the processor: ")
    assert f"{report['why']['sentence']} {report['why']['remedy']}" in server.log()
    from server.cli.status import words

    assert report["why"]["sentence"] in words(report) and report["why"]["remedy"] in words(report)


def test_the_doctor_tries_the_bridge(shared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(shared.folder))
    (said,) = doctor._bridge()
    assert (said.check, said.state) == ("Bridge", "good")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ServerError) as caught:  # which is then the finding
        list(doctor._bridge())
    assert caught.value.code == "bridge-failed"
