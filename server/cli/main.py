"""The command line ``neural-style``: runs one command, and says what goes wrong."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence

from server.cli.commands import make_parser
from server.cli.terminal.arguments import read_arguments
from server.cli.terminal.output import streams, tell, write_json
from server.client.client import default_folder
from stylecore import system
from stylecore.errors import StyleError, fault

#: Exit status of everything that went wrong and is explained on stderr.
EXIT_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Wanted as JSON is also what is wrong with the arguments themselves.
    options = argparse.Namespace(json="--json" in given)
    with streams():
        try:
            with _ended_like_ctrl_c():
                parser = make_parser()
                options = read_arguments(parser, given)
                return int(options.command(options))
        except (Exception, KeyboardInterrupt) as error:
            if (interrupt := _interrupt_in(error)) is not None:
                # Once a command begins to write, it answers by itself.
                tell("Interrupted; nothing was written." if hasattr(options, "output") else "Interrupted.")
                return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
            return fail(*_in_words(error), as_json=getattr(options, "json", False))


def _interrupt_in(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return the interruption that an error is, or is the consequence of.

    One that comes while a class is made becomes a RuntimeError (in ``__set_name__``, before Python 3.12), one in an import
    whatever the imported makes of it.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


@contextlib.contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let the system's request to end, and a closed terminal, clean up like Ctrl-C where a command has no other answer."""

    def interrupt(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    others = [number for number in system.ENDINGS if number != signal.SIGINT]
    before = {number: signal.signal(number, interrupt) for number in others if signal.getsignal(number) == signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_words(error: BaseException) -> tuple[str, str, str]:
    """Return an error's code, sentence and remedy; one that nobody foresaw also goes to a log in full."""
    # stylecore's errors are told apart by what they carry, so that torch and numpy stay unimported here.
    code, sentence = getattr(error, "code", None), getattr(error, "sentence", None)
    if isinstance(code, str) and isinstance(sentence, str):
        return code, sentence, getattr(error, "remedy", "")
    if isinstance(error, OSError) and error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        return "file-unusable", f"{name} cannot be used ({error.strerror}).", "Check the name, and who may use it."
    if isinstance(error, MemoryError):
        return fault("out-of-memory")[:3]
    sentence, remedy = f"This is a mistake of the program: {type(error).__name__}: {error}.", "Please report it."
    log = default_folder() / "command-line.log"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {''.join(traceback.format_exception(error))}\n")
    except OSError:
        return "internal-error", sentence, remedy  # the disk may be what is wrong
    return "internal-error", sentence, f"{remedy[:-1]}, with the details in {log}."


def fail(code: str, sentence: str, remedy: str, *, as_json: bool) -> int:
    """Tell what went wrong and what to do, and return the exit status for it."""
    tell(f"{sentence} {remedy}".strip())
    if as_json:
        # Where the report is what cannot be written, that has just been told.
        with contextlib.suppress(StyleError):
            write_json({"error": {"code": code, "sentence": sentence, "remedy": remedy}})
    return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
