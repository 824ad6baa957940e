"""Bitmaps, icons, animations and numbers, as Pillow reads them and as other programs write them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures

RGB = np.stack([*np.meshgrid(np.arange(20) * 12, np.arange(15) * 16), np.full((15, 20), 77)], -1).astype(np.uint8)
ALPHA = np.tile(np.arange(20, dtype=np.uint8) * 13, (15, 1))


def bitmap(alpha: np.ndarray | int, header: int, compression: int, masks: tuple[int, ...]) -> bytes:
    """Return a BMP of 32 bits: ``header`` bytes after the first 14, rows from below."""
    pixels = np.dstack([RGB[..., ::-1], np.broadcast_to(np.uint8(alpha), RGB.shape[:2])])[::-1]
    info = struct.pack("<IiiHHIIiiII", header, 20, 15, 1, 32, compression, pixels.nbytes, 2835, 2835, 0, 0)
    info += struct.pack(f"<{len(masks)}I", *masks)
    info = info.ljust(header if header > 40 else len(info), b"\0")
    return struct.pack("<2sIHHI", b"BM", 14 + len(info) + pixels.nbytes, 0, 0, 14 + len(info)) + info + pixels.tobytes()


BGR, BGRA = (0xFF0000, 0xFF00, 0xFF), (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
LAYOUTS = [
    (40, 0, ()),
    (40, 3, BGR),
    (52, 3, BGR),
    (56, 3, BGRA),
    (108, 3, BGRA),
    (124, 3, BGRA),
    (108, 0, ()),
    (124, 0, ()),
]


@pytest.mark.parametrize(("header", "compression", "masks"), LAYOUTS)
def test_bitmaps_of_32_bits_whose_fourth_byte_is_unused_are_opaque(
    header: int, compression: int, masks: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "a.bmp").write_bytes(bitmap(0, header, compression, masks))
    assert np.array_equal(pictures.load(tmp_path / "a.bmp").pixels, RGB / np.float32(255))
    (tmp_path / "b.bmp").write_bytes(bitmap(ALPHA, header, compression, masks))
    pixels = pictures.load(tmp_path / "b.bmp").pixels
    assert pixels.shape[2] == (4 if len(masks) == 4 else 3)
    if len(masks) == 4:
        assert np.array_equal(pixels[..., 3], ALPHA / np.float32(255))


@pytest.mark.parametrize("attributes", [0, 8])
@pytest.mark.parametrize("grey", [False, True])
def test_targa_whose_last_byte_is_unused_is_opaque(attributes: int, grey: bool, tmp_path: Path) -> None:
    """A program that says there is no transparency, but fills it, means it: GIMP takes it."""
    colour = RGB[..., :1] if grey else RGB[..., ::-1]
    bits = 16 if grey else 32
    header = struct.pack("<BBB5xHHHHBB", 0, 0, 3 if grey else 2, 0, 0, 20, 15, bits, 0x20 | attributes)
    for name, alpha in (("unused", np.zeros_like(ALPHA)), ("used", ALPHA)):
        (tmp_path / f"{name}.tga").write_bytes(header + np.dstack([colour, alpha]).tobytes())
    expected = np.repeat(RGB[..., :1], 3, 2) if grey else RGB
    assert np.array_equal(pictures.load(tmp_path / "unused.tga").pixels, expected / np.float32(255))
    used = pictures.load(tmp_path / "used.tga").pixels
    assert np.array_equal(used, np.dstack([expected, ALPHA]) / np.float32(255))


def png(side: int, colour: str) -> bytes:
    memory = io.BytesIO()
    Image.new("RGBA", (side, side), colour).save(memory, "PNG")
    return memory.getvalue()


def icon_bitmap(side: int, bits: int, blue_green_red: tuple[int, int, int]) -> bytes:
    """Return an icon's bitmap of one colour; of 32 bits it is half transparent."""
    head = struct.pack("<IiiHHIIiiII", 40, side, side * 2, 1, bits, 0, 0, 0, 0, 0, 0)
    mask = bytes(-(-side // 32) * 4 * side)
    if bits == 32:
        return head + bytes((*blue_green_red, 128)) * side * side + mask
    return head + (bytes(blue_green_red) * side).ljust(-(-3 * side // 4) * 4, b"\0") * side + mask


def icon(kind: int, frames: list[tuple[int, int, bytes]]) -> bytes:
    place, entries, data = 6 + 16 * len(frames), b"", b""
    for side, bits, frame in frames:
        fourth = (3, 4) if kind == 2 else (1, bits)  # a cursor has its hot spot there
        entries += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, *fourth, len(frame), place + len(data))
        data += frame
    return struct.pack("<HHH", 0, kind, len(frames)) + entries + data


@pytest.mark.parametrize("kind", [1, 2])
def test_icons_and_cursors_are_read_at_their_largest(kind: int, tmp_path: Path) -> None:
    path = tmp_path / f"a.{'ico' if kind == 1 else 'cur'}"
    small, plain, full = icon_bitmap(16, 32, (9, 9, 9)), icon_bitmap(48, 24, (0, 0, 255)), icon_bitmap(48, 32, (0, 255, 0))
    for frames in ([(16, 32, small), (48, 24, plain), (48, 32, full)], [(48, 32, full), (48, 24, plain), (16, 32, small)]):
        path.write_bytes(icon(kind, frames))
        pixels = pictures.load(path).pixels
        assert pixels.shape == (48, 48, 4) and pixels[5, 5].tolist() == pytest.approx([0, 1, 0, 128 / 255])
    path.write_bytes(icon(kind, [(32, 32, png(32, "blue")), (256, 32, png(256, "lime")), (16, 32, small)]))
    assert pictures.load(path).pixels.shape == (256, 256, 4)
    for cut in (3, 8, 25, 60):
        path.write_bytes(icon(kind, [(16, 32, small)])[:cut])
        with pytest.raises(StyleError):
            pictures.load(path)


def test_apple_icons_are_read_at_their_largest(tmp_path: Path) -> None:
    Image.new("RGBA", (512, 512), "lime").save(tmp_path / "a.icns")
    assert pictures.load(tmp_path / "a.icns").width == 1024  # the size of Pillow's largest


@pytest.mark.parametrize(("ending", "what"), [("gif", "frames"), ("webp", "frames"), ("dcx", "pages")])
def test_further_frames_are_told(ending: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    if ending == "dcx":
        data, places = b"", []
        for frame in frames:
            memory = io.BytesIO()
            frame.save(memory, "PCX")
            places.append(4 + 4 * 4 + len(data))
            data += memory.getvalue()
        path.write_bytes(struct.pack("<5I", 0x3ADE68B1, *places, 0) + data)
    else:
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    picture = pictures.load(path)
    assert picture.pixels[5, 5].tolist() == [1, 0, 0]
    assert picture.notes == (f"a.{ending} has 3 {what}; the first is painted.",)


def test_a_phone_s_further_pictures_and_a_damaged_end_are_no_matter(tmp_path: Path) -> None:
    """The same once more, smaller or as a depth map, in MPO; and an animation of which the first frame is whole."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.mpo", save_all=True, append_images=frames[1:], quality=95)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.mpo").read_bytes())
    for name in ("a.mpo", "a.jpg"):
        picture = pictures.load(tmp_path / name)
        assert picture.pixels[5, 5] == pytest.approx([1, 0, 0], abs=0.02) and not picture.notes
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "a.gif").write_bytes((tmp_path / "a.gif").read_bytes()[:-25])
    assert pictures.load(tmp_path / "a.gif").pixels[5, 5].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("ending", "kind"), [("im", np.float32), ("im", np.int32), ("spider", np.float32)])
def test_numbers_beyond_white(ending: str, kind: type, tmp_path: Path) -> None:
    """Of 255 in fractions or whole numbers; SPIDER's are measurements, from the least to the largest."""
    grey = RGB[..., 1].astype(kind)
    grey[0, 0] = 255
    Image.fromarray(grey).save(tmp_path / f"a.{ending}", ending.upper())
    picture = pictures.load(tmp_path / f"a.{ending}")
    assert np.abs(picture.pixels - grey[..., None] / 255).max() < 1e-6 and len(picture.notes) == 1


def test_a_photoshop_file_without_its_flattened_picture_is_refused(tmp_path: Path) -> None:
    for merged in (0, 1):
        resource = b"8BIM" + struct.pack(">HHI", 0x0421, 0, 5) + struct.pack(">IB", 1, merged) + b"\0"
        head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 15, 20, 8, 3)
        body = struct.pack(">II", 0, len(resource)) + resource + bytes(4)
        (tmp_path / "a.psd").write_bytes(head + body + bytes(2) + np.moveaxis(RGB, -1, 0).tobytes())
        if merged:
            assert np.array_equal(pictures.load(tmp_path / "a.psd").pixels, RGB / np.float32(255))
        else:
            with pytest.raises(StyleError, match="only layers"):
                pictures.load(tmp_path / "a.psd")


def test_a_photoshop_file_in_lab(tmp_path: Path) -> None:
    """Neutral is 128 there."""
    planes = np.stack([np.full((15, 20), level, np.uint8) for level in (128, 128, 168)])
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 15, 20, 8, 9)
    (tmp_path / "a.psd").write_bytes(head + bytes(12) + bytes(2) + planes.tobytes())
    red, green, blue = pictures.load(tmp_path / "a.psd").pixels[4, 4].tolist()  # L* 50, b* 40: a dull yellow
    assert (red, green, blue) == pytest.approx((0.529, 0.460, 0.198), abs=0.02)
