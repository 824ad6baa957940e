"""The dialog says which device paints, and why it is the processor where there is a graphics card."""

from __future__ import annotations

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, open_from_menu, photo
from tests.gimp.common import REPOSITORY
from tests.gimp.looking import until
from tests.gimp.session import GimpSession

#: What the dialog's last line says, and its tooltip.
STATUS = """
found = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Label) and "ainting on" in each.get_text()]
result = [(each.get_text(), each.get_tooltip_text()) for each in found]
"""

#: Lets engines find a driver of NVIDIA's that their PyTorch cannot use.
CARD = """
from pathlib import Path
from stylecore.device import choice
choice.NVIDIA_DRIVER = Path(__file__)
"""


@one_series
def test_the_dialog_that_starts_the_server_says_what_paints_and_why(gui: GimpSession) -> None:
    card = gui.shared / "card"
    card.mkdir()
    (card / "sitecustomize.py").write_text(CARD)
    said = []
    for number, path in enumerate((f"{REPOSITORY}", f"{card}:{REPOSITORY}")):
        gui.server.variables["PYTHONPATH"] = path
        image = photo(gui.tmp / f"photo-{number}.png")
        gui.run("image = load(path)\nshow(image)", path=image)
        gui.activate_image()
        try:
            with gui.installation(folder=str(gui.shared / f"state-{number}")):  # a server of its own, not started yet
                open_from_menu(gui)
                said.append(until(gui, STATUS, bool, 60))
                gui.display.screenshot(f"dialog-device-{number}")
                gui.display.key("Escape")
                gui.display.wait_gone(DIALOG)
        finally:
            gui.server.end_servers()
            del gui.server.variables["PYTHONPATH"]
    ((plain, plain_tip),), ((why, why_tip),) = said
    assert plain.startswith("Painting on the processor (") and plain == plain_tip
    assert why.startswith("Painting on the processor: ") and "graphics card" in why
    assert why_tip.splitlines()[0] == why and "./install.sh --device=cuda" in why_tip and "CPU (" in why_tip
