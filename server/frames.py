"""Messages as they travel: how one is written as frames, and how frames are read and checked (standard library only).

A message is multipart: ``neural-style/<protocol number>`` · JSON header · the raw pixels of every picture that the
header's ``pictures`` list describes, cut into frames of :data:`server.protocol.FRAME_BYTES`, the last of each picture
being shorter: no frame is ever larger, so that a peer who has not shown a key yet cannot make the other end hold more.
:func:`encode` and :func:`decode` check every header against :data:`server.protocol.CLIENT_MESSAGES` or
:data:`server.protocol.SERVER_MESSAGES` and every frame's length against its picture's description, before anything is
built from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from server.field_checks import Check
from server.protocol import (
    FRAME_BYTES,
    MAGIC,
    MAPS,
    MAX_HEADER_BYTES,
    MAX_HEADER_DEPTH,
    MAX_MESSAGE_BYTES,
    MAX_PICTURES,
    MAX_TAG_BYTES,
    OPTIONAL,
    PROTOCOL,
    TAG,
    Examined,
    Message,
    Picture,
    Shape,
    bad,
    job_name,
    submitted,
)
from stylecore.errors import ProtocolError, fault


def _check_pictures(kind: str, fields: Mapping[str, Any], channels: Sequence[int]) -> None:
    """Check that a message of this type carries the pictures it needs, given each one's number of channels."""
    if kind == "submit":
        if len(fields["style_guides"]) not in (0, len(fields["weights"])):
            raise bad("“style_guides” must say of every style whether it has one")
        roles = submitted(fields)
        if len(channels) != len(roles):
            raise bad(f"it should have {len(roles)} pictures, not {len(channels)}")
        for role, count in zip(roles, channels, strict=True):
            if (count == 1) != (role in MAPS):
                needed = "a guide must have one channel" if role in MAPS else "photo and style must have 3 or 4 channels"
                raise ProtocolError(*fault("bad-picture", needed))
        if sum(fields["weights"]) <= 0:
            raise ProtocolError(*fault("bad-settings", "At least one style's weight must be more than 0."))
    elif len(channels) != (1 if kind == "picture" else 0):
        raise bad(f"{kind} does not come with {len(channels)} pictures")


def _check_fields(kind: Any, fields: Mapping[str, Any], messages: Mapping[str, Mapping[str, Check]]) -> dict[str, Any]:
    """Return the fields that the message's type declares, checked; others are left out, for newer minor versions."""
    if not isinstance(kind, str) or kind not in messages:
        raise bad("its type is unknown")
    checked = {}
    for name, check in messages[kind].items():
        if name not in fields and name in OPTIONAL.get(kind, {}):
            checked[name] = OPTIONAL[kind][name]
            continue
        if name not in fields:
            raise bad(f"“{name}” of {kind} is missing")
        try:
            checked[name] = check(fields[name])
        except ValueError as error:
            raise bad(f"“{name}” of {kind} must be {error}") from None
    return checked


