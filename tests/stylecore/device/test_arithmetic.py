"""In what arithmetic a machine computes: decided by rules, kept in a file, obeyed by every engine."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
import torch

from stylecore.device import probes
from stylecore.device.decisions import FILE_NAME, decided
from stylecore.device.engine import Engine
from stylecore.device.machine import Machine
from stylecore.network import weights
from stylecore.network.arithmetic import Arithmetic, Decision
from stylecore.network.vgg import Network

HERE = Machine.of(torch.device("cpu"))
DIRECT, WINOGRAD, SHORT = Decision(False, False), Decision(False, True), Decision(True, True)


def never() -> Decision:
    raise AssertionError("decided anew")


def test_a_decision_is_made_once_for_each_machine(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    others = [
        replace(HERE, torch_version="0.1"),
        replace(HERE, processor="Another"),
        replace(HERE, instructions="x86_64 AVX512"),
        replace(HERE, device="cuda", gpu="NVIDIA H200", compute_capability="9.0"),
        replace(HERE, device="cuda", gpu="A40"),
    ]
    assert decided(folder, HERE, lambda: DIRECT) == DIRECT
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # or the server would refuse it
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    for machine in others:
        assert decided(folder, machine, lambda: SHORT) == SHORT
    assert decided(folder, HERE, never) == DIRECT
    assert all(decided(folder, machine, never) == SHORT for machine in others)
    (folder / FILE_NAME).unlink()
    assert decided(folder, HERE, lambda: WINOGRAD) == WINOGRAD


def entry(**changes: object) -> dict[str, object]:
    machine = {name: getattr(HERE, name) for name in HERE.__dataclass_fields__}
    return {**machine, "bfloat16": True, "winograd": False, **changes}


def file(*entries: object, version: int = 1) -> bytes:
    return json.dumps({"version": version, "machines": entries}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0\xff\xfe", b"12", b"[]", b"{}", b'{"version": 1, "machines": {}}', b"[" * 50_000, file(entry())[:-9],
        file(entry()) + b" " * (1 << 18), file(entry(), version=0), file(None, 7, [], {}),
        file(entry(winograd="no")), file(entry(bfloat16=1)), file(entry(processor=None)), file(entry(more="than that")),
        file({"bfloat16": True, "winograd": False}),
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_file_is_decided_anew(tmp_path: Path, content: bytes) -> None:
    assert decided(tmp_path, replace(HERE, processor="Another"), lambda: SHORT) == SHORT
    (tmp_path / FILE_NAME).write_bytes(content)
    assert decided(tmp_path, HERE, lambda: DIRECT) == DIRECT
    assert decided(tmp_path, HERE, never) == DIRECT


def test_what_is_whole_in_a_damaged_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(file({"bfloat16": "perhaps"}, entry(bfloat16=False, winograd=True), None))
    assert decided(tmp_path, HERE, never) == WINOGRAD


def test_where_nothing_can_be_kept_a_process_decides_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "taken" / FILE_NAME).mkdir(parents=True)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / FILE_NAME)  # reading it would wait for ever
    for folder in (None, tmp_path / "file", tmp_path / "file" / "below", tmp_path / "taken"):
        assert decided(folder, HERE, lambda: DIRECT) == DIRECT
        assert decided(folder, HERE, lambda: SHORT) == SHORT
    assert decided(tmp_path / "pipe", HERE, lambda: DIRECT) == DIRECT


def test_those_that_decide_at_the_same_time_agree(tmp_path: Path) -> None:
    """All have found nothing, and half of them find one thing, half the other."""
    count = 8
    for number in range(10):
        for content in (None, b"damaged"):
            folder = tmp_path / f"{number} {content!r}"
            folder.mkdir()
            if content is not None:
                (folder / FILE_NAME).write_bytes(content)
            barrier = Barrier(count)

            def decide(own: int, barrier: Barrier = barrier) -> Decision:
                barrier.wait(30)
                return DIRECT if own % 2 else SHORT

            with ThreadPoolExecutor(count) as pool:
                found = list(
                    pool.map(
                        lambda own, folder=folder, decide=decide: decided(folder, HERE, lambda: decide(own)), range(count)
                    )
                )
            assert set(found) == {decided(folder, HERE, never)}


def test_what_cannot_be_decided_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        decided(tmp_path, HERE, never)
    assert list(tmp_path.iterdir()) == []


X86 = "x86_64 AVX2 oneDNN MKL"
SERVER = "x86_64 AVX512 oneDNN MKL"


@pytest.mark.parametrize(
    "machine, threads, bfloat16, winograd",
    [
        (Machine("2.9", "AMD EPYC", X86), 2, False, True),
        (Machine("2.9", "Intel Xeon", SERVER), 8, False, True),
        (Machine("2.9", "Intel Xeon", SERVER), 64, False, None),
        (Machine("2.9", "AMD EPYC", f"{SERVER} avx512_bf16"), 2, True, True),
        (Machine("2.9", "Intel Xeon", f"{SERVER} amx_bf16 avx512_bf16"), 48, True, None),
        (Machine("2.9", "AMD EPYC", f"{SERVER} avx512_bf16 ONEDNN_MAX_CPU_ISA=AVX2"), 2, None, True),
        (Machine("2.9", "", f"{SERVER} unlisted"), 2, None, True),
        (Machine("2.9", "", f"{X86} unlisted"), 2, False, True),
        (Machine("2.9", "", "x86_64 AVX2 MKL"), 2, None, None),
        (Machine("2.9", "", "x86_64 DEFAULT oneDNN MKL"), 2, None, None),
        (Machine("2.9", "", "aarch64 DEFAULT oneDNN unlisted"), 2, None, None),
        (Machine("2.9", "AMD EPYC", X86, "cuda", "NVIDIA H200", "9.0"), 2, True, False),
        (Machine("2.9", "AMD EPYC", X86, "cuda", "NVIDIA A40", "8.6"), 2, True, False),
        (Machine("2.9", "AMD EPYC", X86, "cuda", "NVIDIA B200", "10.0"), 2, True, False),
        (Machine("2.9", "AMD EPYC", f"{SERVER} avx512_bf16", "cuda", "Tesla T4", "7.5"), 2, False, False),
        (Machine("2.9", "AMD EPYC", X86, "cuda", "AMD Instinct MI300X"), 2, None, False),
        (Machine("2.9", "arm", "arm64 DEFAULT unlisted", "mps"), 2, None, False),
    ],
)  # fmt: skip
def test_rules_answer_where_they_are_known(
    machine: Machine, threads: int, bfloat16: bool | None, winograd: bool | None
) -> None:
    """None: no rule is known, and it is tried."""
    assert probes.bfloat16_by_rule(machine) is bfloat16
    assert probes.winograd_by_rule(machine, threads) is winograd


def test_bfloat16_is_given_up_where_it_fails_or_disagrees() -> None:
    """By rule and by trial. Real networks; only what the one for bfloat16 answers is made to be of no use."""
    loaded = weights.load()
    exact = Network(loaded)

    class Failing(Network):
        def features(self, image, wanted):
            raise RuntimeError("no bfloat16 here")

    class Wrong(Network):
        def features(self, image, wanted):  # at once, so that speed cannot be the reason
            return {"conv1_1": image.flip(2).repeat(1, 2, 1, 1)}

    class Full(Network):
        def features(self, image, wanted):
            raise torch.OutOfMemoryError("tried to allocate 20 MiB")

    native, unknown = (Machine("2.9", "", f"{SERVER} {word}") for word in ("avx512_bf16", "unlisted"))
    for kind in (Failing, Wrong, Full):
        short = kind(loaded, arithmetic=Arithmetic(torch.bfloat16))

        def network(arithmetic: Arithmetic, short: Network = short) -> Network:
            return short if arithmetic.dtype == torch.bfloat16 else exact

        for machine in (native, unknown):
            if kind is Full:  # which says nothing of the device, and is not to be kept
                with pytest.raises(torch.OutOfMemoryError):
                    probes.decide(machine, torch.device("cpu"), 2, network)
            else:
                assert not probes.decide(machine, torch.device("cpu"), 2, network).bfloat16


@pytest.mark.parametrize("decision", [DIRECT, WINOGRAD])
def test_an_engine_obeys_what_is_kept(tmp_path: Path, decision: Decision) -> None:
    decided(tmp_path, HERE, lambda: decision)
    engine = Engine("cpu", threads=torch.get_num_threads(), folder=tmp_path)
    float32 = Arithmetic(torch.float32, decision.winograd)
    assert [engine.arithmetic(each) for each in ("auto", "float32")] == [float32, float32]
    assert engine.arithmetic("bfloat16") == Arithmetic(torch.bfloat16)
    assert engine.can_compute(Arithmetic(torch.float32, not decision.winograd))


def test_bfloat16_is_what_auto_means_where_it_was_decided(tmp_path: Path) -> None:
    decided(tmp_path, HERE, lambda: SHORT)
    engine = Engine("cpu", threads=torch.get_num_threads(), folder=tmp_path)
    assert engine.arithmetic("auto") == engine.arithmetic("bfloat16") == Arithmetic(torch.bfloat16)
    assert engine.arithmetic("float32") == Arithmetic(torch.float32, winograd=True)


def test_an_engine_keeps_what_it_decides(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    own = Engine("cpu", threads=threads, folder=tmp_path).arithmetic()
    (kept,) = json.loads((tmp_path / FILE_NAME).read_text())["machines"]
    assert Decision(kept["bfloat16"], kept["winograd"]).arithmetic("auto") == own
    assert kept["processor"] in Engine("cpu", threads=threads).device_name


def test_only_a_processor_convolves_in_winograd_s_way() -> None:
    elsewhere = Engine("cpu", threads=torch.get_num_threads())
    elsewhere.device = torch.device("meta")  # whose numbers nobody can try
    assert not elsewhere.can_compute(Arithmetic(torch.float32, winograd=True))
    assert elsewhere.can_compute(Arithmetic(torch.float32))
    with pytest.raises(ValueError, match="float32"):
        Arithmetic(torch.bfloat16, winograd=True)
