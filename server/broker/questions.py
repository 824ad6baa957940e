"""What clients ask an engine without having a job there: how long one would take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.broker.client_socket import Gate, Received
from server.engine.link import EngineLink
from server.protocol import Examined

#: Questions whose answers are waited for; one whose engine has ended never has any.
_MOST_OPEN = 256


class Questions:
    """The questions that are open, and who asked them."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._asked: dict[str, bytes] = {}

    def ask(self, received: Received, engines: Iterable[EngineLink]) -> None:
        """Pass a question on to an engine; where none is ready, the answer is that nothing is known."""
        name = received.message.fields["job"]
        link = next((each for each in engines if each.ready), None)
        if link is None:
            self._gate.send(received.identity, "estimate", job=name, seconds=0.0, known=False)
            return
        self._asked[name] = received.identity
        while len(self._asked) > _MOST_OPEN:
            del self._asked[next(iter(self._asked))]
        link.forward(received.frames)

    def answer(self, message: Examined, frames: list[Any]) -> None:
        """Pass an engine's answer on to who asked."""
        identity = self._asked.pop(message.fields["job"], None)
        if identity is not None:
            self._gate.pass_on(identity, frames)
