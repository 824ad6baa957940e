"""What the filter makes of all kinds of images and layers, called without a dialog."""

from __future__ import annotations

import pytest

from tests.gimp.session import GimpSession

pytestmark = pytest.mark.both_series  # layers and their pixels are what libgimp hands out

JOB = 300  # seconds that a job may take on a busy machine


def test_registered_in_the_menu_with_every_setting(console: GimpSession) -> None:
    from stylecore.settings import SETTINGS

    found = console.run(
        """
procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
result = {
    "menu": procedure.get_menu_paths(), "label": procedure.get_menu_label(), "types": procedure.get_image_types(),
    "arguments": [argument.get_name() for argument in procedure.get_arguments()],
    "returns": [value.get_name() for value in procedure.get_return_values()],
}
"""
    )
    assert found["menu"] == ["<Image>/Filters/Artistic"]
    assert found["label"] == "_Neural Style…"
    assert found["types"] == "*"
    for setting in SETTINGS:
        assert setting.name.replace("_", "-") in found["arguments"]
    assert "style" in found["arguments"]
    assert found["returns"] == ["result"]


@pytest.mark.parametrize("alpha", [False, True], ids=["rgb", "rgba"])
def test_colour_image(console: GimpSession, alpha: bool) -> None:
    answer = console.run(
        """
image = new_image(96, 72)
photo = new_layer(image, "photo", 96, 72, alpha=alpha)
before = read(photo)
answer = stylise(image, [photo])
new = image.get_layers()[0]
result = told(answer) | {
    "returned": [value.get_id() for value in answer["made"]], "source kept": read(photo) == before,
    "changed": read(new) != before, "selected": [layer.get_name() for layer in image.get_selected_layers()],
    "memory": json.loads(bytes(new.get_parasite("neural-style").get_data())) if answer["status"] == "SUCCESS" else None,
    "tattoo": photo.get_tattoo(),
}
""",
        timeout=JOB,
        alpha=alpha,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    new, photo = answer["layers"]
    assert new["name"] == "photo – Red stripes"
    assert (new["x"], new["y"], new["width"], new["height"], new["mask"]) == (0, 0, 96, 72, False)
    assert answer["returned"] == [new["id"]]
    assert photo["name"] == "photo" and answer["source kept"] and answer["changed"]
    assert answer["selected"] == ["photo"]
    assert answer["memory"]["settings"]["quality"] == "draft"
    assert [style["name"] for style in answer["memory"]["styles"]] == ["Red stripes"]
    assert answer["memory"]["source"]["tattoo"] == answer["tattoo"]


@pytest.mark.parametrize("base", ["GRAY", "INDEXED"])
@pytest.mark.parametrize("consent", [False, True], ids=["kept", "converted"])
def test_grey_and_indexed_images_are_converted_only_with_consent(console: GimpSession, base: str, consent: bool) -> None:
    answer = console.run(
        """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
if base == "GRAY":
    image.convert_grayscale()
else:
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
answer = stylise(image, [photo], convert_to_rgb=consent)
pixels = read(image.get_layers()[0])
result = told(answer) | {
    "base": int(image.get_base_type()),
    "grey": all(pixels[i] == pixels[i + 1] == pixels[i + 2] for i in range(0, len(pixels), 4)),
    "colours": len({pixels[i:i + 3] for i in range(0, len(pixels), 4)}),
}
""",
        timeout=JOB,
        base=base,
        consent=consent,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    assert len(answer["layers"]) == 2
    assert answer["base"] == (0 if consent else {"GRAY": 1, "INDEXED": 2}[base])
    assert answer["grey"] == (base == "GRAY" and not consent)
    assert (answer["colours"] <= 16) == (base == "INDEXED" and not consent)


@pytest.mark.parametrize("precision", ["U16_NON_LINEAR", "FLOAT_LINEAR"])
def test_deep_images_stay_deep(console: GimpSession, precision: str) -> None:
    answer = console.run(
        """
image = new_image(64, 64, precision=precision)
photo = new_layer(image, "photo", 64, 64)
answer = stylise(image, [photo])
fine = memoryview(read(image.get_layers()[0], "R'G'B'A u16")).cast("H")
result = told(answer) | {
    "kept": image.get_precision() == getattr(Gimp.Precision, precision),
    "between the steps of 8 bits": sum(value % 257 != 0 for value in fine),
}
""",
        timeout=JOB,
        precision=precision,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    assert answer["kept"]
    assert answer["between the steps of 8 bits"] > 64 * 64


def test_two_layers_one_in_a_group_with_offsets(console: GimpSession) -> None:
    answer = console.run(
        """
image = new_image(200, 160)
ground = new_layer(image, "ground", 64, 64)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
tree = new_layer(image, "tree", 72, 64, offset=(30, -10), parent=group)
new_layer(image, "sky", 64, 64, parent=group)
image.set_selected_layers([ground, tree])
answer = stylise(image, [ground, tree])
result = told(answer) | {
    "selected": sorted(layer.get_name() for layer in image.get_selected_layers()),
    "first": answer["made"][0].get_name(),
}
""",
        timeout=JOB,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    group, new_ground, ground = answer["layers"]
    assert [layer["name"] for layer in group["layers"]] == ["sky", "tree – Red stripes", "tree"]
    new_tree = group["layers"][1]
    assert (new_tree["x"], new_tree["y"], new_tree["width"], new_tree["height"]) == (30, -10, 72, 64)
    assert (new_ground["name"], ground["name"]) == ("ground – Red stripes", "ground")
    assert answer["selected"] == ["ground", "tree"]
    assert answer["first"] == "tree – Red stripes"


def test_selection_becomes_the_mask(console: GimpSession) -> None:
    answer = console.run(
        """
image = new_image(240, 200)
photo = new_layer(image, "photo", 240, 200, alpha=False)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 30, 40, 50)
selection = read(image.get_selection(), "Y u8")
answer = stylise(image, [photo])
new = image.get_layers()[0]
before, after = read(photo), read(new)
far = [y * 240 + x for y in range(200) for x in range(240) if x > 120 or y > 140]
inside = [y * 240 + x for y in range(30, 80) for x in range(20, 60)]
same = lambda place: before[4 * place:4 * place + 4] == after[4 * place:4 * place + 4]
result = told(answer) | {
    "mask is the selection": read(new.get_mask(), "Y u8") == selection,
    "selection kept": read(image.get_selection(), "Y u8") == selection,
    "far away": all(map(same, far)), "inside": sum(map(same, inside)) / len(inside),
    "mask is edited": new.get_edit_mask(),
}
""",
        timeout=JOB,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    assert answer["mask is the selection"] and answer["selection kept"]
    assert answer["far away"] and answer["inside"] < 0.5
    assert (answer["layers"][0]["width"], answer["layers"][0]["height"]) == (240, 200)
    assert not answer["mask is edited"]


def test_masks_groups_and_effects_of_the_source(console: GimpSession) -> None:
    answer = console.run(
        """
image = new_image(96, 64)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
photo = new_layer(image, "photo", 64, 64, offset=(8, 0), parent=group)
photo.add_mask(photo.create_mask(Gimp.AddMaskType.WHITE))
half = bytes(255 if x < 32 else 0 for y in range(64) for x in range(64))
write(photo.get_mask(), half, "Y u8")
by_mask = stylise(image, [photo.get_mask()])
by_group = stylise(image, [group])
invert = Gimp.DrawableFilter.new(photo, "gegl:invert-gamma", "")
photo.append_filter(invert)
filtered = stylise(image, [photo], strength=0.0)
inverted = filtered["made"][0]
plain, seen = read(photo), read(inverted)
result = {
    "status": [by_mask["status"], by_group["status"], filtered["status"]],
    "message": [by_mask["message"], by_group["message"], filtered["message"]],
    "layers": layers(image), "mask copied": read(by_mask["made"][0].get_mask(), "Y u8") == half,
    "mask kept": read(photo.get_mask(), "Y u8") == half, "filters": len(photo.get_filters()),
    "inverted first pixels": [list(plain[4000:4003]), list(seen[4000:4003])],
}
""",
        timeout=JOB,
    )
    assert answer["status"] == ["SUCCESS"] * 3, answer["message"]
    assert answer["mask copied"] and answer["mask kept"] and answer["filters"] == 1
    above, _group = answer["layers"]
    assert (above["name"], above["x"], above["width"]) == ("group – Red stripes", 8, 64)
    plain, seen = answer["inverted first pixels"]
    assert all(abs(255 - a - b) < 40 for a, b in zip(plain, seen, strict=True)), (plain, seen)


def test_layer_outside_the_canvas(console: GimpSession) -> None:
    answer = console.run(
        """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 48, offset=(500, -300))
result = told(stylise(image, [photo]))
""",
        timeout=JOB,
    )
    assert (answer["status"], answer["message"]) == ("SUCCESS", "")
    new = answer["layers"][0]
    assert (new["x"], new["y"], new["width"], new["height"]) == (500, -300, 64, 48)


def test_same_call_same_picture(console: GimpSession) -> None:
    same = console.run(
        """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
pictures = [read(stylise(image, [photo], start="noise", seed=seed)["made"][0]) for seed in (7, 7, 8)]
result = [pictures[0] == pictures[1], pictures[0] == pictures[2]]
""",
        timeout=JOB,
    )
    assert same == [True, False]
