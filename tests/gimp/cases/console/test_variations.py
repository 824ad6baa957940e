"""Several pictures of a layer, called without a dialog: variations, and all combinations of some values."""

from __future__ import annotations

from tests.gimp.cases.console.results import JOB
from tests.gimp.session import GimpSession


def test_variations_are_a_group_that_shows_one(gimp: GimpSession) -> None:
    answer = gimp.run(
        """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
original, result = read(photo), {}
for vary, count in (("strength", 3), ("brush-size", 2), ("style", 2), ("seed", 2)):
    answer = stylise(image, [photo], variants=count, vary=vary)
    group = answer["made"][0].get_parent()
    result[vary] = {
        "status": [answer["status"], answer["message"]], "group": group.get_name(),
        "names": [layer.get_name() for layer in group.get_children()],
        "visible": [layer.get_visible() for layer in group.get_children()],
        "pictures": len({sha(read(layer)) for layer in group.get_children()}),
        "strengths": [knows(layer)["settings"]["strength"] for layer in group.get_children()],
    }
result["same"] = read(photo) == original
result["selected"] = [layer.get_name() for layer in image.get_selected_layers()]
result["current"] = update_all(image)[2]
""",
        timeout=2 * JOB,
    )
    assert answer["same"] and answer["current"] == [0]
    for vary, count in (("strength", 3), ("brush-size", 2), ("style", 2), ("seed", 2)):
        made = answer[vary]
        assert made["status"] == ["SUCCESS", ""] and made["group"].startswith("photo – variations")
        assert made["visible"] == [True] + [False] * (count - 1) and made["pictures"] == count
    assert answer["strength"]["names"] == ["Strength 20 – photo", "Strength 50 – photo", "Strength 80 – photo"]
    assert answer["strength"]["strengths"] == [20, 50, 80]
    assert answer["brush-size"]["names"] == ["Brush size 50 – photo", "Brush size 200 – photo"]
    assert answer["style"]["names"][0] == "Red stripes – photo"


def test_exploring_paints_every_combination_and_says_what_it_cannot(gimp: GimpSession) -> None:
    answer = gimp.run(
        """
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
answer = stylise(image, [photo], explore="strength=30,70 brush-size=50,200")
group = answer["made"][0].get_parent()
result = {
    "status": [answer["status"], answer["message"]],
    "cells": [(layer.get_name(), knows(layer)["settings"]["strength"], knows(layer)["settings"]["brush_size"])
              for layer in group.get_children()],
    "visible": [layer.get_visible() for layer in group.get_children()],
    "pictures": len({sha(read(layer)) for layer in group.get_children()}),
}
image = new_image(64, 64)
photo = new_layer(image, "photo", 64, 64)
for text in ("strenght=1,2", "strength=1,200", "strength=1 strength=2", "seed=" + ",".join(map(str, range(40)))):
    answer = stylise(image, [photo], explore=text)
    result.setdefault("refused", []).append((answer["status"], answer["message"], len(image.get_layers())))
""",
        timeout=2 * JOB,
    )
    assert answer["status"] == ["SUCCESS", ""] and answer["visible"] == [True, False, False, False]
    assert answer["cells"] == [
        ["Strength 30, Brush size 50 – photo", 30, 50],
        ["Strength 30, Brush size 200 – photo", 30, 200],
        ["Strength 70, Brush size 50 – photo", 70, 50],
        ["Strength 70, Brush size 200 – photo", 70, 200],
    ]
    assert answer["pictures"] == 4
    said = ["no setting “strenght”", "between 0 and 100", "two different ones", "That would be 40 pictures"]
    for (status, message, layers), words in zip(answer["refused"], said, strict=True):
        assert status != "SUCCESS" and words in message and layers == 1
