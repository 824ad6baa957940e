"""Results edited in place: what they know, and how they are painted again, called without a dialog."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.gimp.cases.console.results import JOB, RESULT, other_style
from tests.gimp.session import GimpSession


@pytest.mark.both_series
def test_a_result_knows_itself_and_is_updated_in_place(gimp: GimpSession) -> None:
    answer = gimp.run(
        RESULT
        + """
made.set_name("my painting")
made.set_opacity(80.0)
made.set_mode(Gimp.LayerMode.SOFTLIGHT)
made.set_lock_position(True)
mask = made.create_mask(Gimp.AddMaskType.WHITE)
made.add_mask(mask)
image.set_selected_layers([photo])
before, looks = state(image), read(made)
known = knows(made)
warm = update(image, [made], strength=75)
warmly = read(made)
again = knows(made)
other = update(image, [made], style=other_style)
result = {
    "known": known, "again": again, "warm": told(warm), "other": told(other), "same": state(image) == before,
    "photo": read(photo) == original, "changed": [warmly != looks, read(made) != warmly],
    "styles": [style["name"] for style in knows(made)["styles"]], "made": warm["made"][0].get_id() == made.get_id(),
}
""",
        timeout=JOB,
        other_style=other_style(gimp.tmp),
    )
    known = answer["known"]
    assert known["version"] == 2 and known["program"] == "tests" and known["settings"]["quality"] == "draft"
    assert known["settings"]["version"] == 1
    (style,) = known["styles"]
    assert style["path"].endswith("red-stripes.png") and style["name"] == "Red stripes" and len(style["copy"]) > 500
    assert style["sha256"] == hashlib.sha256(Path(style["path"]).read_bytes()).hexdigest()
    assert known["source"]["name"] == "photo" and known["source"]["area"] == [0, 0, 96, 72]
    assert len(known["source"]["sha256"]) == len(known["delivered"]) == 64
    assert (answer["warm"]["status"], answer["warm"]["message"]) == ("SUCCESS", "")
    assert (answer["other"]["status"], answer["other"]["message"]) == ("SUCCESS", "")
    assert answer["made"] and answer["same"] and answer["photo"] and answer["changed"] == [True, True]
    assert answer["again"]["settings"]["strength"] == 75 and answer["again"]["delivered"] != known["delivered"]
    assert answer["again"]["source"] == known["source"]
    assert answer["styles"] == ["Other blots"]


@pytest.mark.both_series
def test_through_a_file_a_duplicate_and_another_image(gimp: GimpSession) -> None:
    """The source is found after save and load and in a duplicate; elsewhere the result is painted from itself."""
    answer = gimp.run(
        RESULT
        + """
save(image, path)
loaded = load(path)
result = {}
result["loaded"] = update_all(loaded)[2]
loaded_made = loaded.get_layers()[0]
result["kept"] = knows(loaded_made) == knows(made)
square(loaded.get_layers()[1], 10, 10, 40, (255, 0, 0, 255))
source = read(loaded.get_layers()[1])
result["stale"] = update_all(loaded)[2]
result["then"] = update_all(loaded)[2]
result["source"] = read(loaded.get_layers()[1]) == source
twin = image.duplicate()
result["twin"] = update_all(twin)[2]
result["twin with changes"] = update_all(twin, changes="strength=80")[2]
result["strength"] = knows(twin.get_layers()[0])["settings"]["strength"]
elsewhere = new_image(96, 72)
new_layer(elsewhere, "photo", 96, 72, bytes((9, 99, 199, 255)) * (96 * 72))
other = read(elsewhere.get_layers()[0])
moved = Gimp.Layer.new_from_drawable(made, elsewhere)
elsewhere.insert_layer(moved, None, 0)
looks = read(moved)
result["elsewhere"] = update_all(elsewhere)
result["own pixels"] = told(update(elsewhere, [moved], strength=70))["status"], read(moved) != looks
result["others"] = read(elsewhere.get_layers()[1]) == other
result["like itself"] = sum(abs(a - b) for a, b in zip(read(moved), looks)) / len(looks)
""",
        timeout=JOB,
        path=gimp.tmp / "painting.xcf",
    )
    assert (answer["loaded"], answer["kept"]) == ([0], True)
    assert (answer["stale"], answer["then"], answer["source"]) == ([1], [0], True)
    assert (answer["twin"], answer["twin with changes"], answer["strength"]) == ([0], [1], 80)
    assert answer["elsewhere"] == ["SUCCESS", "", [0]]
    assert answer["own pixels"] == ["SUCCESS", True] and answer["others"]
    assert answer["like itself"] < 60  # not a picture of the flat blue layer


def test_style_gone_source_gone_and_locked_pixels(gimp: GimpSession) -> None:
    answer = gimp.run(
        RESULT
        + """
