"""The machine: versions and rates, and how an engine starts there."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.gpu_slot.slot import GIB, Slot, environment

_START = """
import json, sys, time
begin = time.perf_counter()
import torch
from stylecore.settings import Settings
from stylecore.device.engine import Engine
imported = time.perf_counter()
engine = Engine(sys.argv[1])
made = time.perf_counter()
arithmetic = engine.arithmetic()
decided = time.perf_counter()
engine.network(Settings(), arithmetic)
print(json.dumps({"import": imported - begin, "engine": made - imported, "decide": decided - made,
                  "network": time.perf_counter() - decided, "arithmetic": str(arithmetic),
                  "device": engine.device_name, "why": engine.device_note}))
"""


def versions_and_rates(slot: Slot) -> None:
    """Tell what the machine is, and how fast it multiplies and copies: what all other figures are held against."""
    slot.tell("python", platform.python_version())
    slot.tell("system", platform.platform())
    slot.tell("torch", torch.__version__)
    slot.tell("cuda", torch.version.cuda or torch.version.hip or "none")
    slot.tell("cudnn", torch.backends.cudnn.version() or 0)
    for name, command in (
        ("commit", ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]),
        ("driver", ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]),
    ):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            slot.tell(name, done.stdout.strip())
    if slot.on_gpu:
        about = torch.cuda.get_device_properties(slot.device)
        slot.tell("gpu", {"name": about.name, "capability": f"{about.major}.{about.minor}", "memory": about.total_memory,
                          "multiprocessors": about.multi_processor_count,
                          "wheel": " ".join(torch.cuda.get_arch_list())})  # fmt: skip
    for name, dtype, tf32 in (
        ("bfloat16", torch.bfloat16, False),
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
    ):
        if tf32 and not slot.on_gpu:
            continue
        with slot.attempt(f"matrix products, {name}"):
            slot.tell(f"matrix products {name}, Tflop/s", _matrix_rate(slot, dtype, tf32) / 1e12)
    with slot.attempt("copying"):
        # Many times what the caches hold; each float32 number takes four bytes, twice.
        most = torch.cuda.mem_get_info(slot.device)[0] // 16 if slot.on_gpu else GIB
        source = torch.rand((1 << 22) if slot.small else min(GIB, most), device=slot.device)
        target = torch.empty_like(source)
        moved = 2 * source.numel() * source.element_size()  # read and written
        slot.tell("copying, TB/s", moved / slot.seconds(lambda: target.copy_(source)) / 1e12)


def _matrix_rate(slot: Slot, dtype: torch.dtype, tf32: bool) -> float:
    side = 512 if slot.small else 8192
    left, right = (torch.randn(side, side, device=slot.device).to(dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        return 2 * side**3 / slot.seconds(lambda: left @ right)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def engine_start(slot: Slot) -> None:
    """Start engines in processes of their own: how long it takes, and whether all choose the same arithmetic."""
    starts = []
    for number in range(2 if slot.small else 4):
        with slot.attempt(f"start {number + 1}"):
            done = subprocess.run(
                [sys.executable, "-c", _START, str(slot.device)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env=environment(),
            )
            if done.returncode:
                raise RuntimeError(done.stderr.strip().splitlines()[-1])
            starts.append(json.loads(done.stdout.strip().splitlines()[-1]))
            slot.tell("starts", starts)
    chosen = {start["arithmetic"] for start in starts}
    slot.check("every process chooses the same arithmetic", len(chosen) == 1, f"chosen: {sorted(chosen)}")
