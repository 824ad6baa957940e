"""OpenEXR files byte by byte, of kinds that the library's Python module cannot write."""

from __future__ import annotations

import struct

import numpy as np

_TYPES = {np.dtype(np.uint32): 0, np.dtype(np.float16): 1, np.dtype(np.float32): 2}
#: A channel's samples, and the step between them in rows and columns.
Channel = tuple[np.ndarray, int]


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def _file(channels: dict[str, Channel], size: tuple[int, int], chunks: list[bytes], tiles: bytes = b"") -> bytes:
    height, width = size
    names = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _TYPES[samples.dtype], 0, step, step)
        for name, (samples, step) in sorted(channels.items())
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = b"\x76\x2f\x31\x01" + struct.pack("<i", 0x202 if tiles else 2)
    head += _attribute("channels", "chlist", names + b"\0") + _attribute("compression", "compression", b"\0")
    head += _attribute("dataWindow", "box2i", window) + _attribute("displayWindow", "box2i", window)
    head += _attribute("lineOrder", "lineOrder", b"\0") + _attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += _attribute("screenWindowCenter", "v2f", bytes(8)) + _attribute(
        "screenWindowWidth", "float", struct.pack("<f", 1)
    )
    head += (_attribute("tiles", "tiledesc", tiles) if tiles else b"") + b"\0"
    places, place = b"", len(head) + 8 * len(chunks)
    for chunk in chunks:
        places += struct.pack("<Q", place)
        place += len(chunk)
    return head + places + b"".join(chunks)


def scan_lines(channels: dict[str, Channel], size: tuple[int, int]) -> bytes:
    """Return a file of rows, uncompressed, some of whose channels may have fewer samples than others."""
    chunks = []
    for y in range(size[0]):
        rows = [samples[y // step].tobytes() for _, (samples, step) in sorted(channels.items()) if y % step == 0]
        chunks.append(struct.pack("<ii", y, len(b"".join(rows))) + b"".join(rows))
    return _file(channels, size, chunks)


def with_smaller_copies(channels: dict[str, np.ndarray]) -> bytes:
    """Return a file of one tile that holds each level of a pyramid (mip-map) of the channels."""
    height, width = size = next(iter(channels.values())).shape
    chunks = []
    for level in range(max(size).bit_length()):
        rows, columns = max(1, height >> level), max(1, width >> level)
        data = b"".join(
            samples[y << level, :: 1 << level][:columns].tobytes()
            for y in range(rows)
            for _, samples in sorted(channels.items())
        )
        chunks.append(struct.pack("<5i", 0, 0, level, level, len(data)) + data)
    tiles = struct.pack("<IIB", width, height, 1)
    return _file({name: (samples, 1) for name, samples in channels.items()}, size, chunks, tiles)
