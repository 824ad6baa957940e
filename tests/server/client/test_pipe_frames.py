"""Messages survive the pipe to the bridge, however it cuts them, and what is no message is refused."""

from __future__ import annotations

import io
import os
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.client.pipe_frames import LOST, MESSAGE, OPEN, READY, Pipe, PipeError, json_frames, read_json
from server.protocol import MAX_FRAME_BYTES, MAX_PICTURES

MANY = settings(max_examples=500, deadline=None)
KINDS = st.sampled_from([READY, OPEN, MESSAGE, LOST])


class Trickle(io.RawIOBase):
    """A pipe's end that gives and takes as little as it likes."""

    def __init__(self, data: bytes = b"", portions: tuple[int, ...] = (1 << 20,)) -> None:
        self.data, self._portions, self._turn = bytearray(data), portions, 0

    def _portion(self) -> int:
        self._turn += 1
        return self._portions[self._turn % len(self._portions)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        count = min(self._portion(), len(buffer), len(self.data))
        buffer[:count] = self.data[:count]
        del self.data[:count]
        return count

    def write(self, given) -> int:  # type: ignore[no-untyped-def]
        count = min(self._portion(), len(given))
        self.data += given[:count]
        return count


@MANY
@given(
    st.lists(st.tuples(KINDS, st.lists(st.binary(max_size=300), max_size=5)), max_size=5),
    st.lists(st.integers(1, 70), min_size=1, max_size=5).map(tuple),
)
def test_what_is_written_is_read(messages: list[tuple[bytes, list[bytes]]], portions: tuple[int, ...]) -> None:
    sink = Trickle(portions=portions)
    writer = Pipe(Trickle(), sink)
    for kind, frames in messages:
        writer.write(kind, [memoryview(frame) for frame in frames])
    reader = Pipe(Trickle(bytes(sink.data), portions), Trickle())
    assert [reader.read() for _ in messages] == messages
    with pytest.raises(EOFError):
        reader.read()


@MANY
@given(st.lists(st.binary(max_size=60), max_size=4), st.data())
def test_a_message_cut_short_is_an_end(frames: list[bytes], data: st.DataObject) -> None:
    sink = Trickle()
    Pipe(Trickle(), sink).write(MESSAGE, frames)
    cut = data.draw(st.integers(0, len(sink.data) - 1))
    with pytest.raises(EOFError):
        Pipe(Trickle(bytes(sink.data[:cut])), Trickle()).read()


@MANY
@given(st.binary(max_size=200))
def test_anything_else_is_refused_or_an_end(data: bytes) -> None:
    reader = Pipe(Trickle(data), Trickle())
    try:
        kind, _ = reader.read()
    except (EOFError, PipeError):
        return
    assert kind in (READY, OPEN, MESSAGE, LOST)


@pytest.mark.parametrize(
    "head",
    [
        b"X" + struct.pack("<I", 0),
        MESSAGE + struct.pack("<I", 0xFFFFFFFF),
        MESSAGE + struct.pack("<IQ", 1, MAX_FRAME_BYTES + 1),
        MESSAGE + struct.pack("<IQ", 1, 2**63),
    ],
    ids=["kind", "frames", "length", "huge"],
)
def test_nothing_is_allocated_for_what_is_too_large(head: bytes) -> None:
    with pytest.raises(PipeError):
        Pipe(Trickle(head + bytes(100)), Trickle()).read()


def test_the_largest_messages_pass() -> None:
    frames = [bytes([number % 256]) * MAX_FRAME_BYTES for number in range(MAX_PICTURES)]
    ends = os.pipe()
    with io.FileIO(ends[0], "r") as source, io.FileIO(ends[1], "w") as sink:
        writer = threading.Thread(target=Pipe(Trickle(), sink).write, args=(MESSAGE, frames))
        writer.start()
        assert Pipe(source, Trickle()).read() == (MESSAGE, frames)
        writer.join()


def test_json() -> None:
    assert read_json(json_frames({"wörter": ["ä", None, 1.5]})) == {"wörter": ["ä", None, 1.5]}
    for wrong in ([], [b"{"], [b"[]"], [b"\xff"]):
        with pytest.raises(PipeError):
            read_json(wrong)
