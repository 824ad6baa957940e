"""``python -m server``: the server in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from server.broker.addresses import listening_address
from server.broker.broker import GRACE_SECONDS, Broker, ServerOptions
from server.broker.state_folder import prepare, start_log
from server.cli.terminal.arguments import Parser, one_of, read_arguments, to_write, whole_number
from server.discovery import EXIT_ALREADY_RUNNING, ServerError, default_folder
from server.engine.pool import HUNG_SECONDS, EngineOptions
from stylecore import system
from stylecore.errors import StyleError

#: A server that a client started ends itself after so long without one.
AUTO_IDLE_SECONDS = 1800.0
_LOG_LEVELS = ("debug", "info", "warning", "error")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the server's command-line options."""
    parser.add_argument(
        "--folder", type=to_write, default=None, help="connection file, keys, lock and log (made if missing)"
    )
    parser.add_argument("--log-level", default="info", type=one_of(_LOG_LEVELS), metavar=f"{{{','.join(_LOG_LEVELS)}}}")
    parser.add_argument(
        "--engine-idle",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="give the engine's memory back after so long without work (default 600)",
    )
    parser.add_argument(
        "--server-idle",
        type=float,
        default=None,
        metavar="SECONDS",
        help="end after so long without clients (default: never; 1800 if a client started it)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--weights",
        default=None,
        help="bundled, torchvision, or a file (default: what $NEURAL_STYLE_WEIGHTS says, or bundled)",
    )
    parser.add_argument(
        "--threads", type=whole_number(1, most=64), default=None, help="CPU threads of an engine (default: all, shared)"
    )
    parser.add_argument(
        "--engines",
        type=whole_number(1, most=64),
        default=0,
        metavar="N",
        help="paint so many pictures at once (default: one on each GPU, or one)",
    )
    parser.add_argument(
        "--cluster",
        default=None,
        metavar="ADDRESS",
        help="paint on the machines of a Ray cluster: auto for the one that this computer is part of, or "
        "HOST:PORT of its head",
    )
    parser.add_argument(
        "--listen",
        default=None,
        metavar="ADDRESS",
        help="also take clients of other computers at HOST:PORT; see “server export-client”",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="time that running jobs have when the server is asked to end by a signal (default 10)",
    )
    parser.add_argument(
        "--hung",
        type=float,
        default=HUNG_SECONDS,
        metavar="SECONDS",
        help="replace an engine whose step takes so long, and 30 times as long as it should (default 60)",
    )
    parser.add_argument("--auto", action="store_true", help=argparse.SUPPRESS)


def serve(options: argparse.Namespace) -> int:
    """Run a server until it ends; returns the exit status."""
    folder = (options.folder or default_folder()).absolute()
    idle = AUTO_IDLE_SECONDS if options.server_idle is None and options.auto else options.server_idle
    engines = EngineOptions(
        options.device, options.weights, options.threads, options.engines, options.hung, options.cluster
    )
    os.umask(0o077)  # nothing this process writes is for others
    try:
        prepare(folder)
        start_log(folder, options.log_level, to_terminal=not options.auto)
        system.open_many_files()
        listen = listening_address(options.listen) if options.listen is not None else None
        broker = Broker(folder, ServerOptions(options.engine_idle, idle, options.grace, listen), engines)
    except ServerError as error:
        print(f"{error.sentence} {error.remedy}", file=sys.stderr)
        return EXIT_ALREADY_RUNNING if error.code == "server-running" else 2
    try:
        broker.run()
    except Exception:  # whatever it is: the log is all that a server in the background can tell it to
        logging.getLogger("broker").exception("the server ends because of its own mistake")
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of ``python -m server``; returns the exit status."""
    parser = Parser(prog="python -m server", description="The painting server, in the foreground.")
    add_options(parser)
    try:
        options = read_arguments(parser, sys.argv[1:] if arguments is None else arguments)
    except StyleError as error:
        print(error, file=sys.stderr)
        return 2
    return serve(options)
