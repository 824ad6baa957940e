"""Small files of every format that is read, in its modes and depths, for what tries them changed or whole."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from stylecore.files import writing  # noqa: E402
from stylecore.files.pixels import colour_profiles  # noqa: E402

_HEIC = ROOT / "tests" / "stylecore" / "files" / "heic"
_HEIGHT, _WIDTH = 24, 32
_Y, _X = np.mgrid[0:_HEIGHT, 0:_WIDTH]
#: What all of them show: 8 bits, red, green, blue and alpha.
PIXELS = np.stack([_X * 8, _Y * 10, (_X + _Y) * 4, 255 - _X * 3], -1).astype(np.uint8)
DEEP = PIXELS.astype(np.uint16) * 257
_FLOATS = (PIXELS / np.float32(255)).astype(np.float32)
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@functools.cache
def all_of_them() -> dict[str, bytes]:
    """Return every sample by a name that begins with its format, e.g. ``'PNG 16-bit RGBA'``."""
    makers = (_own, _png, _jpeg, _tiff, _exr, _modern, _webp, _radiance, _pillow, _by_hand)
    return {name: data for make in makers for name, data in make()}


def _exif(orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8298] = orientation, "a sample", "nobody"
    return exif.tobytes()


def _images() -> Iterator[tuple[str, Image.Image]]:
    whole = Image.fromarray(PIXELS)
    for mode in ("RGB", "RGBA", "L", "LA", "1", "CMYK", "YCbCr"):
        yield mode, whole.convert(mode)
    yield "P", whole.convert("RGB").quantize(16)


def _own() -> Iterator[tuple[str, bytes]]:
    """What this program writes."""
    for form in writing.FORMATS:
        for depth in form.depths:
            for channels in (3, 4):
                data = writing.encode(f"a{form.endings[0]}", _FLOATS[..., :channels], depth=depth)
                kind = {"WEBP": "WebP", "JPEG2000": "JPEG 2000"}.get(form.kind, form.kind)
                yield f"{kind} own {depth}-bit {channels} channels", data


def png(samples: np.ndarray[Any, Any], *chunks: tuple[bytes, bytes], interlaced: bool = False) -> bytes:
    """Return a PNG of H × W or H × W × C uint8 or uint16, with these chunks before its pixels.

    An interlaced one has the pixels of its first pass only where it is no more than one pixel.
    """
    height, width = samples.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if samples.ndim == 2 else samples.shape[2]]
    deep = samples.dtype == np.uint16
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    packed = b""
    for left, top, across, down in passes if interlaced else ((0, 0, 1, 1),):
        part = samples[top::down, left::across]
        if part.size:
            packed += b"".join(b"\0" + row.astype(">u2" if deep else np.uint8).tobytes() for row in part)
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, colour, 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(packed)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(png_chunk, *zip(*parts, strict=True)))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk with its check sum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png() -> Iterator[tuple[str, bytes]]:
    for deep, samples in ((False, PIXELS), (True, DEEP)):
        for channels, name in enumerate(("grey", "grey+alpha", "RGB", "RGBA"), 1):
            part = samples[..., 0] if channels == 1 else samples[..., :channels]
            for interlaced in (False, True):
                kind = f"PNG {16 if deep else 8}-bit {name}{' interlaced' if interlaced else ''}"
                yield kind, png(part, interlaced=interlaced)
    for mode, image in _images():
        if mode in ("1", "P"):
            memory = io.BytesIO()
            image.save(memory, "PNG", **({"transparency": 3} if mode == "P" else {}))
            yield f"PNG {mode}", memory.getvalue()
    chunks = {
        "iCCP": b"x\0\0" + zlib.compress(colour_profiles.SRGB),
        "gAMA": struct.pack(">I", 100_000),
        "cHRM": struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000),
        "cICP": bytes([9, 16, 0, 1]),
        "zTXt": b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  8\n" + _exif().hex().encode()),
        "iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP,
        "eXIf": _exif().removeprefix(b"Exif\0\0"),
        "acTL": struct.pack(">II", 2, 0),
        "tRNS": struct.pack(">3H", 0, 0, 0),
    }
    for name, content in chunks.items():
        yield f"PNG {name}", png(PIXELS[..., :3], (name.encode(), content))
        yield f"PNG 16-bit {name}", png(DEEP[..., :3], (name.encode(), content))


def _jpeg() -> Iterator[tuple[str, bytes]]:
    for mode, image in _images():
        if mode in ("RGB", "L", "CMYK"):
            for progressive in (False, True):
                memory = io.BytesIO()
                image.save(
                    memory,
                    "JPEG",
                    quality=90,
                    progressive=progressive,
                    exif=_exif(),
                    xmp=_XMP,
                    icc_profile=colour_profiles.SRGB if mode == "RGB" else None,
                    restart_marker_rows=1,
                )
                yield f"JPEG {mode}{' progressive' if progressive else ''}", memory.getvalue()
    yield "JPEG 12-bit", bytes(imagecodecs.jpeg8_encode(DEEP[..., :3] >> 4, bitspersample=12))
    yield "JPEG 12-bit grey", bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(DEEP[..., 0] >> 4), bitspersample=12))
    for bits in (8, 14, 16):
        samples = np.ascontiguousarray(PIXELS[..., :3] if bits == 8 else DEEP[..., :3] >> (16 - bits))
        yield f"JPEG lossless {bits}-bit", bytes(imagecodecs.jpeg8_encode(samples, lossless=True, bitspersample=bits))
    memory = io.BytesIO()
    image = Image.fromarray(PIXELS[..., :3])
    image.save(memory, "MPO", save_all=True, append_images=[image])
    yield "JPEG MPO", memory.getvalue()


def _tiff() -> Iterator[tuple[str, bytes]]:
    kinds: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {
        "8-bit RGB": (PIXELS[..., :3], {"photometric": "rgb"}),
        "16-bit RGB": (DEEP[..., :3], {"photometric": "rgb", "compression": "lzw", "predictor": True}),
        "16-bit RGBA": (DEEP, {"photometric": "rgb", "extrasamples": ["assocalpha"], "compression": "zlib"}),
        "16-bit grey": (DEEP[..., 0], {"photometric": "minisblack", "tile": (16, 16), "compression": "zstd"}),
        "16-bit CMYK": (DEEP, {"photometric": "separated"}),
        "planar": (np.moveaxis(DEEP[..., :3], -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        "float": (_FLOATS[..., :3], {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        "half": (_FLOATS[..., :3].astype(np.float16), {"photometric": "rgb"}),
        "signed": (DEEP[..., 0].astype(np.int16), {"photometric": "minisblack"}),
        "32-bit": (DEEP[..., :3].astype(np.uint32), {"photometric": "rgb"}),
        "12-bit": (DEEP[..., 0] >> 4, {"photometric": "minisblack", "bitspersample": 12, "compression": "packints"}),
        "JPEG": (PIXELS[..., :3], {"photometric": "ycbcr", "compression": "jpeg"}),
        "pages": (np.stack([PIXELS[..., :3]] * 2), {"photometric": "rgb"}),
    }
    for name, (samples, options) in kinds.items():
        for big in (False, True) if name.startswith("16-bit RGB") else (False,):
            memory = io.BytesIO()
            with contextlib.suppress(ValueError, TypeError, NotImplementedError):  # what tifffile does not write
                tifffile.imwrite(
                    memory, np.ascontiguousarray(samples), bigtiff=big, iccprofile=colour_profiles.SRGB, **options
                )
                yield f"TIFF {name}{' big' if big else ''}", memory.getvalue()


def _exr() -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exr"
        for compression in ("NO", "ZIP", "PIZ", "RLE", "PXR24", "B44", "DWAA"):
            for kind in (np.float16, np.float32):
                header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
                OpenEXR.File(header, {"RGBA": _FLOATS.astype(kind)}).write(str(path))
                yield f"EXR {compression} {np.dtype(kind).name}", path.read_bytes()
        layer = {f"ViewLayer.Combined.{name}": np.ascontiguousarray(_FLOATS[..., i]) for i, name in enumerate("RGBA")}
        OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, layer).write(str(path))
        yield "EXR layer", path.read_bytes()


def _modern() -> Iterator[tuple[str, bytes]]:
    rgb, deep = np.ascontiguousarray(PIXELS[..., :3]), np.ascontiguousarray(DEEP[..., :3])
    for name, samples in (("8-bit", rgb), ("16-bit", deep), ("float", _FLOATS[..., :3]), ("RGBA", PIXELS)):
        for lossless in (False, True):
            encoded = imagecodecs.jpegxl_encode(np.ascontiguousarray(samples), lossless=lossless, usecontainer=lossless)
            yield f"JPEG XL {name}{' lossless' if lossless else ''}", bytes(encoded)
    yield "JPEG XL animation", bytes(imagecodecs.jpegxl_encode(np.stack([rgb, rgb]), photometric="rgb"))
    memory = io.BytesIO()
    Image.fromarray(rgb).save(memory, "JPEG", icc_profile=colour_profiles.SRGB)
    yield "JPEG XL of a JPEG", bytes(imagecodecs.jpegxl_encode_jpeg(memory.getvalue()))
    for bits in (8, 10, 12):
        for channels in (3, 4):
            samples = PIXELS[..., :channels] if bits == 8 else DEEP[..., :channels] >> (16 - bits)
            encoded = imagecodecs.avif_encode(np.ascontiguousarray(samples), level=80, speed=10, bitspersample=bits)
            yield f"AVIF {bits}-bit {channels} channels", bytes(encoded)
    memory = io.BytesIO()
    Image.fromarray(rgb).save(memory, "AVIF", exif=_exif(), xmp=_XMP, icc_profile=colour_profiles.SRGB, speed=10)
    yield "AVIF turned", memory.getvalue()
    for bits in (8, 12, 16):
        for ending in ("jp2", "j2k"):
            samples = rgb if bits == 8 else deep >> (16 - bits)
            yield (
                f"JPEG 2000 {bits}-bit {ending}",
                bytes(imagecodecs.jpeg2k_encode(samples, level=0, codecformat=ending, bitspersample=bits)),
            )
    for path in sorted(_HEIC.glob("*.heic")):
        yield f"HEIC {path.stem}", path.read_bytes()


def _webp() -> Iterator[tuple[str, bytes]]:
    for mode, image in _images():
        if mode in ("RGB", "RGBA"):
            for lossless in (False, True):
                memory = io.BytesIO()
                image.save(memory, "WEBP", lossless=lossless, exif=_exif(), xmp=_XMP, icc_profile=colour_profiles.SRGB)
                yield f"WebP {mode}{' lossless' if lossless else ''}", memory.getvalue()
    memory = io.BytesIO()
    image.save(memory, "WEBP", save_all=True, append_images=[image.rotate(180)])
    yield "WebP animation", memory.getvalue()


def _radiance() -> Iterator[tuple[str, bytes]]:
    encoded = bytes(imagecodecs.rgbe_encode(np.ascontiguousarray(_FLOATS[..., :3])))
    yield "HDR", encoded
    header, _, body = encoded.partition(f"-Y {_HEIGHT} +X {_WIDTH}\n".encode())
    yield "HDR turned", header + f"+X {_HEIGHT} -Y {_WIDTH}\n".encode() + body
    older = b"\x80\x40\x20\x80\x01\x01\x01\xff" * (_HEIGHT * _WIDTH // 256)
    yield "HDR older", header + f"-Y {_HEIGHT} +X {_WIDTH}\n".encode() + older


def _pillow() -> Iterator[tuple[str, bytes]]:
    """What Pillow both writes and reads, in the modes that it takes."""
    Image.init()
    for kind in sorted(set(Image.SAVE) & set(Image.OPEN) - {"PNG", "JPEG", "MPO", "TIFF", "WEBP", "AVIF", "JPEG2000"}):
        for mode, image in _images():
            memory = io.BytesIO()
            with contextlib.suppress(OSError, ValueError, KeyError, AttributeError, TypeError):  # which it does not take
                image.save(memory, kind)
                yield f"{kind} {mode}", memory.getvalue()
    memory = io.BytesIO()
    image.save(memory, "GIF", save_all=True, append_images=[image.rotate(180)])
    yield "GIF animation", memory.getvalue()
    yield "QOI", bytes(imagecodecs.qoi_encode(np.ascontiguousarray(PIXELS[..., :3])))


def _by_hand() -> Iterator[tuple[str, bytes]]:
    size = struct.pack(">HIIHH", 3, _HEIGHT, _WIDTH, 8, 3)
    planes = np.moveaxis(PIXELS[..., :3], -1, 0).tobytes()
    yield "PSD", b"8BPS" + struct.pack(">H", 1) + bytes(6) + size + bytes(12) + struct.pack(">H", 0) + planes
    cards = [
        f"SIMPLE  = {'T':>20}",
        f"BITPIX  = {-32:>20}",
        f"NAXIS   = {2:>20}",
        f"NAXIS1  = {_WIDTH:>20}",
        f"NAXIS2  = {_HEIGHT:>20}",
        "END",
    ]
    head = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    body = _FLOATS[..., 0].astype(">f4").tobytes()
    yield "FITS", head + body + bytes(-len(body) % 2880)
    yield "PFM", f"PF\n{_WIDTH} {_HEIGHT}\n-1.0\n".encode() + _FLOATS[..., :3].tobytes()
    yield "PPM 16-bit", f"P6\n{_WIDTH} {_HEIGHT}\n65535\n".encode() + DEEP[..., :3].astype(">u2").tobytes()
    pam = f"P7\nWIDTH {_WIDTH}\nHEIGHT {_HEIGHT}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    yield "PAM", pam.encode() + PIXELS.tobytes()
    lines = [
        f'"{_WIDTH} {_HEIGHT} 2 1",',
        '"a c #ff0000",',
        '"b c None",',
        *(f'"{"ab" * (_WIDTH // 2)}",' for _ in range(_HEIGHT)),
    ]
    yield "XPM", ("/* XPM */\nstatic char *a[] = {\n" + "\n".join(lines) + "\n};\n").encode()
