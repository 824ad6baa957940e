"""The engine process: loads the network once, and has a worker paint (:mod:`server.engine.worker`).

It is the only process that imports torch.
"""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import zmq

from server.discovery import default_folder
from server.engine import lifeline, transport
from server.engine.heartbeat import Heartbeat
from server.engine.reports import report
from server.engine.worker import Worker
from stylecore.errors import StyleError, fault

if TYPE_CHECKING:
    from stylecore.device.engine import Engine


def main() -> int:
    """Run the process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.engine.process", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the server's terminal is the broker's to answer
    try:
        address = transport.read_address()
    except EOFError:  # the broker is gone
        return 1
    lifeline.end_with_parent()
    pulse = Heartbeat(transport.connect_heartbeat(address))
    link = transport.connect_link(zmq.Context(), address)
    try:
        from stylecore.device.engine import Engine
        from stylecore.painting.warm_up import warm_up
        from stylecore.settings import Settings

        try:
            engine = Engine(options.device, options.weights, options.threads, default_folder())
            engine.network(Settings(), engine.arithmetic_for(Settings()))  # better now than with a job waiting
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
