"""The dialog says which device paints, why it is the processor where there is a graphics card, and that it is outdated."""

from __future__ import annotations

from server.protocol import VERSION
from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, open_from_menu, photo
from tests.gimp.common import REPOSITORY
from tests.gimp.looking import until
from tests.gimp.session import GimpSession

#: What the dialog's last line says, and its tooltip.
STATUS = """
labels = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]
found = [each for each in labels if "ainting on" in (each.get_tooltip_text() or "")]
result = [(each.get_text(), each.get_tooltip_text()) for each in found]
"""

#: Lets engines find a driver of NVIDIA's that their PyTorch cannot use.
CARD = """
from pathlib import Path
from stylecore.device import choice
choice.NVIDIA_DRIVER = Path(__file__)
"""


def shown(gimp: GimpSession, name: str) -> tuple[str, str]:
    """Open the dialog on a picture; return the line and its tooltip as soon as the server has said what it paints on."""
    image = photo(gimp.tmp / f"{name}.png")
    gimp.run("image = load(path)\nshow(image)", path=image)
    gimp.activate_image()
    open_from_menu(gimp)
    ((text, tip),) = until(gimp, STATUS, bool, 180)
    gimp.display.screenshot(f"dialog-device-{name}")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    return text, tip


@one_series
def test_the_dialog_that_starts_the_server_says_what_paints_and_why(gui: GimpSession) -> None:
    card = gui.shared / "card"
    card.mkdir()
    (card / "sitecustomize.py").write_text(CARD)
    others = len(gui.server.processes)
    gui.server.variables["PYTHONPATH"] = f"{card}:{REPOSITORY}"
    try:
        with gui.installation(folder=str(gui.shared / "state-card")):  # a server of its own, not started yet
            text, tip = shown(gui, "card")
    finally:
        gui.server.end_servers(but=others)
        del gui.server.variables["PYTHONPATH"]
    assert text.startswith("Painting on the processor: ") and "graphics card" in text
    assert tip.splitlines()[0] == text and "./install.sh --device=cuda" in tip and "CPU (" in tip


@one_series
def test_a_plug_in_that_is_older_than_the_program_says_so(gui: GimpSession) -> None:
    """As when pipx has upgraded the program alone."""
    protocol = gui.plugin / "server/protocol.py"
    current = protocol.read_text()
    protocol.write_text(current.replace(f'VERSION = "{VERSION}"', 'VERSION = "0.0.9"'))
    try:
        text, tip = shown(gui, "older")
    finally:
        protocol.write_text(current)
    assert text.startswith("The plug-in is older than the program: run “./install.sh”")
    first, versions, plain = tip.splitlines()
    assert first == text and "0.0.9" in versions and VERSION in versions
    assert plain.startswith("Painting on the processor (")
