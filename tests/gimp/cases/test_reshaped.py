"""An image or a layer that gets another shape while it is painted: the result is brought through the same change."""

from __future__ import annotations

import time

import pytest

from tests.gimp.cases.driving import eventually
from tests.gimp.cases.working import dismiss_message, finish, nothing_breaks, painting_again, start_painting, stop_and_keep
from tests.gimp.session import GimpSession

#: The photo nearly as it is, so that a result shows where it belongs.
FAINT = {"strength": 1, "colours": "photo", "colours_amount": 100}

#: The mean difference of two layers' pixels where both are, in levels of 255.
COMPARE = """
def pixels_of(layer):
    flat = Gimp.Image.new(layer.get_width(), layer.get_height(), Gimp.ImageBaseType.RGB)
    copy = Gimp.Layer.new_from_drawable(layer, flat)
    flat.insert_layer(copy, None, 0)
    data = read(copy, "R'G'B' u8")
    flat.delete()
    return data

def differ(one, other):
    if one.get_width() != other.get_width() or one.get_height() != other.get_height():
        return 255.0
    a, b = pixels_of(one), pixels_of(other)
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)

def placed(layer):
    return [layer.get_width(), layer.get_height(), *layer.get_offsets()[1:]]

live = [each for each in image.get_layers() if each.get_name().endswith("(painting)")]
made = [each for each in image.get_layers() if each.get_name() not in ("photo", "notes")]
result = {"live": len(live), "differ": differ(made[0], photo) if made else 255.0,
          "places": [placed(each) for each in (*made, photo)], "layers": len(image.get_layers())}
"""

CHANGES = {
    "image scaled": "image.scale(80, 60)",
    "image cropped": "image.crop(90, 70, 50, 30)",
    "image turned and mirrored": """
image.rotate(Gimp.RotationType.DEGREES90)
image.flip(Gimp.OrientationType.VERTICAL)
""",
    "layer scaled and mirrored": """
photo.scale(120, 60, False)
photo.transform_flip_simple(Gimp.OrientationType.HORIZONTAL, True, 0)
photo.set_offsets(7, 9)
""",
    "layer enlarged": "photo.resize(200, 150, 20, 10)",
}


def change(gimp: GimpSession, code: str) -> None:
    """Do it step by step: a group could be begun just while the plug-in keeps a frame out of the history."""
    gimp.run(f"{code}\nGimp.displays_flush()")


#: In GIMP 3.0 these two, of the most calls; scaling an image there is what a result that is updated follows, below.
BOTH = ("image turned and mirrored", "layer scaled and mirrored")


@pytest.mark.parametrize("done", [pytest.param(each, marks=[pytest.mark.both_series] * (each in BOTH)) for each in CHANGES])
def test_the_result_follows(opened: GimpSession, done: str) -> None:
    gimp = opened
    with nothing_breaks(gimp):
        start_painting(gimp, **FAINT)
        change(gimp, CHANGES[done])
        time.sleep(3)  # the live layer is exchanged for one of that shape, and one that goes is not to be asked anything
        # The canvas shows it so meanwhile,
        until = lambda _now: gimp.run(COMPARE)["differ"] < 12  # noqa: E731
        eventually(gimp, until, 15)
        shown = gimp.run(COMPARE)
        gimp.display.screenshot(f"reshaped-{done.replace(' ', '-')}")
        assert shown["live"] == 1 and shown["differ"] < 12, shown
        # and the result is so.
        stop_and_keep(gimp)
        result = gimp.run(COMPARE)
        assert result["live"] == 0 and result["differ"] < 12 and result["layers"] == 2, result
        assert result["places"][0] == result["places"][1]
        # One step for the result, one for the change.
        gimp.activate_image()
        gimp.display.key("ctrl+z")
        assert len(eventually(gimp, lambda now: len(now["layers"]) == 1)["layers"]) == 1
        gimp.display.key(*["ctrl+z"] * len(CHANGES[done].strip().splitlines()))
        was = eventually(gimp, lambda now: (now["layers"][0]["width"], now["layers"][0]["height"]) == (160, 120))
        assert (was["layers"][0]["width"], was["layers"][0]["height"]) == (160, 120) and len(was["layers"]) == 1


def test_a_shape_that_cannot_be_followed_is_told(opened: GimpSession) -> None:
    gimp = opened
    with nothing_breaks(gimp):
        start_painting(gimp, **FAINT)
        before = gimp.run("result = read(photo).hex()")
        change(gimp, "photo.transform_rotate(0.4, True, 0, 0)\nphoto.set_offsets(30, 40)")
        finish(gimp)
        dismiss_message(gimp)
        result = gimp.run(COMPARE)
        assert result["live"] == 0 and result["places"][0] == [160, 120, 0, 0] != result["places"][1]
        looks = bytes.fromhex(gimp.run("result = read(made[0]).hex()"))
        was = bytes.fromhex(before)
        assert sum(abs(one - other) for one, other in zip(looks, was, strict=True)) / len(was) < 12


@pytest.mark.both_series
def test_a_result_that_is_updated_follows_too(opened: GimpSession) -> None:
    gimp = opened
    with painting_again(gimp):
        change(gimp, "image.scale(80, 60)\nimage.flip(Gimp.OrientationType.HORIZONTAL)")
        finish(gimp)
        after = gimp.run("result = layers(image)")
        assert [layer["name"] for layer in after] == ["mine", "photo"]
        assert {(layer["width"], layer["height"]) for layer in after} == {(80, 60)}
        assert gimp.run(COMPARE)["differ"] < 12
        assert not gimp.display.find_windows("GIMP Message")
