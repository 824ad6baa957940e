"""What crosses the wire between a client and the server: messages, pictures, limits (standard library only).

How a message is written as frames, and read and checked, is in :mod:`server.frames`. Nothing here or there raises
anything but :class:`ProtocolError` for a message that cannot be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.field_checks import Check, flag, mapping, matching, number, one_of, settings, sizes, some_settings, text, texts
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
#: A preview pauses before a scale of more pixels than this squared, on a processor and on a faster device.
PREVIEW_SIDE, PREVIEW_SIDE_FAST = 400, 800


def is_older(theirs: str, ours: str) -> bool:
    """Return whether the version ``theirs`` is older than ``ours``."""

    def numbers(version: str) -> list[int]:
        return [int("".join(c for c in part if c.isdigit()) or 0) for part in version.split("+")[0].split(".")]

    return numbers(theirs) < numbers(ours)


def bad(detail: str) -> ProtocolError:
    """Return the error for a message that breaks the rules."""
    return ProtocolError(*fault("bad-message", detail))


@dataclass(frozen=True)
class Shape:
    """What a picture on the wire is like: interleaved rows from the top, perceptual sRGB, straight alpha.

    ``channels`` is 1 (a map), 3 or 4; ``kind`` is ``'u8'``, ``'u16'`` (native byte order) or ``'f32'``.

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


#: Checks a job's name.
job_name = matching(r"[A-Za-z0-9_-]{1,64}", "a job's name")
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
        "job": job_name,
        "weights": _weights,
        "guided": flag,
        "settings": settings,
        # The last picture is one to begin from: to go on from its pixels, or to keep what is around the mask.
        "start": one_of("none", "continue", "around"),
        # Which of the styles have a mask of their own, and whether there is a strength map.
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
    "update": {"job": job_name, "settings": some_settings},
    "continue": {"job": job_name},
    "snapshot": {"job": job_name},
    "stop": {"job": job_name},
    "cancel": {"job": job_name},
    # The program has taken the last preview; only then is another one made.
    "seen": {"job": job_name},
    # How long would it take to paint pictures of these sizes, one after the other?
    "estimate": {
        "job": job_name,
        "contents": sizes(64, MAX_SIDE),
        "styles": sizes(MAX_STYLES, MAX_SIDE),
        "settings": settings,
    },
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
    "accepted": {"job": job_name},
    "queued": {"job": job_name, "position": _count},
    "starting": {"job": job_name, "text": text},
    "progress": {
        "job": job_name,
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
    "picture": {"job": job_name, "purpose": one_of("preview", "snapshot", "kept", "final")},
    "paused": {"job": job_name, "fraction": _fraction},
    "note": {"job": job_name, **_error},
    "finished": {"job": job_name, "seconds": _seconds, "stopped": flag, "settings": mapping, "device": text},
    "cancelled": {"job": job_name},
    # The job is over because of this; with an empty job, the last message was refused.
    "error": {"job": text, **_error},
    # A request about a job could not be met; the job goes on.
    "refused": {"job": text, **_error},
    "status": {"report": mapping},
    # The answer to the question of that name; not known before this machine has painted anything of the kind.
    "estimate": {"job": job_name, "seconds": _seconds, "known": flag},
    "heartbeat": {},
    "goodbye": _error,
}


#: The roles of pictures that say where, not what: they have one channel.
MAPS = ("mask", "style mask", "strength map")


def submitted(fields: Mapping[str, Any]) -> list[str]:
    """Return what each picture of a ``submit`` message with these (checked) fields is, in their order."""
    return [
        "content",
        *["style"] * len(fields["weights"]),
        *["mask"] * fields["guided"],
        *["start"] * (fields["start"] != "none"),
        *["style mask"] * sum(fields["style_guides"]),
        *["strength map"] * fields["strength_map"],
    ]
