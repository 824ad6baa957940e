"""The plug-in speaks the language that GIMP speaks."""

from __future__ import annotations

import time

import pytest

from tests.gimp import places
from tests.gimp.cases.conftest import paint_style
from tests.gimp.cases.driving import photo, wait_drawn
from tests.gimp.conftest import Sessions


@pytest.mark.gimp
@pytest.mark.parametrize("series", places.SERIES[-1:])  # gettext is Python's own; another GIMP is slow to start
def test_the_dialog_opens_in_german(series: str, gimp_sessions: Sessions) -> None:
    gimp = gimp_sessions.get(series, windows=True, language="de")
    style = paint_style(gimp.tmp / "streifen.png")
    label = gimp.run(
        "image = load(path)\nshow(image)\n"
        "result = Gimp.get_pdb().lookup_procedure('plug-in-neural-style').get_menu_label()",
        path=photo(gimp.tmp / "photo.png", (64, 48)),
    )
    assert label == "_Neuronaler Stil …"
    told = gimp.run("result = call('plug-in-neural-style', image, [], style=style)['message']", style=style)
    assert (
        told == "Keine Ebene ist ausgewählt. Wählen Sie die Ebenen aus, die gemalt werden sollen, und starten Sie "
        "dann den Filter."
    )
    gimp.start("result = call('plug-in-neural-style', image, image.get_layers(), interactive=True)['status']")
    wait_drawn(gimp, "^Neuronaler Stil$")
    time.sleep(1)  # thumbnails: what a screenshot should show
    gimp.display.screenshot("dialog-german")
    gimp.display.key("Escape")
    assert gimp.wait(60) == "CANCEL"