os.rename(style, style + ".moved")
looks, result = read(made), {}
result["copy"] = told(update(image, [made], strength=80))["status"], read(made) != looks
result["kept"] = knows(made)["styles"][0]
result["current"] = update_all(image)[2]
os.rename(style + ".moved", style)
square(photo, 0, 0, 20, (0, 0, 0, 255))
made.set_lock_content(True)
looks = read(made)
locked = update(image, [made])
result["locked"] = locked["status"], locked["message"], read(made) == looks
made.set_lock_content(False)
image.remove_layer(photo)
result["source"] = told(update(image, [made], strength=30))["status"], read(made) != looks
parasite = knows(made)
for part in parasite["styles"]:
    part["copy"], part["path"] = "", "/nowhere/x.png"
made.attach_parasite(Gimp.Parasite.new("neural-style", 3, json.dumps(parasite).encode()))
nothing = update(image, [made])
result["nothing"] = nothing["status"], nothing["message"]
""",
        timeout=JOB,
    )
    assert answer["copy"] == ["SUCCESS", True]
    assert answer["kept"]["name"] == "Red stripes" and answer["kept"]["path"].endswith("red-stripes.png")
    assert answer["current"] == [0]
    assert answer["locked"][0] == "EXECUTION_ERROR" and "locked" in answer["locked"][1] and answer["locked"][2]
    assert answer["source"] == ["SUCCESS", True]
    assert answer["nothing"][0] == "EXECUTION_ERROR" and "“Red stripes” is gone" in answer["nothing"][1]


def test_strokes_are_taken_in_kept_or_painted_over(gimp: GimpSession) -> None:
    answer = gimp.run(
        RESULT
        + """
image.set_selected_layers([made])
clean, colours, known = read(made), {}, bytes(made.get_parasite("neural-style").get_data())
for strokes in ("keep", "keep-exactly", "paint-over"):
    write(made, clean)
    made.attach_parasite(Gimp.Parasite.new("neural-style", 3, known))
    square(made, 56, 24, 24, (20, 230, 30, 255))
    status = update(image, [made], strokes=strokes, strength=60)["status"]
    colours[strokes] = [status, mean(read(made), 96, 60, 28, 16)]
    if strokes == "keep-exactly":  # they are known again, and nothing around them is taken for more of them
        exact = []
        for strength in (80, 40, 80, 40):
            former = read(made)
            status = update(image, [made], strokes=strokes, strength=strength)["status"]
            now = read(made)
            around = [(x, y) for x in range(44, 92) for y in range(12, 60) if not (50 <= x < 86 and 18 <= y < 54)]
            places = [4 * (96 * y + x) for x, y in around]
            same = sum(former[at:at + 4] == now[at:at + 4] for at in places) / len(places)
            exact.append([status, mean(now, 96, 60, 28, 16), same])
        status = update(image, [made], strokes="paint-over", strength=60)["status"]
        exact.append([status, mean(read(made), 96, 60, 28, 16)])
square(made, 56, 24, 24, (20, 230, 30, 255))
fresh = update(image, [made], style=other_style)
result = colours | {"exact": exact, "photo": read(photo) == original, "fresh": fresh["status"],
                    "fresh colour": mean(read(made), 96, 60, 28, 16), "before": mean(clean, 96, 60, 28, 16)}
""",
        timeout=JOB,
        other_style=other_style(gimp.tmp),
    )
    assert answer["photo"]

    def green(colour: list[float]) -> float:
        return colour[1] - (colour[0] + colour[2]) / 2

    assert [answer[name][0] for name in ("keep", "keep-exactly", "paint-over")] == ["SUCCESS"] * 3
    assert answer["fresh"] == "SUCCESS" and [each[0] for each in answer["exact"]] == ["SUCCESS"] * 5
    for colour in (answer["keep-exactly"][1], *(each[1] for each in answer["exact"][:4])):
        assert max(abs(a - b) for a, b in zip(colour, (20, 230, 30), strict=False)) < 2
    assert all(each[2] < 0.3 for each in answer["exact"][:4]), answer["exact"]  # what stays does not grow
    assert green(answer["exact"][4][1]) < green(answer["before"]) + 30  # asked to paint over them, after all
    assert green(answer["keep"][1]) > green(answer["before"]) + 60
    assert green(answer["fresh colour"]) > green(answer["before"]) + 30  # in another style too
    assert green(answer["paint-over"][1]) < green(answer["before"]) + 30


def test_only_the_selected_part(gimp: GimpSession) -> None:
    answer = gimp.run(
        """
