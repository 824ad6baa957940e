"""What decoders print about files is kept from the user's terminal: what matters is raised, or said in a note."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator

# tifffile says by logging what it found odd in a file; without a handler, Python prints that on stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False
# Pillow warns of odd EXIF, truncated or oversized files and the like.
warnings.filterwarnings("ignore", module=r"PIL\.")

#: File descriptors belong to the whole process: two threads that move them must not cross.
_LOCK = threading.RLock()


@contextlib.contextmanager
def decoder() -> Iterator[None]:
    """Drop what C libraries print on stderr meanwhile."""
    with _LOCK:
        try:
            saved = os.dup(2)
        except OSError:  # the program was started without a stderr
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
