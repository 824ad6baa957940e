"""What crosses the wire between a client and the server: messages, frames, limits (standard library only).

A message is multipart: ``neural-style/<protocol number>`` · JSON header · the raw pixels of every picture that the
header's ``pictures`` list describes, cut into frames of :data:`FRAME_BYTES`, the last of each picture being shorter: no
frame is ever larger, so that a peer who has not shown a key yet cannot make the other end hold more. :func:`encode` and
:func:`decode` check every header against :data:`CLIENT_MESSAGES` or :data:`SERVER_MESSAGES` and every frame's length
against its picture's description, before anything is built from it. Nothing here raises anything but
:class:`ProtocolError` for a message that cannot be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from server.field_checks import Check, flag, mapping, matching, number, one_of, settings, some_settings, text, texts
from stylecore.errors import ProtocolError, fault

#: The product's version; the package's metadata must say the same.
VERSION = "0.1.0"
#: Raised when the messages change so that an older end would not understand them.
PROTOCOL = 1

MAGIC = b"neural-style/"
TAG = MAGIC + str(PROTOCOL).encode()

MAX_TAG_BYTES = 32
#: Pictures travel in frames of so many bytes; a socket takes none that is larger (with what the encryption adds).
FRAME_BYTES = 1 << 20
MAX_FRAME_BYTES = FRAME_BYTES + 256
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADER_DEPTH = 6
MAX_SIDE = 100_000
MAX_PIXELS = 400_000_000
MAX_PICTURE_BYTES = 1_600_000_000
MAX_MESSAGE_BYTES = 4_000_000_000
MAX_STYLES = 16
MAX_PICTURES = 2 * MAX_STYLES + 4

#: A client shows it is there this often; after the lease without a word, its jobs are cancelled.
HEARTBEAT_SECONDS = 1.0
LEASE_SECONDS = 5.0
#: A client that hears nothing for so long, not even an answer to its heartbeats, says that the server is gone.
SILENT_SECONDS = 4.0
#: Heartbeats wait behind a picture on its way, so that time is granted as if it travelled only this fast.
SLOWEST_BYTES_PER_SECOND = 100e6

#: Bytes of one sample by the picture's ``kind``.
SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}


def bad(detail: str) -> ProtocolError:
    """Return the error for a message that breaks the rules."""
    return ProtocolError(*fault("bad-message", detail))


@dataclass(frozen=True)
class Shape:
    """What a picture on the wire is like: interleaved rows from the top, perceptual sRGB, straight alpha.

    ``channels`` is 1 (a guide), 3 or 4; ``kind`` is ``'u8'``, ``'u16'`` (native byte order) or ``'f32'``.

    Raises:
        ProtocolError: it is not the description of a picture, or is over a limit.
    """

    width: int
    height: int
    channels: int
    kind: str

    def __post_init__(self) -> None:
        picture_bytes(self.width, self.height, self.channels, self.kind)

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return picture_bytes(self.width, self.height, self.channels, self.kind)


@dataclass(frozen=True)
class Picture(Shape):
    """A picture on the wire; ``data`` is bytes or anything that has their buffer.

    Raises:
        ProtocolError: the description is wrong or too large, or ``data`` has not exactly the bytes it needs.
    """

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        expected = self.size
        try:
            length = memoryview(self.data).nbytes
        except TypeError:
            raise ProtocolError(*fault("bad-picture", "its pixels are not bytes")) from None
        if length != expected:
            raise ProtocolError(*fault("bad-picture", f"it has {length} bytes of pixels where {expected} are needed"))


def picture_bytes(width: Any, height: Any, channels: Any, kind: Any) -> int:
    """Return how many bytes the pixels of such a picture take.

    Raises:
        ProtocolError: the description is not one of a picture, or it is over a limit.
    """
    for value in (width, height, channels):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ProtocolError(*fault("bad-picture", "its size is not in whole numbers"))
    if not isinstance(kind, str) or kind not in SAMPLE_BYTES:
        raise ProtocolError(*fault("bad-picture", f"its samples must be one of {', '.join(SAMPLE_BYTES)}"))
    if channels not in (1, 3, 4):
        raise ProtocolError(*fault("bad-picture", "it must have 1, 3 or 4 channels"))
    if width < 1 or height < 1:
        raise ProtocolError(*fault("bad-picture", "it has no pixels"))
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        if max(width, height) >= 10**9:
            raise ProtocolError(*fault("picture-too-large", "a side of more than 10⁹ px"))
        raise ProtocolError(*fault("picture-too-large:pixels", width=width, height=height, most=MAX_PIXELS // 10**6))
    total: int = width * height * channels * SAMPLE_BYTES[kind]
    if total > MAX_PICTURE_BYTES:
        raise ProtocolError(*fault("picture-too-large", f"{total / 1e9:.1f} GB, at most {MAX_PICTURE_BYTES / 1e9:.1f}"))
    return total


@dataclass(frozen=True)
class Message:
    """One message: its type, the checked fields of its header, and its pictures in the header's order."""

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Examined:
    """A message that was checked without putting its pictures together, for passing it on."""

    type: str
    fields: Mapping[str, Any]
    shapes: Sequence[Shape]


