"""Scripts: the examples of docs/scripting.md as they stand there, and styles in every way a script can name them."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.gimp.cases.conftest import paint_style
from tests.gimp.common import REPOSITORY
from tests.gimp.session import GimpSession

pytestmark = pytest.mark.both_series  # GIMP's own Python and Scheme

JOB = 300  # seconds that a job may take on a busy machine
DOCUMENT = REPOSITORY / "docs" / "scripting.md"


def example(language: str, gimp: GimpSession) -> str:
    """The document's example in a language, with its paths turned to this test's folder."""
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(gimp.tmp / "photo.jpg")
    paint_style(gimp.tmp / "style.jpg")
    return found[1].replace("/path/to", str(gimp.tmp))


def check_painted(gimp: GimpSession) -> None:
    with Image.open(gimp.tmp / "painted.png") as painted:
        colours = painted.convert("RGB").getcolors(64 * 64)
    assert painted.size == (64, 64)
    assert any(max(colour) - min(colour) > 40 for _count, colour in colours)  # the photo was grey


def test_the_example_in_python(console: GimpSession) -> None:
    console.run(example("python", console), timeout=JOB)
    check_painted(console)


def test_the_example_in_script_fu(console: GimpSession) -> None:
    answer = console.run(
        "answer = call('plug-in-script-fu-eval', script=scheme)\nresult = [answer['status'], answer['message']]",
        scheme=example("scheme", console),
        timeout=JOB,
    )
    assert answer == ["SUCCESS", ""]
    check_painted(console)


SETTING = """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
other = new_image(80, 80)
noise = __import__("random").Random(1)
def coloured(channel):
    "A dark texture with one bright colour."
    pixels = bytearray(noise.randrange(60) for _ in range(80 * 80 * 4))
    pixels[channel::4] = bytes(noise.randrange(150, 256) for _ in range(80 * 80))
    pixels[3::4] = bytes([255]) * (80 * 80)
    return bytes(pixels)
red = new_layer(other, "red", 80, 80, coloured(0))
blue = new_layer(other, "blue", 80, 80, coloured(2))
quick["iterations"] = 15
def mean(layer):
    pixels = read(layer)
    return [sum(pixels[channel::4]) / (64 * 64) for channel in range(3)]
"""


def test_layers_selections_and_mixes_as_styles(console: GimpSession) -> None:
    answer = console.run(
        SETTING
        + """
def paint(**more):
    answer = stylise(image, [photo], style=None, strength=100.0, **more)
    return {"status": answer["status"], "message": answer["message"], "mean": mean(answer["made"][0]),
            "name": answer["made"][0].get_name()} if answer["made"] else told(answer)
result = {"red": paint(style_layer=red), "gallery": paint(styles=["wave-woodblock"])}
in_gimp = [f"layer {red.get_id()}", f"image {other.get_id()}"]
made = stylise(image, [photo], style=None, styles=[*in_gimp, "wave-woodblock"], style_layer=blue, style_weights="4 3 2 1")
known = json.loads(bytes(made["made"][0].get_parasite("neural-style").get_data()))
result["several"] = told(made) | {"styles": [[each["name"], each["weight"]] for each in known["styles"]]}
lost = stylise(image, [photo], style=None, styles=[f"layer {red.get_id()} in GIMP 1"])
assert "gone" in lost["message"], lost["message"]
other.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 40, 40)
blue.set_visible(False)
result["selection"] = paint(style_layer=blue, style_selection=True)
write(photo, bytes((20, 200, 20, 255)) * (32 * 64) + bytes((200, 200, 20, 255)) * (32 * 64))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 40, 64, 24)
own = stylise(image, [photo], style=None, style_layer=photo, style_selection=True)
result["own"] = told(own) | {"mask": own["made"][0].get_mask() is not None}
""",
        timeout=JOB,
    )
    assert all(case["status"] == "SUCCESS" for case in answer.values()), answer
    red, blue = answer["red"]["mean"], answer["selection"]["mean"]
    assert red[0] > red[2] + 15 and blue[2] > blue[0] + 15
    assert answer["red"]["name"] == "photo – red"
    assert answer["gallery"]["name"] == "photo – Wave woodblock"
    assert [weight for _name, weight in answer["several"]["styles"]] == [4, 3, 2, 1]
    assert [answer["several"]["styles"][place][0] for place in (0, 2, 3)] == ["red", "Wave woodblock", "blue"]
    assert not answer["own"]["mask"]  # the selection is the style, and limits nothing


def test_weights_decide_the_mix(console: GimpSession) -> None:
    answer = console.run(
        SETTING
        + """
def paint(weights):
    made = stylise(image, [photo], style=red_file, strength=100.0, style_layer=blue, style_weights=weights)["made"]
    return mean(made[0]) + [made[0].get_name()]
save(other, red_file)
result = [paint("9 1"), paint("1 9"), told(stylise(image, [photo], style=red_file, style_weights="1 2"))]
""".replace("save(other, red_file)", "blue.set_visible(False)\nsave(other, red_file)"),
        red_file=str(console.tmp / "only-red.png"),
        timeout=JOB,
    )
    mostly_red, mostly_blue, refused = answer
    assert mostly_red[0] > mostly_blue[0] + 5 and mostly_blue[2] > mostly_red[2] + 5
    assert mostly_red[3] == "photo – Only red + blue"
    assert refused["status"] == "EXECUTION_ERROR" and "weights “1 2”" in refused["message"]


@pytest.mark.parametrize("wrong", ["no-such-style", "/nowhere/picture.jpg"])
def test_unknown_styles_are_told(console: GimpSession, wrong: str) -> None:
    answer = console.run(
        SETTING + "result = told(stylise(image, [photo], style=None, styles=[wrong]))", wrong=wrong, timeout=JOB
    )
    assert answer["status"] == "EXECUTION_ERROR"
    assert wrong in answer["message"] and len(answer["layers"]) == 1


def test_a_layers_mask_says_how_strongly_each_place_is_painted(console: GimpSession) -> None:
    answer = console.run(
        """
image, other = new_image(64, 48), new_image(64, 48)
photo = new_layer(image, "photo", 64, 48, bytes((90, 130, 60, 255)) * (64 * 48))
mask = photo.create_mask(Gimp.AddMaskType.WHITE)
photo.add_mask(mask)
write(mask, bytes(x // 32 * 255 for _ in range(48) for x in range(64)), "Y u8")
made = stylise(image, [photo], strength_mask=mask, strength=80.0)["status"]
top = read(image.get_layers()[0])
def apart(columns):
    places = [4 * (64 * y + x) for y in range(48) for x in columns]
    return sum(abs(top[at] - 90) + abs(top[at + 1] - 130) + abs(top[at + 2] - 60) for at in places) / len(places)
strange = new_layer(other, "photo", 64, 48)
result = made, apart(range(24)), apart(range(40, 64)), stylise(other, [strange], strength_mask=mask)["message"]
""",
        timeout=JOB,
    )
    status, left, right, refused = answer
    assert status == "SUCCESS" and left < 6 and right > 20
    assert refused == "The mask for the strength is not in this image. Choose a channel or a layer mask of it."
