"""What a command says: plain words and JSON on the standard output, notes and errors on the standard error.

Whoever reads may go away at any time (``neural-style … | head -1``, ``2>&-``, a closed terminal), and a terminal may know
only few letters. Neither ends a painting: words that nobody can have are left out.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from stylecore.errors import StyleError

_ERRORS = "neural-style"
#: The program's own signs, for terminals without them.
_SIGNS = {
    "×": "x",
    "…": "...",
    "“": '"',
    "”": '"',
    "–": "-",
    "−": "-",
    "→": "->",
    "·": "-",
    "✓": "+",
    "✗": "x",
    "≥": ">=",
    "α": "alpha",
    "β": "beta",
    "λ": "lambda",
}
#: Nobody is there to read.
_NOBODY = (errno.EPIPE, errno.ECONNRESET, errno.EBADF)
_SURROGATE = re.compile("[\ud800-\udfff]")
#: What a name may hold to upset a terminal; the end of a line is our own.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Stream(io.TextIOBase):
    """A standard stream that outlives whoever reads it; ``lost`` says why the rest is left out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write what can be written."""
        with self.giving_up():
            self._stream.write(text)
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Write bytes after the text that was written."""
        with self.giving_up():
            self._stream.flush()
            if hasattr(self._stream, "buffer"):
                self._stream.buffer.write(data)
            else:  # text kept in memory
                self._stream.write(data.decode())
            self._stream.flush()

    def flush(self) -> None:
        """Let it be read."""
        with self.giving_up():
            self._stream.flush()

    @contextlib.contextmanager
    def giving_up(self) -> Iterator[None]:
        """Do something with the stream; if that fails, everything from now on goes nowhere."""
        try:
            yield
        except OSError as error:
            self.lost = self.lost or error
            # What is in its buffer would be tried again at the program's end.
            with contextlib.suppress(OSError, ValueError):
                number = os.open(os.devnull, os.O_WRONLY)
                os.dup2(number, self._stream.fileno())
                os.close(number)

    def isatty(self) -> bool:
        """Return whether a terminal reads it."""
        return self.lost is None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the file's number."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """How text becomes bytes."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """What becomes of letters that it lacks."""
        return self._stream.errors

    @property
    def buffer(self) -> Any:
        """What takes bytes."""
        return self._stream.buffer


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Make the standard output and the standard error take everything that is said within the block."""
    _open_closed()
    codecs.register_error(_ERRORS, _replacement)
    before = sys.stdout, sys.stderr
    made = []
    for number, stream in enumerate(before, 1):
        # Python has none for a file that was closed when it started.
        stream = stream or open(os.dup(number), "w", encoding="utf-8")  # noqa: SIM115  # as long as the program
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)
        made.append(stream if isinstance(stream, _Stream) else _Stream(stream))
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in made)
    try:
        yield
    finally:
        for stream in made:
            stream.flush()
        sys.stdout, sys.stderr = before


def say(text: str) -> None:
    """Say what was asked for, on the standard output."""
    print(_harmless(text), flush=True)


def tell(text: str) -> None:
    """Say something beside, on the standard error."""
    print(_harmless(text), file=sys.stderr, flush=True)


def tell_all(texts: Iterable[str]) -> None:
    """Say several things beside, each on a line of its own."""
    for text in texts:
        tell(text)


def write_json(value: Any, *, indent: int | None = None) -> None:
    """Write a report for programs on the standard output: JSON in UTF-8, whatever the terminal's encoding.

    Names that are no UTF-8 are written as :func:`shown` shows them, numbers that are none as null.

    Raises:
        StyleError: ``cannot-write`` if there is somebody who wants it, and it cannot be written.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    data = f"{text}\n".encode()
    out: Any = sys.stdout
    if not isinstance(out, _Stream):  # outside of `streams`
        out.write(data.decode())
        return
    out.write_bytes(data)
    if out.lost is not None and out.lost.errno not in _NOBODY:
        raise StyleError(
            "cannot-write",
            f"The report could not be written to the standard output ({out.lost.strerror}).",
            "What the command was to do is done; make room for the report, or choose another place for it.",
        )


def shown(text: str) -> str:
    r"""Return text that any encoding of Unicode can hold: a name's bytes that are no UTF-8 are written as ``\xe4``."""
    if not _SURROGATE.search(text):
        return text
    kept = re.sub("[\ud800-\udc7f\udd00-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
    # Where the system's encoding knows few letters, names that are good UTF-8 have become surrogates as well.
    return kept.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", shown(text))


def listed(words: Sequence[str], most: int = 3) -> str:
    """Return words as people list them, the first ``most`` of many: ``a.jpg, b.jpg and 12 more``."""
    if len(words) > most + 1:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``1 picture``, ``2 pictures``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain(value: Any) -> Any:
    if isinstance(value, str | Path):
        return shown(str(value))
    if isinstance(value, Mapping):
        return {shown(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replacement(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(_SIGNS.get(each) or ascii(each)[1:-1] for each in letters), error.end


def _open_closed() -> None:
    """Open what was closed of the three standard files: the next file that is opened would be taken for one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY), True)
