"""How long painting would take, said beside the button that begins it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from common.translation import _
from dialog.parts.widgets import put
from server.client.client import Client
from stylecore.errors import StyleError
from stylecore.settings import Settings

#: Seconds between two questions: a slider is let go first, and the first preview teaches the machine its pace.
_SETTLE, _AGAIN = 0.3, 2.0
#: A picture of which the longer side is painted with clearly more pixels is also told at this painting size.
SMALLER, _CLEARLY = "1000", 1.2
_DRAFT = "draft"

Sizes = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Asked:
    """What the time hangs on: what is painted (width, height each), the styles' sizes, the settings, how many of each."""

    contents: Sizes
    styles: Sizes
    settings: Mapping[str, Any]
    times: int = 1

    @property
    def painted(self) -> tuple[int, int]:
        """The width and height in which the largest picture is painted, as far as memory lets it."""
        width, height = max(self.contents, key=lambda size: size[0] * size[1])
        factor = min(1.0, Settings.from_stored(self.settings).longest_side / max(width, height))
        return max(1, round(width * factor)), max(1, round(height * factor))

    def with_settings(self, **changes: Any) -> Asked:
        """Return the same with some settings changed."""
        return Asked(self.contents, self.styles, {**self.settings, **changes}, self.times)


class Forecast(Gtk.Label):
    """A line that follows what is asked; empty while nothing is known. Call :meth:`poll` often: it never waits."""

    def __init__(self) -> None:
        super().__init__(xalign=0.0, ellipsize=3, margin_start=12)
        self.get_style_context().add_class("dim-label")
        self._asked: Asked | None = None
        self._ask_at: float | None = None
        self._open: dict[str, str] = {}  # which of the times → the question's name
        self._seconds: dict[str, float | None] = {}

    def want(self, asked: Asked | None) -> None:
        """Say how long this takes; None for nothing."""
        if asked != self._asked:
            self._asked, self._open = asked, {}
            self._ask_at = None if asked is None else time.monotonic() + _SETTLE
            if asked is None:
                self._say("")

    def poll(self, client: Client | None) -> None:
        """Ask what is due, and show what was answered."""
        asked = self._asked
        if client is None or asked is None:
            return
        if self._ask_at is not None and time.monotonic() >= self._ask_at:
            self._ask_at = None
            self._ask(client, asked)
        if not self._open or self._ask_at is not None:
            return
        for which, name in self._open.items():
            if which not in self._seconds and (answer := client.estimate(name)) is not None:
                self._seconds[which] = answer[0] * asked.times if answer[1] else None
        if len(self._seconds) == len(self._open):
            self._say(_words(asked, self._seconds))
            if self._seconds["whole"] is None:  # the first preview may teach it
                self._ask_at = time.monotonic() + _AGAIN
            self._open = {}

    def _ask(self, client: Client, asked: Asked) -> None:
        questions = {"whole": asked}
        if asked.settings.get("quality") != _DRAFT:
            questions["draft"] = asked.with_settings(quality=_DRAFT)
        if max(asked.painted) > int(SMALLER) * _CLEARLY:
            questions["smaller"] = asked.with_settings(painting_size=SMALLER)
        self._seconds = {}
        try:
            self._open = {
                which: client.ask_estimate(each.contents, each.styles, each.settings) for which, each in questions.items()
            }
        except StyleError:  # submitting it says what is wrong
            self._open = {}
            self._say("")

    def _say(self, text: str) -> None:
        put(self, label=text, tooltip_text=text)


def _words(asked: Asked, seconds: Mapping[str, float | None]) -> str:
    """Return the times as a line, or nothing where the main one is not known."""
    whole = seconds["whole"]
    if whole is None:
        return ""
    width, height = asked.painted
    parts = [_("About {time} at {width} × {height}").format(time=duration(whole), width=width, height=height)]
    if (draft := seconds.get("draft")) is not None:
        parts.append(_("Draft about {time}").format(time=duration(draft)))
    if (smaller := seconds.get("smaller")) is not None:
        parts.append(_("at {side} px about {time}").format(side=SMALLER, time=duration(smaller)))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration in short, with no more figures than it is known by."""
    if seconds < 60:
        return _("{number} s").format(number=max(1, round(seconds) if seconds < 10 else 5 * round(seconds / 5)))
    if seconds < 90 * 60:
        minutes = seconds / 60
        return _("{number} min").format(number=round(minutes) if minutes < 20 else 5 * round(minutes / 5))
    return _("{number} h").format(number=f"{seconds / 3600:.1f}".removesuffix(".0"))
