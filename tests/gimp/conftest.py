"""The fixtures of the tests inside the real GIMP, and how to write such a test.

A test that takes ``gimp_console`` or ``gimp_gui`` runs in GIMP 3.2; marked ``pytest.mark.both_series``, or with --all, in
3.0 too::

    def test_layer_gets_a_name(gimp_console):
        name = gimp_console.run('''
    image = new_image(64, 48)
    layer = new_layer(image, wanted, 64, 48)
    result = layers(image)[0]["name"]
    ''', wanted="sky")
        assert name == "sky"

- ``gimp.run(code, timeout=60, **values)`` executes code inside GIMP; ``values`` become its variables, what it assigns
  to ``result`` (plain data) is returned, an exception is raised here with its traceback and GIMP's log. Variables live
  until the end of the test. ``agent.PRELUDE`` is there: Gimp, Gegl, Gio, GLib, and ``call("plug-in-neural-style",
  image, [layer], strength=40)``, ``new_image``, ``new_layer``, ``read``, ``write``, ``load``, ``save``, ``layers``,
  ``show`` (opens a window). See `tests.gimp.agent`.
- What blocks (a dialog, a long job) is begun with ``gimp.start(code, **values)``; drive it meanwhile with
  ``gimp.display``, ``gimp.plugin_processes()``, ``gimp.server``; then ``gimp.wait(timeout)`` gives the result. GIMP
  takes one snippet at a time; a plug-in opened with ``gimp.press(PROCEDURE)`` leaves it free for ``run``.
- ``gimp.tmp``: a new folder for this test, with the same path inside GIMP. ``gimp.server_folder``: the server's; the
  plug-in starts a server in it on demand, and it serves the tests that follow; ``gimp.server.end_servers()`` ends it.
- ``with gimp.installation(server_command=["/nowhere"]): ...`` changes installation.json for a while.
- ``with gimp.without_pyzmq(): ...`` lets the plug-in take the bridge by itself; ``gimp.bridges()`` are its processes. With
  NEURAL_STYLE_WIRE=bridge in the environment all tests run over the bridge.
- ``gimp.display`` (GUI): ``wait_window(title)``, ``find_windows``, ``titles``, ``wait_gone``, ``activate``, ``key``,
  ``type``, ``click``, ``geometry``, ``screenshot(name)`` (to ``tests/output/<series>/<name>.png``), ``xdotool``.
  What the dialog holds, and what has the keyboard, is asked with `tests.gimp.looking`.
  ``gimp.activate_image()`` focuses the image window (for ``key("ctrl+z")``: undo is not in GIMP's API).

GIMP is started once for each series and kind, and again only if a test killed it or left it busy.
A file whose tests need no windows stands in ``cases/console``, which another process of the suite may run meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.gimp import places
from tests.gimp.common import GimpUnavailable
from tests.gimp.session import GimpSession

#: A netbook's screen, and type half as large again.
SMALL = {"screen": (1024, 600), "gimprc": "(font-relative-size 1.5)\n"}


@cache
def _find(series: str) -> places.Place | str:
    """The GIMP of a series, or why there is none (asked once)."""
    try:
        return places.find(series)
    except GimpUnavailable as error:
        return str(error)


class Sessions:
    """The GIMPs that run, each started when a test first asks for it."""

    def __init__(self, required: bool, variables: Mapping[str, str]) -> None:
        self._required, self._variables = required, variables
        self._running: dict[tuple[str, bool, str], GimpSession] = {}

    def get(self, series: str, *, windows: bool, language: str = "") -> GimpSession:
        """A GIMP ready for a new test; skips the test, or fails it with --require-gimp, when there is none.

        With a ``language`` (as "de") it is a GIMP of its own that speaks it, in large type and on a small screen: its words
        are the longest, and a GIMP is slow to start.
        """
        place = _find(series)
        if isinstance(place, str):
            self._give_up(place)
        elif windows and not place.has_display_tools:
            self._give_up(f"GIMP {series} is here, but not all of {', '.join(places.TOOLS)}, which its dialog needs.")
        assert isinstance(place, places.Place)
        session = self._running.get((series, windows, language))
        if session is not None and not session.usable:
            session.close()
            session = None
        if session is None:
            more: dict[str, Any] = SMALL | {"language": language} if language else {}
            session = self._running[series, windows, language] = GimpSession(place, windows=windows, **more)
            session.server.variables |= self._variables
        session.begin_test()
        return session

    def _give_up(self, reason: str) -> None:
        if self._required:
            pytest.fail(f"--require-gimp: {reason}", pytrace=False)
        pytest.skip(reason)

    def close(self) -> None:
        """End them all."""
        for session in self._running.values():
            session.close()


@pytest.fixture(scope="session")
def gimp_sessions(
    request: pytest.FixtureRequest, thin_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sessions]:
    """The GIMPs; their servers paint with a network of few channels (:mod:`tests.thin_network`), on one thread."""
    if request.config.getoption("--no-gimp"):
        pytest.skip("--no-gimp was given")
    own = str(tmp_path_factory.mktemp("state"))  # what engines learn of this machine is not the user's
    variables = {"NEURAL_STYLE_WEIGHTS": str(thin_weights), "OMP_NUM_THREADS": "1", "XDG_STATE_HOME": own}
    sessions = Sessions(request.config.getoption("--require-gimp"), variables)
    yield sessions
    sessions.close()


@pytest.fixture(params=places.SERIES)
def gimp_console(request: pytest.FixtureRequest, gimp_sessions: Sessions) -> GimpSession:
    """A GIMP without windows."""
    return gimp_sessions.get(request.param, windows=False)


@pytest.fixture(params=places.SERIES)
def gimp_gui(request: pytest.FixtureRequest, gimp_sessions: Sessions) -> Iterator[GimpSession]:
    """A GIMP with windows, on a screen of its own; a failed test leaves a screenshot."""
    session = gimp_sessions.get(request.param, windows=True)
    failed_before = request.session.testsfailed
    yield session
    if request.session.testsfailed > failed_before or not session.usable:
        session.display.screenshot(f"after-{request.node.originalname}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs inside GIMP; in an older GIMP leave out what does not depend on the series, unless --all is given."""
    left_out = []
    for item in items:
        series = _series(item)
        if series is None:
            continue
        item.add_marker(pytest.mark.gimp)
        if not (config.getoption("--all") or series == places.SERIES[-1] or item.get_closest_marker("both_series")):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _series(item: pytest.Item) -> str | None:
    """The series of the GIMP that a test runs in, if it does."""
    chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return chosen.get("gimp_console") or chosen.get("gimp_gui")
