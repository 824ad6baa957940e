"""``python -m server``: the server in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from server.broker import Broker
from server.finding import EXIT_ALREADY_RUNNING, ServerError, default_folder
from server.folder import prepare, start_log

#: A server that a client started ends itself after so long without one.
AUTO_IDLE_SECONDS = 1800.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the server's command-line options."""
    parser.add_argument("--folder", type=Path, default=None, help="connection file, keys, lock and log (made if missing)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--engine-idle", type=float, default=600.0, metavar="SECONDS",
                        help="give the engine's memory back after so long without work (default 600)")
    parser.add_argument("--server-idle", type=float, default=None, metavar="SECONDS",
                        help="end after so long without clients (default: never; 1800 if a client started it)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--weights", default="bundled", help="bundled, torchvision, or a file")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: all)")
    parser.add_argument("--auto", action="store_true", help=argparse.SUPPRESS)


def serve(options: argparse.Namespace) -> int:
    """Run a server until it ends; returns the exit status."""
    folder = (options.folder or default_folder()).absolute()
    idle = AUTO_IDLE_SECONDS if options.server_idle is None and options.auto else options.server_idle
    engine_options = ["--device", options.device, "--weights", options.weights]
    if options.threads is not None:
        engine_options += ["--threads", str(options.threads)]
    os.umask(0o077)  # nothing this process writes is for others
    try:
        prepare(folder)
        start_log(folder, options.log_level, to_terminal=not options.auto)
        broker = Broker(folder, engine_idle=options.engine_idle, server_idle=idle, engine_options=engine_options)
    except ServerError as error:
        print(f"{error.sentence} {error.remedy}", file=sys.stderr)
        return EXIT_ALREADY_RUNNING if error.code == "server-running" else 2
    try:
        broker.run()
    except Exception:
        logging.getLogger("broker").exception("the server ends because of its own mistake")
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of ``python -m server``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m server", description="The painting server, in the foreground.")
    add_options(parser)
    return serve(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
