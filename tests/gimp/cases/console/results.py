"""What the cases share that paint results without a dialog, and look at them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

JOB = 300  # seconds that a job may take on a busy machine

#: What the snippets below share; `state` is all of an image but the results' pixels and memories.
HELPERS = """
import hashlib

def sha(data):
    return hashlib.sha256(bytes(data)).hexdigest()

def knows(layer):
    parasite = layer.get_parasite("neural-style")
    return None if parasite is None else json.loads(bytes(parasite.get_data()))

def update(image, chosen, **more):
    return stylise(image, chosen, **{"style": None, "target": "update", **more})

def update_all(image, **more):
    answer = call("plug-in-neural-style-update-results", image, [], **more)
    return answer["status"], answer["message"], answer["values"]

def flat(layers):
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from flat(layer.get_children())

def described(layer):
    mask = layer.get_mask()
    return [layer.get_name(), layer.get_offsets()[1:], layer.get_width(), layer.get_height(), layer.get_opacity(),
            int(layer.get_mode()), layer.get_visible(), layer.get_lock_position(), layer.get_tattoo(),
            None if mask is None else sha(read(mask, "Y u8"))]

def state(image):
    return {
        "layers": [described(layer) for layer in flat(image.get_layers())],
        "channels": [channel.get_name() for channel in image.get_channels()],
        "selection": sha(read(image.get_selection(), "Y u8")),
        "selected": [layer.get_name() for layer in image.get_selected_layers()],
    }

def pixels_of(image):
    return {layer.get_name(): sha(read(layer)) for layer in flat(image.get_layers()) if not layer.is_group()}

def square(layer, x, y, side, colour):
    data = bytearray(read(layer))
    width = layer.get_width()
    for row in range(y, y + side):
        data[4 * (row * width + x):4 * (row * width + x + side)] = bytes(colour) * side
    write(layer, bytes(data))

def mean(data, width, x, y, side):
    values = [data[4 * (row * width + column) + c] for row in range(y, y + side) for column in range(x, x + side)
              for c in range(3)]
    return [sum(values[c::3]) / (side * side) for c in range(3)]
"""

RESULT = """
image = new_image(96, 72)
photo = new_layer(image, "photo", 96, 72)
first = stylise(image, [photo])
made = first["made"][0]
original = read(photo)
"""


def other_style(folder: Path) -> Path:
    """Save a style that is another one than that of the results, and return where."""
    path = folder / "other-blots.png"
    gradient = Image.radial_gradient("L").resize((24, 24))
    tile = Image.merge("RGB", (gradient, gradient.rotate(90), gradient.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))
    sheet = Image.new("RGB", (96, 96))
    for x in range(0, 96, 24):
        for y in range(0, 96, 24):
            sheet.paste(tile.rotate(90 * ((x + y) // 24)), (x, y))
    sheet.save(path)
    return path
