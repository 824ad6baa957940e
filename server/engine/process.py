"""The engine process: loads the network once, and has a worker paint (:mod:`server.engine.worker`).

It is the only process that imports torch.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING

import zmq

from server.discovery import default_folder
from server.engine.heartbeat import Heartbeat
from server.engine.reports import report
from server.engine.worker import Worker
from stylecore.errors import StyleError, fault

if TYPE_CHECKING:
    from stylecore.device.engine import Engine


def die_with_broker() -> None:
    """Ask Linux to end this process when the broker ends, and to choose it before others when memory runs out."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")
    if os.getppid() != parent:
        os._exit(0)


def end_with_broker() -> None:
    """Wait until the broker's end of the standard input closes, and end the process at once."""
    while os.read(0, 4096):
        continue
    os._exit(0)


def main() -> int:
    """Run the process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.engine.process", description=__doc__.splitlines()[0])
    parser.add_argument("--link", required=True, help="where the broker listens")
    parser.add_argument("--pulse", type=int, required=True, help="descriptor of the pipe for the pulse")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the server's terminal is the broker's to answer
    threading.Thread(target=end_with_broker, daemon=True).start()
    die_with_broker()
    pulse = Heartbeat(options.pulse)
    context = zmq.Context()
    link: zmq.Socket[bytes] = context.socket(zmq.PAIR)
    link.setsockopt(zmq.SNDHWM, 0)
    link.setsockopt(zmq.LINGER, 2000)
    link.connect(options.link)
    try:
        from stylecore.device.engine import Engine
        from stylecore.painting.warm_up import warm_up
        from stylecore.settings import Settings

        try:
            engine = Engine(options.device, options.weights, options.threads, default_folder())
            engine.network(Settings(), engine.arithmetic())  # better now than with a job waiting
            warm_up(engine)
        except StyleError as error:
            report(link, "failed", job="", **error.fault._asdict())
            return _leave(link)
    except Exception as error:  # a broken installation: torch missing, a driver that does not fit
        traceback.print_exc()
        told = fault("engine-failed", f"{type(error).__name__}: {str(error)[:300]}")
        report(link, "failed", job="", **told._asdict())
        return _leave(link)
    why = {} if engine.device_fault is None else engine.device_fault._asdict()
    report(link, "ready", device=engine.device_name, memory=engine.memory(), devices=_devices(engine), why=why)
    Worker(link, engine, pulse).serve()
    return 0


def _devices(engine: Engine) -> int:
    """Return how many GPUs like this engine's there are; 0 if it runs on the CPU."""
    if engine.device.type != "cuda":
        return 0
    import torch

    return torch.cuda.device_count()


def _leave(link: zmq.Socket[bytes]) -> int:
    link.close()
    link.context.term()
    return 1


if __name__ == "__main__":
    sys.exit(main())
