"""The plug-in speaks the language that GIMP speaks, and has room for it where there is little."""

from __future__ import annotations

import time

import pytest

from tests.gimp import places
from tests.gimp.cases.conftest import paint_style
from tests.gimp.cases.driving import photo, wait_drawn
from tests.gimp.conftest import Sessions
from tests.gimp.looking import CHOSEN, go_to, look, until

#: What can be used and is cut off at a side, by the window or by an area that does not scroll that way.
CUT = """
result = []
for widget in inside(windows()[0]):
    around = widget.get_parent()
    usable = widget.get_can_focus() and not isinstance(widget, Gtk.FlowBoxChild) and widget.get_allocated_width() > 1
    while around is not None and usable:
        if isinstance(around, (Gtk.ScrolledWindow, Gtk.Window)):
            x, _y = widget.translate_coordinates(around, 0, 0)
            if x < 0 or x + widget.get_allocated_width() > around.get_allocated_width():
                result.append([name(widget), x, widget.get_allocated_width(), around.get_allocated_width()])
        around = around.get_parent()
"""

#: Where the dialog's window is on the screen, and its size.
PLACE = """
window = windows()[0].get_window()
_found, x, y = window.get_origin()
result = [x, y, window.get_width(), window.get_height()]
"""

#: How high the room for the picture is, in pixels, and should be at the least.
PREVIEW = """
from dialog.preview.picture_view import PictureView
result = [each for each in inside(windows()[0]) if isinstance(each, PictureView)][0].get_allocated_height()
"""
LEAST_PREVIEW = 250

#: How wide the sliders of a mix are at the least, and should be: less cannot be dragged beside its number in large type.
LEAST_OF_SCALES = "result = [each.get_preferred_width()[0] for each in inside(windows()[0]) if type(each) is Gtk.Scale]"
LEAST_SCALE = 100

#: The longest words on how far a painting is, and what of them is cut off.
PROGRESS = """
from dialog.preview.preview_pane import PreviewPane
pane = [each for each in inside(windows()[0]) if isinstance(each, PreviewPane)][0]
pane.tell("Ebene 2 von 12 · Durchgang 4 von 5 · Vorbereitung", 0.5, 700.0)
while Gtk.events_pending():
    Gtk.main_iteration()
labels = [each for each in inside(pane) if isinstance(each, Gtk.Label)]
result = {each.get_text(): each.get_layout().is_ellipsized() for each in labels if "Durchgang" in each.get_text()
          or "noch" in each.get_text()}
"""

#: Whether the window is that of a painting.
STOPS = """
buttons = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Button)]
result = any(name(each) == "Stoppen und behalten" for each in buttons)
"""

#: Whether the settings are higher than their area, and whether one sees that.
SCROLLS = """
box = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Expander)][0]
area = box.get_ancestor(Gtk.ScrolledWindow)
result = {
    "has to": area.get_vadjustment().get_upper() > area.get_vadjustment().get_page_size(),
    "shows a bar": area.get_vscrollbar().get_mapped() and not area.get_overlay_scrolling(),
}
"""

#: The buttons of a message over the preview, and *Apply*: each by its words, and whether all of it is on the screen.
BUTTONS = """
from gi.repository import Gdk
def whole(widget):
    width, height = widget.get_allocated_width(), widget.get_allocated_height()
    around = widget.get_parent()
    while around is not None:
        if isinstance(around, (Gtk.ScrolledWindow, Gtk.Window)):
            x, y = widget.translate_coordinates(around, 0, 0)
            if x < 0 or y < 0 or x + width > around.get_allocated_width() or y + height > around.get_allocated_height():
                return False
        around = around.get_parent()
    x, y = widget.translate_coordinates(window, 0, 0)
    _found, left, top = window.get_window().get_origin()
    screen = Gdk.Screen.get_default()
    right, bottom = left + x + width, top + y + height
    return left + x >= 0 and top + y >= 0 and right <= screen.get_width() and bottom <= screen.get_height()

window = windows()[0]
copies = [each for each in inside(window) if isinstance(each, Gtk.Button) and each.get_label() == "Bericht kopieren"]
result = {name(each): whole(each) for copy in copies for each in inside(copy.get_parent()) if isinstance(each, Gtk.Button)}
if result:
    apply = window.get_widget_for_response(Gtk.ResponseType.OK)
    result[name(apply)] = apply.get_mapped() and whole(apply)
"""


