"""OpenEXR as renderers, compositors and cameras write it: windows, layers, parts, types and what cannot be a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.files.pixels import colour_profiles
from tests.stylecore.files.exr_bytes import scan_lines, with_smaller_copies

LIGHT = np.random.default_rng(5).random((20, 30, 4)).astype(np.float32) * np.float32(0.8) + np.float32(0.1)
ZIP = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
REC_709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)


def layer(
    prefix: str = "", light: np.ndarray = LIGHT, names: str = "RGB", kind: type = np.float32
) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": np.ascontiguousarray(light[..., i], kind) for i, name in enumerate(names)}


def write(path: Path, channels: dict[str, np.ndarray], **header: object) -> Path:
    OpenEXR.File({**ZIP, **header}, channels).write(str(path))
    return path


def linear(picture: pictures.Picture) -> np.ndarray:
    return colour_profiles.decode_srgb(picture.pixels[..., :3])


def refused(path: Path) -> StyleError:
    with pytest.raises(StyleError) as caught:
        pictures.load(path)
    assert caught.value.code == "not-a-picture" and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("window", "place"),
    [
        (((10, 5), (39, 24)), (5, 10)),  # within
        (((-3, 0), (26, 19)), (0, -3)),  # beyond the left
        (((-4, -2), (25, 17)), (-2, -4)),
        (((30, 20), (59, 39)), (20, 30)),  # beyond the right and the bottom
    ],
)
def test_the_picture_lies_where_its_window_is(window: tuple, place: tuple[int, int], tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", layer(), dataWindow=window, displayWindow=((0, 0), (47, 29)))
    picture = pictures.load(path)
    expected = np.zeros((30, 48, 3), np.float32)
    seen = np.zeros((30, 48), bool)
    for y in range(20):
        for x in range(30):
            if 0 <= y + place[0] < 30 and 0 <= x + place[1] < 48:
                expected[y + place[0], x + place[1]] = LIGHT[y, x, :3]
                seen[y + place[0], x + place[1]] = True
    assert picture.pixels.shape == (30, 48, 4)
    assert np.array_equal(picture.pixels[..., 3] == 1, seen) and not picture.pixels[~seen].any()
    assert np.abs(linear(picture)[seen] - expected[seen]).max() < 1e-5
    assert any("cut off" in note for note in picture.notes) == (seen.sum() != 600)
    writing.save(tmp_path / "b.exr", picture.pixels)
    assert np.abs(pictures.load(tmp_path / "b.exr").pixels - picture.pixels).max() < 1e-5


def test_overscan_is_cut_off_and_a_frame_that_does_not_begin_at_nought_is_its_own_corner(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", layer(), dataWindow=((95, 45), (124, 64)), displayWindow=((100, 50), (109, 54)))
    picture = pictures.load(path)
    assert picture.pixels.shape == (5, 10, 3)
    assert np.abs(linear(picture) - LIGHT[5:10, 5:15, :3]).max() < 1e-5
    assert picture.notes == ("a.exr goes beyond its frame (its display window); what lies outside was cut off.",)
    outside = write(tmp_path / "b.exr", layer(), dataWindow=((100, 0), (129, 19)), displayWindow=((0, 0), (29, 19)))
    assert "outside" in refused(outside).sentence


@pytest.mark.parametrize(
    ("others", "taken", "told"),
    [
        ([], "ViewLayer.Combined", False),
        (["ViewLayer.AO", "ViewLayer.DiffCol"], "ViewLayer.Combined", True),
        (["albedo", "spec"], "beauty", True),
        (["zebra"], "left", True),
        (["rgba.aux"], "rgba", True),
        (["diffuse", "right"], "", False),
    ],
)
def test_the_layer_of_the_whole_picture(others: list[str], taken: str, told: bool, tmp_path: Path) -> None:
    channels = layer(f"{taken}." if taken else "", names="RGBA", light=np.concatenate([LIGHT[..., :3], LIGHT[..., 3:]], 2))
    for name in others:
        channels.update(layer(f"{name}.", light=1 - LIGHT))
    channels.update(
        {"Depth.Z": LIGHT[..., 0], "Normal.X": LIGHT[..., 0], "Normal.Y": LIGHT[..., 1], "Normal.Z": LIGHT[..., 2]}
    )
    picture = pictures.load(write(tmp_path / "a.exr", channels))
    assert np.abs(linear(picture) * picture.pixels[..., 3:] - LIGHT[..., :3].clip(0, LIGHT[..., 3:])).max() < 1e-5
    assert np.abs(picture.pixels[..., 3] - LIGHT[..., 3]).max() < 1e-6
    assert [f"“{taken}” is painted" in note for note in picture.notes] == [True] * told


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ([("depth", {"Z": LIGHT[..., 0]}), ("main", layer())], 1),
        ([("mask", {"Y": LIGHT[..., 0]}), ("right", layer(kind=np.float16)), ("left", layer(light=1 - LIGHT))], 1),
        ([("diffuse", layer(light=1 - LIGHT)), ("ViewLayer.Combined", layer("ViewLayer.Combined."))], 1),
        ([("beauty", layer()), ("spec", layer(light=1 - LIGHT))], 0),
    ],
)
def test_the_part_that_has_the_colours(parts: list[tuple[str, dict[str, np.ndarray]]], taken: int, tmp_path: Path) -> None:
    OpenEXR.File([OpenEXR.Part(dict(ZIP), channels, name=name) for name, channels in parts]).write(str(tmp_path / "a.exr"))
    picture = pictures.load(tmp_path / "a.exr")
    assert np.abs(linear(picture) - LIGHT[..., :3]).max() < 1e-3
    colours = sum(len(channels) == 3 for _, channels in parts)
    assert picture.notes == (
        (f"a.exr has {colours} layers of color; “{parts[taken][0]}” is painted.",) if colours > 1 else ()
    )


def test_luminance_and_chroma_of_half_the_size(tmp_path: Path) -> None:
    even = np.repeat(np.repeat(LIGHT[:10, :15, :3], 2, 0), 2, 1)
    y = even @ colour_profiles.luminance(REC_709).astype(np.float32)
    channels = {"Y": (y, 1), "RY": ((even[..., 0] - y) / y, 1), "BY": ((even[..., 2] - y) / y, 1)}
    (tmp_path / "whole.exr").write_bytes(scan_lines(channels, (20, 30)))
    assert np.abs(linear(pictures.load(tmp_path / "whole.exr")) - even).max() < 1e-5
    flat = np.full((20, 30, 3), (0.7, 0.3, 0.1), np.float32)
    y = flat @ colour_profiles.luminance(REC_709).astype(np.float32)
    halves = {name: (((flat[..., i] - y) / y)[::2, ::2].astype(np.float16), 2) for name, i in (("RY", 0), ("BY", 2))}
    (tmp_path / "half.exr").write_bytes(scan_lines({"Y": (y.astype(np.float16), 1), **halves}, (20, 30)))
    picture = pictures.load(tmp_path / "half.exr")
    assert picture.depth == 16 and np.abs(linear(picture) - flat).max() < 1e-3
    steps = {name: (np.ascontiguousarray(LIGHT[::2, ::2, i]), 2) for i, name in enumerate("RGB")}
    (tmp_path / "small.exr").write_bytes(scan_lines({"Z": (LIGHT[..., 0].copy(), 1), **steps}, (20, 30)))
    assert "different sizes" in refused(tmp_path / "small.exr").sentence


@pytest.mark.parametrize("compression", ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB"])
def test_every_compression_and_mixed_types(compression: str, tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0.1, 0.9, 30, dtype=np.float32)[None, :, None], (20, 1, 4))
    channels = {**layer(light=smooth, names="RG"), **{"B": smooth[..., 2].astype(np.float16)}}
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION")}
    picture = pictures.load(write(tmp_path / "a.exr", channels, **header))
    assert picture.depth == 32 and np.abs(linear(picture) - smooth[..., :3]).max() < 0.02


def test_tiles_and_their_smaller_copies(tmp_path: Path) -> None:
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    path = write(tmp_path / "a.exr", layer(), type=OpenEXR.tiledimage, tiles=tiles)
    assert np.abs(linear(pictures.load(path)) - LIGHT[..., :3]).max() < 1e-5
    (tmp_path / "b.exr").write_bytes(with_smaller_copies(layer()))
    assert np.abs(linear(pictures.load(tmp_path / "b.exr")) - LIGHT[..., :3]).max() < 1e-5


@pytest.mark.parametrize(("most", "kind"), [(255, np.uint32), (65535, np.uint32), (255, np.float32), (255, np.float16)])
def test_whole_numbers_are_those_of_eight_or_sixteen_bits(most: int, kind: type, tmp_path: Path) -> None:
    numbers = (LIGHT * most).round()
    numbers[0, 0] = most
    picture = pictures.load(write(tmp_path / "a.exr", layer(light=numbers, kind=kind)))
    assert np.abs(picture.pixels - numbers[..., :3] / most).max() < 1e-4
    assert picture.notes == (f"a.exr does not say which number is white; {most:,} was taken.",)


def test_integers_of_all_32_bits_are_light_as_in_gimp(tmp_path: Path) -> None:
    numbers = (LIGHT.astype(np.float64) * (2**32 - 1)).astype(np.uint32)
    picture = pictures.load(write(tmp_path / "a.exr", layer(light=numbers, kind=np.uint32)))
    assert not picture.notes and np.abs(linear(picture) - LIGHT[..., :3]).max() < 1e-5


def test_openexr_is_light_and_may_be_brighter_than_white(tmp_path: Path) -> None:
    light = np.full((20, 30, 3), 0.18, np.float32)
    light[0, 0] = (7.0, np.nan, -1.0)
    picture = pictures.load(write(tmp_path / "a.exr", {"RGB": light.astype(np.float16)}))
    assert picture.depth == 16
    assert picture.pixels[5, 5] == pytest.approx(0.4613, abs=1e-3)
    assert picture.pixels[0, 0].tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    aces = {"chromaticities": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)}
    write(tmp_path / "b.exr", {"RGB": np.full((20, 20, 3), 0.18, np.float32)}, **aces)
    assert np.abs(pictures.load(tmp_path / "b.exr").pixels - 0.4613).max() < 1e-3  # a neutral stays neutral


def test_bright_light_is_light(tmp_path: Path) -> None:
    """A sun of 60,000 in a day of halves; and what is bright all over is told, or refused where nothing would be left."""
    day = LIGHT.copy()
    day[3:5, 4:6, :3] = 60_000
    picture = pictures.load(write(tmp_path / "day.exr", layer(light=day, kind=np.float16)))
    assert not picture.notes and np.abs(linear(picture)[8:] - LIGHT[8:, :, :3]).max() < 1e-3
    snow = write(tmp_path / "snow.exr", layer(light=LIGHT * 2.5))
    assert pictures.load(snow).notes == ("More than half of snow.exr is brighter than white, and was cut off there.",)
    for name, light in (("bright", LIGHT * 40), ("candela", LIGHT * 3000), ("normals", LIGHT * 2 - 1)):
        error = refused(write(tmp_path / f"{name}.exr", layer(light=light)))
        assert "does not say which is white" in error.sentence


def test_what_is_no_picture_is_said_in_words(tmp_path: Path) -> None:
    deep = np.empty((20, 30), object)
    for place in np.ndindex(20, 30):
        deep[place] = np.array([1.0, 0.5], np.float32)
    zips = {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}
    OpenEXR.File(zips, {name: deep for name in "RGB"}).write(str(tmp_path / "deep.exr"))
    assert "several samples in a pixel" in refused(tmp_path / "deep.exr").sentence
    depths = write(tmp_path / "z.exr", {"Depth.Z": LIGHT[..., 0].copy()})  # but one channel alone is one of grey
    assert np.abs(linear(pictures.load(depths)) - LIGHT[..., :1]).max() < 1e-5
    normals = write(tmp_path / "n.exr", {f"N.{axis}": LIGHT[..., i].copy() for i, axis in enumerate("XYZ")})
    assert "N.X, N.Y, N.Z" in refused(normals).sentence


def test_a_damaged_file_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    OpenEXR.File(
        [OpenEXR.Part(dict(ZIP), {"Z": LIGHT[..., 0].copy()}, name="z"), OpenEXR.Part(dict(ZIP), layer(), name="c")]
    ).write(str(tmp_path / "parts.exr"))
    for path in (write(tmp_path / "one.exr", layer()), tmp_path / "parts.exr"):
        data = path.read_bytes()
        for share in (0.02, 0.3, 0.9):
            path.write_bytes(data[: int(len(data) * share)])
            refused(path)
    assert capfd.readouterr() == ("", "")