image = new_image(160, 120)
photo = new_layer(image, "photo", 160, 120)
made = stylise(image, [photo])["made"][0]
original, looks, known = read(photo), read(made), knows(made)
result = []
for soft in (False, True):
    Gimp.Selection.none(image)
    write(made, looks)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 40, 30, 64, 56)
    if soft:
        Gimp.Selection.feather(image, 12)
    chosen = read(image.get_selection(), "Y u8")
    before = state(image)
    answer = update(image, [made], style=other_style, strength=90)
    new = read(made)
    outside = [i for i in range(160 * 120) if not chosen[i]]
    steps = []
    for y in range(32, 84):
        row = [sum(abs(new[4 * (y * 160 + x) + c] - looks[4 * (y * 160 + x) + c]) for c in range(3)) for x in range(160)]
        steps.append(row)
    profile = [sum(row[x] for row in steps) / len(steps) / 3 for x in range(160)]
    result.append({
        "status": [answer["status"], answer["message"]], "same": state(image) == before, "photo": read(photo) == original,
        "outside": all(new[4 * i:4 * i + 4] == looks[4 * i:4 * i + 4] for i in outside),
        "profile": profile, "settings": knows(made)["settings"] == known["settings"],
        "as delivered": knows(made)["delivered"] == known["delivered"],
    })
""",
        timeout=JOB,
        other_style=other_style(gimp.tmp),
    )
    for part, begins in zip(answer, (40, 34), strict=True):  # a soft selection begins further out
        assert part["status"] == ["SUCCESS", ""] and part["same"] and part["photo"] and part["outside"]
        assert part["settings"] and part["as delivered"]
        middle = sum(part["profile"][60:84]) / 24
        assert middle > 12
        assert part["profile"][begins] < 0.5 * middle  # the edge melts: the first column inside is still much as it was


def test_update_results_in_groups_of_results_moved_and_scaled(gimp: GimpSession) -> None:
    answer = gimp.run(
        """
image = new_image(120, 90)
photo = new_layer(image, "photo", 80, 64)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
tree = new_layer(image, "tree", 64, 64, parent=group, offset=(10, 5))
apart = new_layer(image, "apart", 64, 64)
one = stylise(image, [photo])["made"][0]
two = stylise(image, [one], style=other_style)["made"][0]
three = stylise(image, [tree])["made"][0]
four = stylise(image, [apart])["made"][0]
image.reorder_item(one, None, 0)          # above what is painted from it
one.set_offsets(33, 11)
three.scale(96, 96, False)
for layer, name in ((one, "one"), (two, "two"), (three, "three"), (four, "four")):
    layer.set_name(name)
image.set_selected_layers([apart])
result = {"current": update_all(image)[2]}
square(photo, 8, 8, 48, (240, 20, 20, 255))
square(tree, 8, 8, 30, (20, 20, 240, 255))
before, pixels = state(image), pixels_of(image)
result["stale"] = update_all(image)
after = pixels_of(image)
result["same"] = state(image) == before
result["changed"] = sorted(name for name in pixels if pixels[name] != after[name])
result["then"] = update_all(image)[2]
result["names"] = [layer.get_name() for layer in image.get_layers()]
result["selected two"] = told(update(image, [two, one], strength=77))["status"]
result["strengths"] = [knows(layer)["settings"]["strength"] for layer in (one, two, three)]
result["after that"] = update_all(image)[2]
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 5, 5)
selection = read(image.get_selection(), "Y u8")
result["changes"] = update_all(image, changes="strength=61, total-variation=1")[2]
result["selection"] = read(image.get_selection(), "Y u8") == selection
result["wrong"] = update_all(image, changes="strenght=61")
result["images"] = len(Gimp.get_images())
""",
        timeout=JOB,
        other_style=other_style(gimp.tmp),
    )
    assert answer["current"] == [0]
    assert answer["stale"] == ["SUCCESS", "", [3]]
    assert answer["changed"] == ["one", "three", "two"] and answer["same"]
    assert answer["then"] == [0]
    assert answer["selected two"] == "SUCCESS" and answer["strengths"] == [77, 77, 50]
    assert answer["after that"] == [0]
    assert answer["changes"] == [4] and answer["selection"]
    assert answer["wrong"][0] == "EXECUTION_ERROR" and "strenght" in answer["wrong"][1]
    assert answer["images"] == 1


def test_an_older_memory_is_migrated(gimp: GimpSession) -> None:
    """What version 1 stored is understood; what is damaged makes an ordinary layer of a result."""
    old = {
        "version": 1,
        "program": "0.1",
        "settings": {"version": 1, "quality": "draft", "iterations": 3, "strength": 1e9, "gone": 1},
        "style": {"name": "Red stripes", "sha256": "0" * 64},
        "source": {"name": "photo", "tattoo": 2, "area": [0, 0, 96, 72]},
        "stopped": False,
    }
    answer = gimp.run(
        RESULT
        + """
old = json.loads(stored)
old["source"]["tattoo"] = photo.get_tattoo()

def pretend(data):
    made.attach_parasite(Gimp.Parasite.new("neural-style", 3, data.encode()))

pretend(json.dumps(old))
result = [told(update(image, [made], style=style))["status"], knows(made)["version"], len(image.get_layers())]
pretend('{"version": 2, "styles": 7}')
result += [told(update(image, [made], style=style))["status"], len(image.get_layers())]
""",
        timeout=JOB,
        stored=json.dumps(old),
    )
    assert answer == ["SUCCESS", 2, 2, "SUCCESS", 3]