def _flags(value: Any) -> list[bool]:
    if not isinstance(value, list) or len(value) > MAX_STYLES:
        raise ValueError("a list of true and false")
    return [flag(each) for each in value]


def _weights(value: Any) -> list[float]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_STYLES:
        raise ProtocolError(*fault("too-many-styles", MAX_STYLES))
    return [number(0.0, 1e6)(weight) for weight in value]


_job = matching(r"[A-Za-z0-9_-]{1,64}", "a job's name")
_code = matching(r"[a-z0-9-]{1,64}", "an error code")
_version = matching(r"[0-9A-Za-z.+-]{1,32}", "a version")
_count = number(0, 1e9, whole=True)
_size = number(1, MAX_SIDE, whole=True)
_seconds = number(0.0, 1e9)
_fraction = number(0.0, 1.0)
#: Checks a number of bytes.
AMOUNT = number(0, 1e15, whole=True)
_error = {"code": _code, "sentence": text, "remedy": text, "details": texts}


def _reason(value: Any) -> dict[str, Any]:
    """Return an error's parts, or nothing where there is nothing to be said."""
    given = mapping(value)
    try:
        return {name: check(given[name]) for name, check in _error.items()} if given else {}
    except KeyError as error:
        raise ValueError(f"an object with {error}") from None


#: What a client may say: type → field → check. Every field is required but those of :data:`OPTIONAL`.
CLIENT_MESSAGES: dict[str, dict[str, Check]] = {
    "hello": {"client": text, "version": _version},
    "submit": {
        "job": _job,
        "weights": _weights,
        "guided": flag,
        "settings": settings,
        # The last picture is one to begin from: to go on from its pixels, or to keep what is around the guide.
        "start": one_of("none", "continue", "around"),
        # Which of the styles have a guide of their own, and whether there is a strength map.
        "style_guides": _flags,
        "strength_map": flag,
        "until": one_of("full", "preview"),
        "previews": flag,
        "preview_every": number(0.0, 3600.0),
        # Steps at full size after which the picture is sent; 0 for never.
        "keep_every": _count,
    },
    # Work is likely to come: the engine may be started for it.
    "prepare": {},
    "update": {"job": _job, "settings": some_settings},
    "continue": {"job": _job},
    "snapshot": {"job": _job},
    "stop": {"job": _job},
    "cancel": {"job": _job},
    # The program has taken the last preview; only then is another one made.
    "seen": {"job": _job},
    # Bytes that the client is about to send in one piece, for which its lease is extended.
    "heartbeat": {"sending": number(0, MAX_MESSAGE_BYTES, whole=True)},
    "status": {},
    "bye": {},
    # End now, whatever is being painted.
    "shutdown": {},
    # Make room for a newer server: take no new clients, finish what is there, end. Every later protocol understands it.
    "retire": {},
}

#: Fields that older programs do not send, with what that means.
OPTIONAL: dict[str, dict[str, Any]] = {
    "submit": {"start": "none", "style_guides": [], "strength_map": False, "keep_every": 0},
    "note": {"remedy": "", "details": {}},
    "error": {"details": {}},
    "refused": {"details": {}},
    "goodbye": {"code": "connection-lost", "details": {}},
    "welcome": {"why": {}},
    "progress": {"known": True},
}

#: What the server may say.
SERVER_MESSAGES: dict[str, dict[str, Check]] = {
    # Said again when an engine has told its device, and why that is the processor where a GPU might be expected.
    "welcome": {"version": _version, "pid": _count, "device": text, "memory": mapping, "why": _reason},
    "accepted": {"job": _job},
    "queued": {"job": _job, "position": _count},
    "starting": {"job": _job, "text": text},
    "progress": {
        "job": _job,
        "scale": _count,
        "scales": _count,
        "step": _count,
        "steps": _count,
        "fraction": _fraction,
        "seconds_left": _seconds,
        # Whether the seconds are more than a guess.
        "known": flag,
        "losses": mapping,
        "width": _size,
        "height": _size,
    },
    # One of the purpose “kept” follows the progress of the step that it shows.
    "picture": {"job": _job, "purpose": one_of("preview", "snapshot", "kept", "final")},
    "paused": {"job": _job, "fraction": _fraction},
    "note": {"job": _job, **_error},
    "finished": {"job": _job, "seconds": _seconds, "stopped": flag, "settings": mapping, "device": text},
    "cancelled": {"job": _job},
    # The job is over because of this; with an empty job, the last message was refused.
    "error": {"job": text, **_error},
    # A request about a job could not be met; the job goes on.
    "refused": {"job": text, **_error},
    "status": {"report": mapping},
    "heartbeat": {},
    "goodbye": _error,
}


#: The roles of pictures that say where, not what: they have one channel.
MAPS = ("guide", "style guide", "strength map")


def submitted(fields: Mapping[str, Any]) -> list[str]:
    """Return what each picture of a ``submit`` message with these (checked) fields is, in their order."""
    return [
        "content",
        *["style"] * len(fields["weights"]),
        *["guide"] * fields["guided"],
        *["start"] * (fields["start"] != "none"),
        *["style guide"] * sum(fields["style_guides"]),
        *["strength map"] * fields["strength_map"],
    ]


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
        return str(_job(_header(frames).get("job")))
    except (ProtocolError, ValueError):
        return ""