def encode(message: Message, messages: Mapping[str, Mapping[str, Check]], tag: bytes = TAG) -> list[bytes | memoryview]:
    """Return the frames of ``message``, which must be one of ``messages`` (what this end may say).

    The frames share the pictures' memory.

    Raises:
        ProtocolError: the message breaks the rules.
    """
    fields = _check_fields(message.type, message.fields, messages)
    _check_pictures(message.type, fields, [picture.channels for picture in message.pictures])
    described = [[p.width, p.height, p.channels, p.kind] for p in message.pictures]
    try:
        header = json.dumps(
            {**fields, "type": message.type, "pictures": described}, allow_nan=False, default=asdict
        ).encode()
    except (TypeError, ValueError, RecursionError, UnicodeError) as error:
        raise bad(f"{message.type} cannot be written as JSON ({error})") from None
    if len(header) > MAX_HEADER_BYTES or _depth(header) > MAX_HEADER_DEPTH:
        raise bad("its header is too large")
    if sum(picture.size for picture in message.pictures) > MAX_MESSAGE_BYTES:
        raise ProtocolError(*fault("message-too-large", f"{MAX_MESSAGE_BYTES / 1e9:.0f} GB"))
    frames: list[bytes | memoryview] = [tag, header]
    for picture in message.pictures:
        pixels = memoryview(picture.data).cast("B")
        frames += [pixels[begin : begin + FRAME_BYTES] for begin in range(0, len(pixels), FRAME_BYTES)]
    return frames


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def _depth(header: bytes) -> int:
    """Return how deeply the JSON text nests, without parsing it."""
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", header):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _header(frames: Sequence[bytes | memoryview]) -> dict[str, Any]:
    """Return the JSON object of a message whose tag, header and number of frames are within the limits."""
    if len(frames) < 2:
        raise bad("it has no header")
    if len(frames) > 2 + MAX_PICTURES + MAX_MESSAGE_BYTES // FRAME_BYTES:
        raise bad("it has too many parts")
    if not all(isinstance(frame, bytes | bytearray | memoryview) for frame in frames):
        raise bad("it has no header")
    tag = bytes(frames[0][:MAX_TAG_BYTES])
    if tag != TAG or len(frames[0]) != len(TAG):
        if re.fullmatch(re.escape(MAGIC) + rb"[0-9]{1,9}", tag):
            theirs = tag[len(MAGIC) :].decode("ascii")
            raise ProtocolError(*fault("version-mismatch", f"protocols {PROTOCOL} and {theirs}"))
        raise bad("it does not belong to this protocol")
    if memoryview(frames[1]).nbytes > MAX_HEADER_BYTES:
        raise bad("its header is too long")
    text = bytes(frames[1])
    if _depth(text) > MAX_HEADER_DEPTH:
        raise bad("its header nests too deeply")
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise bad(f"its header is not JSON ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise bad("its header is not an object")
    return header


def examine(frames: Sequence[bytes | memoryview], messages: Mapping[str, Mapping[str, Check]]) -> Examined:
    """Return what the message in ``frames`` says, which must be one of ``messages`` (what the other end may say).

    Nothing is allocated for its pictures, whose frames are only measured.

    Raises:
        ProtocolError: the frames are not such a message.
    """
    header = _header(frames)
    described = header.get("pictures", [])
    if not isinstance(described, list) or len(described) > MAX_PICTURES:
        raise bad("its pictures are not described rightly")
    if any(not isinstance(entry, list) or len(entry) != 4 for entry in described):
        raise bad("a picture is not described rightly")
    shapes = tuple(Shape(*entry) for entry in described)
    if sum(shape.size for shape in shapes) > MAX_MESSAGE_BYTES:
        raise ProtocolError(*fault("message-too-large", f"{MAX_MESSAGE_BYTES / 1e9:.0f} GB"))
    lengths = [length for shape in shapes for length in _frame_lengths(shape.size)]
    if len(frames) != 2 + len(lengths):
        raise bad(f"it has {len(frames) - 2} frames of pixels where {len(lengths)} are needed")
    for frame, length in zip(frames[2:], lengths, strict=True):
        if memoryview(frame).nbytes != length:
            raise ProtocolError(
                *fault("bad-picture", f"{memoryview(frame).nbytes} bytes of its pixels came where {length} are needed")
            )
    fields = _check_fields(header.get("type"), header, messages)
    _check_pictures(header["type"], fields, [shape.channels for shape in shapes])
    return Examined(header["type"], fields, shapes)


def _frame_lengths(size: int) -> list[int]:
    whole, rest = divmod(size, FRAME_BYTES)
    return [FRAME_BYTES] * whole + [rest] * (rest > 0)


def decode(frames: Sequence[bytes | memoryview], messages: Mapping[str, Mapping[str, Check]]) -> Message:
    """Return the message in ``frames``, which must be one of ``messages`` (what the other end may say).

    A picture of one frame shares its memory, others are put together.

    Raises:
        ProtocolError: the frames are not such a message.
    """
    examined = examine(frames, messages)
    pictures = []
    begin = 2
    for shape in examined.shapes:
        end = begin + len(_frame_lengths(shape.size))
        data = frames[begin] if end - begin == 1 else b"".join(frames[begin:end])
        pictures.append(Picture(shape.width, shape.height, shape.channels, shape.kind, data))  # type: ignore[arg-type]
        begin = end
    return Message(examined.type, examined.fields, tuple(pictures))


def job_of(frames: Sequence[bytes | memoryview]) -> str:
    """Return the job that a message names, even one that :func:`decode` refused; empty if it names none."""
    try:
        return str(job_name(_header(frames).get("job")))
    except (ProtocolError, ValueError):
        return ""
