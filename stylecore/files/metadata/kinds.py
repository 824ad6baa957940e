"""What a file is, by its first bytes and its ending: what is read, and what is not, in words and with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from stylecore.errors import StyleError

_EXPORT = "Open it in GIMP and export it as PNG or TIFF."


@dataclass(frozen=True)
class Kind:
    """Files that are not read.

    ``is_what`` ends the sentence "FILE …". ``beginnings`` are bytes with their place in the file. ``picture`` is whether
    one in a folder of pictures is missed there.
    """

    is_what: str
    remedy: str
    endings: tuple[str, ...] = ()
    beginnings: tuple[tuple[int, bytes], ...] = ()
    picture: bool = True


_CAMERA_RAW = Kind(
    "is camera raw: what the sensor saw, not yet a picture.",
    "Develop it first (GIMP does with darktable or RawTherapee) and export it as TIFF or PNG.",
    (
        ".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".erf", ".fff", ".gpr",
        ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".pxn", ".raf",
        ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    ),
    (
        (0, b"FUJIFILMCCD-RAW"), (0, b"FOVb"), (4, b"ftypcrx "), (0, b"IIU\0"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"),
        (0, b"\0MRM"), (6, b"HEAPCCDR"), (8, b"CR\2\0"), (8, b"IIII"), (8, b"MMMMRawT"),
    ),
)  # fmt: skip
_WEB_PAGE = Kind(
    "is a web page, not a picture.",
    "Save the picture itself from your browser.",
    beginnings=((0, b"<!DOCTYPE html"), (0, b"<!DOCTYPE HTML"), (0, b"<!doctype html"), (0, b"<html")),
    picture=False,
)
_KINDS = (
    _CAMERA_RAW,
    Kind("is a GIMP image with its layers.", "Open it in GIMP and export it as PNG, TIFF or OpenEXR.",
         (".xcf", ".xcfgz", ".xcfbz2", ".xcf.gz", ".xcf.bz2", ".xcf.xz"), ((0, b"gimp xcf"),)),
    Kind("is a Photoshop file of a kind that is not read; flattened ones of 8 bits are.", _EXPORT,
         (".psb",), ((0, b"8BPS"),)),
    Kind("is a Krita document.", "Open it in Krita and export it as PNG, TIFF or OpenEXR.", (".kra", ".krz"),
         ((38, b"application/x-krita"),)),
    Kind("is an OpenRaster document with its layers.", _EXPORT, (".ora",), ((38, b"image/openraster"),)),
    Kind("is the document of another painting program.", "Open it there and export it as PNG or TIFF.",
         (".afphoto", ".afdesign", ".clip", ".mdp", ".pdn", ".procreate", ".psp", ".pspimage", ".sai", ".sai2"),
         ((0, b"\0\xffKA"), (0, b"CSFCHUNK"), (0, b"PDN3"), (0, b"Paint Shop Pro Image File"))),
    Kind("is a vector drawing, which has no pixels.", _EXPORT, (".svg", ".svgz"), ((0, b"<svg"),)),
    Kind("is a document or drawing for printing (PDF, PostScript), not a picture.", _EXPORT,
         (".pdf", ".eps", ".epsf", ".epsi", ".ps", ".ai"), ((0, b"%PDF-"), (0, b"%!PS"), (0, b"\xc5\xd0\xd3\xc6")),
         picture=False),
    Kind("is a Windows metafile, a drawing that has no pixels.", _EXPORT, (".wmf", ".emf"),
         ((0, b"\xd7\xcd\xc6\x9a"), (40, b" EMF")), picture=False),
    Kind("is a film, not a picture.", "Save its frames as pictures first (ffmpeg does), and name their folder.",
         (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm",
          ".wmv"),
         ((4, b"ftypisom"), (4, b"ftypmp4"), (4, b"ftypqt  "), (4, b"ftypM4V"), (4, b"ftypavc1"), (4, b"ftyp3gp"),
          (8, b"AVI LIST"), (0, b"\x1aE\xdf\xa3"), (0, b"\0\0\1\xba"), (0, b"\0\0\1\xb3"), (0, b"OggS")), picture=False),
    Kind("is a medical picture (DICOM).", _EXPORT, (".dcm", ".dicom"), ((128, b"DICM"),)),
    Kind("is a scanned document (DjVu).", "Save its page as PNG or TIFF first.", (".djvu", ".djv"), ((0, b"AT&TFORM"),),
         picture=False),
    Kind("is a picture of a kind that is not read.", _EXPORT,
         (".bpg", ".ani", ".cin", ".dpx", ".flif", ".hdp", ".iff", ".jb2", ".jbig", ".jls", ".jxr", ".ktx", ".ktx2", ".lbm",
          ".mic", ".miff", ".pct", ".pict", ".vicar", ".wdp", ".xwd"),
         ((0, b"II\xbc\1"), (0, b"BPG\xfb"), (0, b"FLIF"), (0, b"SDPX"), (0, b"XPDS"), (0, b"\x80\x2a\x5f\xd7"))),
    _WEB_PAGE,
    Kind("is an archive, not a picture.", "Unpack it and name the pictures in it.",
         (".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar"),
         ((0, b"PK\3\4"), (0, b"\x1f\x8b"), (0, b"BZh"), (0, b"\xfd7zXZ"), (0, b"7z\xbc\xaf"), (0, b"Rar!")),
         picture=False),
)  # fmt: skip

#: What Pillow opens without being able to decode it alone, or as something other than a picture with pixels.
_NOT_BY_PILLOW = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MCIDAS", "MPEG", "WMF", "XVTHUMB"})
#: Endings of what this program's own readers read.
_OWN_ENDINGS = frozenset({
    ".exr", ".jxl", ".hdr", ".heic", ".heif", ".hif", ".avif", ".mpo", ".pam", ".pfm", ".btf", ".tf8", ".fts",
})  # fmt: skip
_HEAD = 256
#: Version 1; with 8 bits a channel, which its bytes 22 and 23 say, it is read.
_READABLE_PHOTOSHOP = b"8BPS\0\1"


@cache
def pillow_formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that it is left to read."""
    Image.init()
    return tuple(name for name in Image.ID if name not in _NOT_BY_PILLOW)


