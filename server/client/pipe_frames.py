"""Messages between a client and its bridge, over a pipe each way (standard library only).

A message is its kind (one byte), how many frames it has (4 bytes), each one's length (8 bytes each), and the frames;
numbers are unsigned, little endian. Nothing is read that is larger than what may be sent to a server.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from server.client.wires import Frames
from server.protocol import FRAME_BYTES, MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, MAX_PICTURES

#: The bridge has started and reads.
READY = b"R"
#: To the bridge, first: which server is wanted (JSON).
OPEN = b"O"
#: The frames of a message of :mod:`server.protocol`, either way.
MESSAGE = b"M"
#: From the bridge, last: why the connection is over, or has never been (JSON: an error's parts).
LOST = b"L"

_KINDS = READY + OPEN + MESSAGE + LOST
_HEAD = struct.Struct("<cI")
_MAX_FRAMES = 2 + MAX_PICTURES + MAX_MESSAGE_BYTES // FRAME_BYTES
_BUFFER_BYTES = 1 << 16


class PipeError(Exception):
    """What came over the pipe is no message."""


class Pipe:
    """Messages over two unbuffered streams, which block: one thread reads, one writes."""

    def __init__(self, source: io.RawIOBase, sink: io.RawIOBase) -> None:
        self._source, self._sink = io.BufferedReader(source, _BUFFER_BYTES), sink

    def read(self) -> tuple[bytes, list[bytes]]:
        """Wait for a message, and return its kind and its frames.

        Raises:
            EOFError: the other end has closed the pipe, be it in the middle of a message.
            PipeError: something else is written there.
        """
        kind, count = _HEAD.unpack(self._exactly(_HEAD.size))
        if kind not in _KINDS or count > _MAX_FRAMES:
            raise PipeError(f"a message of kind {kind!r} and {count} frames")
        lengths = struct.unpack(f"<{count}Q", self._exactly(8 * count))
        if any(length > MAX_FRAME_BYTES for length in lengths):
            raise PipeError(f"a frame of {max(lengths)} bytes")
        return kind, [self._exactly(length) for length in lengths]

    def _exactly(self, count: int) -> bytes:
        try:
            data = self._source.read(count)
        except (OSError, ValueError) as error:  # closed here, or broken
            raise EOFError(str(error)) from None
        if len(data) < count:
            raise EOFError("the pipe has ended")
        return data

    def write(self, kind: bytes, frames: Frames = ()) -> None:
        """Write a message, and wait until the pipe has taken it.

        Raises:
            EOFError: nobody reads it any more.
        """
        views = [memoryview(frame).cast("B") for frame in frames]
        parts = [memoryview(_HEAD.pack(kind, len(views)) + struct.pack(f"<{len(views)}Q", *map(len, views))), *views]
        if sum(map(len, parts)) <= _BUFFER_BYTES:
            parts = [memoryview(b"".join(parts))]  # so that a small message wakes the other end once
        try:
            for part in parts:
                while part:
                    part = part[self._sink.write(part) or 0 :]
        except (OSError, ValueError) as error:  # broken, or closed here
            raise EOFError(str(error)) from None

    def close(self) -> None:
        """Close the reading end; nobody may be reading."""
        self._source.close()


def json_frames(value: Mapping[str, Any]) -> list[bytes]:
    """Return the one frame of a message that is an object; :func:`read_json` reads it."""
    return [json.dumps(value).encode()]


def read_json(frames: Sequence[bytes]) -> dict[str, Any]:
    """Return the object in the one frame of a message.

    Raises:
        PipeError: there is none.
    """
    try:
        value = json.loads(frames[0])
    except (ValueError, IndexError) as error:
        raise PipeError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise PipeError("no JSON object")
    return value