@pytest.mark.gimp
@pytest.mark.parametrize("series", places.SERIES[-1:])  # gettext is Python's own; another GIMP is slow to start
def test_the_dialog_in_german_in_large_type_on_a_small_screen(series: str, gimp_sessions: Sessions) -> None:
    gimp = gimp_sessions.get(series, windows=True, language="de")
    style = paint_style(gimp.tmp / "streifen.png")
    labels = gimp.run(
        "image = load(path)\nshow(image)\n"
        "of = [Gimp.get_pdb().lookup_procedure(f'plug-in-neural-style{each}') for each in ('', '-update-results')]\n"
        "result = [each.get_menu_label() for each in of]",
        path=photo(gimp.tmp / "photo.png", (64, 48)),
    )
    assert labels == ["_Neuronaler Stil …", "Neuronaler Stil: Ergebnisse a_ktualisieren"]
    told = gimp.run("result = call('plug-in-neural-style', image, [], style=style)['message']", style=style)
    assert (
        told == "Keine Ebene ist ausgewählt. Wählen Sie die Ebenen aus, die gemalt werden sollen, und starten Sie "
        "dann den Filter."
    )
    gimp.start("result = call('plug-in-neural-style', image, image.get_layers(), interactive=True)['status']")
    wait_drawn(gimp, "^Neuronaler Stil$")
    time.sleep(1)  # thumbnails: what a screenshot should show
    gimp.display.screenshot("dialog-german")
    x, y, width, height = look(gimp, PLACE)
    across, down = gimp.display.screen().size
    assert x >= 0 and y >= 0 and x + width <= across and y + height <= down
    assert look(gimp, CUT) == []
    assert look(gimp, PREVIEW) >= LEAST_PREVIEW
    gimp.display.key("space", "ctrl+Down", "ctrl+space")  # a mix, whose list takes room
    assert len(until(gimp, CHOSEN, lambda now: len(now) == 2)) == 2
    gimp.display.screenshot("dialog-german-mix")
    assert look(gimp, PLACE) == [x, y, width, height] and look(gimp, CUT) == []
    assert min(look(gimp, LEAST_OF_SCALES)) >= LEAST_SCALE
    go_to(gimp, "Erweitert")
    gimp.display.key("space")
    assert until(gimp, SCROLLS, lambda now: now["has to"])["shows a bar"]
    time.sleep(0.5)
    gimp.display.screenshot("dialog-german-advanced")
    assert look(gimp, CUT) == []
    go_to(gimp, "Bilder")
    for _ in range(2):  # variations, and settings to be explored
        gimp.display.key("Down")
        time.sleep(0.5)
        assert look(gimp, PLACE) == [x, y, width, height] and look(gimp, CUT) == []
    assert look(gimp, PLACE) == [x, y, width, height]
    go_to(gimp, "Stil anwenden")
    gimp.display.key("Return")
    assert until(gimp, STOPS, bool, 60)
    time.sleep(0.5)  # until the window has the size that it keeps
    assert look(gimp, PROGRESS) == {
        "Ebene 2 von 12 · Durchgang 4 von 5 · Vorbereitung": False,
        "noch etwa 12 Minuten": False,
    }
    gimp.display.screenshot("painting-german")
    gimp.display.key("Escape")
    assert gimp.wait(60) == "CANCEL"

    with gimp.installation(server_command=["/nowhere/python"], folder=str(gimp.tmp / "no-server")):
        gimp.start("result = call('plug-in-neural-style', image, image.get_layers(), interactive=True)['status']")
        wait_drawn(gimp, "^Neuronaler Stil$")
        gimp.display.key("space")
        shown = until(gimp, BUTTONS, lambda now: len(now) > 2 and all(now.values()), 60)
        gimp.display.screenshot("message-german")
        assert len(shown) > 2 and all(shown.values()), shown
        said = look(gimp, "result = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]")
        assert any("Datei oder Ordner nicht gefunden" in each for each in said)  # and not as the system says it
        gimp.display.key("Escape")
        assert gimp.wait(60) == "CANCEL"