@cache
def _read_endings() -> frozenset[str]:
    formats = set(pillow_formats())
    return _OWN_ENDINGS | {ending for ending, name in Image.registered_extensions().items() if name in formats}


def reads(path: Path) -> bool:
    """Return whether the ending is one of a picture that is read."""
    return path.suffix.lower() in _read_endings()


def unread_picture(path: Path) -> str | None:
    """Return why a file is not read whose ending is that of a picture all the same, with what to do; else ``None``."""
    if reads(path):
        return None
    kind = _by_ending(path)
    return f"{path.name} {kind.is_what} {kind.remedy}" if kind is not None and kind.picture else None


def is_camera_raw(path: Path) -> bool:
    """Return whether the ending is a camera raw's."""
    return path.suffix.lower() in _CAMERA_RAW.endings


def begins_as_camera_raw(head: bytes) -> bool:
    """Return whether a file's first bytes (16 or more) are those of camera raw."""
    return _by_beginning(head) is _CAMERA_RAW


def camera_raw(path: Path) -> StyleError:
    """Return the error that refuses a camera raw file."""
    return _error(path, _CAMERA_RAW)


def error_about(path: Path) -> StyleError | None:
    """Return the error about a file that no reader took, if it is known what it is: by its first bytes, then its ending.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return StyleError("not-a-picture", f"{path} is empty.", "Get the file anew.")
    kind = _by_beginning(head) or _by_ending(path)
    return _error(path, kind) if kind else None


def _error(path: Path, kind: Kind) -> StyleError:
    return StyleError("not-a-picture", f"{path} {kind.is_what}", kind.remedy)


def _by_beginning(head: bytes) -> Kind | None:
    if head.startswith(_READABLE_PHOTOSHOP) and head[22:24] == b"\0\x08":
        return None
    return next((kind for kind in _KINDS if any(head.startswith(what, place) for place, what in kind.beginnings)), None)


def _by_ending(path: Path) -> Kind | None:
    name = path.name.lower()
    return next((kind for kind in _KINDS if name.endswith(kind.endings) and kind.endings), None)
