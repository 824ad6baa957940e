"""``neural-style style --ranks N``: several processes paint one picture; under ``torchrun`` on several machines."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, start_processes

from server.cli.style import check, style
from server.cli.terminal.output import streams
from stylecore import system
from stylecore.errors import StyleError
from stylecore.tensors.strips import Ranks

#: How long a rank waits for another one that lives but does not answer: strips of a huge picture take their time.
_PATIENCE = timedelta(hours=2)
#: How long a rank may take to end after another one has failed, before it is killed.
_GRACE_SECONDS = 5


def under_torchrun() -> bool:
    """Return whether ``torchrun`` has started this process, as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch(options: argparse.Namespace) -> int:
    """Start the ranks on this machine, wait for them, and return the exit status.

    Ctrl-C, and what else asks to end, is passed on to rank 0, which agrees with the others about it.

    Raises:
        StyleError: what a rank said that failed; ``rank-lost`` if one ended without a word.
        KeyboardInterrupt: if Ctrl-C came before there was anything to keep.
    """
    check(options, on_ranks=True)
    told = argparse.Namespace(**{name: value for name, value in vars(options).items() if name != "command"})
    with tempfile.TemporaryDirectory(prefix="neural-style-") as name:
        folder = Path(name)
        context = start_processes(_rank, (told, folder), nprocs=options.ranks, join=False, start_method="spawn")
        with _passing_on(context.pids()[0]) as interrupts:
            try:
                while not context.join(timeout=1.0, grace_period=_GRACE_SECONDS):
                    pass
                ended = ""
            except ProcessExitedException as lost:
                ended = lost.signal_name or f"exit status {lost.exit_code}"
            except ProcessRaisedException as raised:
                ended = str(raised)  # a mistake of ours, with its traceback
            words = [_said(folder / f"said-{rank}") for rank in range(options.ranks)]
        # A rank that only lost another one says less than that other one.
        failures = [said for said in words if "code" in said and said["code"] != "rank-lost"]
        if failures:
            raise StyleError(failures[0]["code"], failures[0]["sentence"], failures[0]["remedy"])
        if "status" in words[0]:
            return int(words[0]["status"])
        if interrupts:
            raise KeyboardInterrupt
        kept = options.resume is not None and options.resume.exists()
        raise StyleError(
            "rank-lost",
            f"One of the {options.ranks} processes that paint this picture ended unexpectedly ({ended or 'silently'}).",
            f"Run the same command again; it goes on from what {options.resume} keeps."
            if kept
            else "Run it again; with --resume FILE the work done so far would have been kept.",
        )


def torchrun(options: argparse.Namespace) -> int:
    """Be the rank that ``torchrun``'s environment says; return the exit status."""
    return _join(options)


def _rank(rank: int, options: argparse.Namespace, folder: Path) -> None:
    """Be one of the ranks that :func:`launch` has started."""
    system.lead_a_group()  # a terminal's Ctrl-C goes to the parent alone, which passes it on once
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
    os.environ.update(
        LOCAL_RANK=str(rank),
        LOCAL_WORLD_SIZE=str(options.ranks),
        # Nothing is open to other machines.
        GLOO_SOCKET_IFNAME=loopback,
        NCCL_SOCKET_IFNAME=loopback,
    )
    said = folder / f"said-{rank}"
    try:
        store = dist.FileStore(str(folder / "meeting"), options.ranks)  # type: ignore[attr-defined]
        status = _join(options, store=store, rank=rank, world_size=options.ranks)
        said.write_text(json.dumps({"status": status}))
    except StyleError as error:
        said.write_text(json.dumps({"code": error.code, "sentence": error.sentence, "remedy": error.remedy}))
        # Without waiting for anybody: the others are to notice.
        sys.stdout.flush()
        os._exit(1)


def _join(options: argparse.Namespace, **group: Any) -> int:
    if torch.cuda.is_available():
        torch.cuda.set_device(Ranks.device()[0])
    dist.init_process_group(timeout=_PATIENCE, **group)
    with streams():  # this process may have been started for nothing else
        status = style(options, Ranks.joined())
    dist.barrier()
    dist.destroy_process_group()
    return status


def _said(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


@contextmanager
def _passing_on(pid: int) -> Iterator[Sequence[int]]:
    """Pass on to a process what asks this one to end; yields what has been passed on so far."""
    passed: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        passed.append(number)
        system.pass_signal(pid, number)

    answered = [number for number in system.ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in answered}
    try:
        yield passed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
