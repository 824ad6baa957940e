"""What the filter makes of all kinds of images and layers, called without a dialog."""

from __future__ import annotations

import pytest

from tests.gimp.session import GimpSession

JOB = 90  # seconds that a small job may take, the engine's start included


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
    assert found["returns"] == ["result", "results"]


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
    "returned": [value.get_id() for value in answer["made"][:1]], "source kept": read(photo) == before,
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
    assert answer["memory"]["style"]["name"] == "Red stripes" and len(answer["memory"]["style"]["sha256"]) == 64
    assert answer["memory"]["source"]["tattoo"] == answer["tattoo"]
