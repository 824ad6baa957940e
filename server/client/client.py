"""The one client of the server: used by the GIMP plug-in, the command line and the tests.

Needs the standard library, and pyzmq where that can be loaded (:mod:`server.client.wires`). Nothing here but
:meth:`Client.connect` and :meth:`Client.status` waits for the server: what it says arrives as events that
:meth:`Client.next_event` hands out. One :class:`Client` is one connection (:mod:`server.client.channel`): after
:class:`Disconnected`, connect again.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from server import protocol
from server.client.bridge_wire import open_bridge
from server.client.channel import Channel
from server.client.wires import BRIDGE, Wanted, Wire, chosen
from server.discovery import ServerError, default_folder
from server.events import (
    Accepted,
    Cancelled,
    Disconnected,
    Event,
    Failed,
    Finished,
    Note,
    Paused,
    PictureArrived,
    Progress,
    Queued,
    Refused,
    Starting,
)
from server.frames import encode
from server.protocol import Message, Picture
from server.submission import to_message
from stylecore.errors import ProtocolError, StyleError
from stylecore.request import PaintRequest

__all__ = [
    "Accepted",
    "Cancelled",
    "Client",
    "Disconnected",
    "Event",
    "Failed",
    "Finished",
    "Note",
    "Paused",
    "Picture",
    "PictureArrived",
    "Progress",
    "ProtocolError",
    "Queued",
    "Refused",
    "ServerError",
    "Starting",
    "StyleError",
    "default_folder",
]


class Client:
    """A connection to the server. Make it with :meth:`connect`; it is also a context manager."""

    def __init__(self, wire: Wire, welcome: list[bytes]) -> None:
        self._channel = Channel(wire, welcome)

    @property
    def welcome(self) -> dict[str, Any]:
        """What the server said of itself last.

        ``version``, ``pid``, ``device`` and ``memory`` (empty before its first engine), and ``why`` that is the processor:
        an error's parts, or nothing.
        """
        return self._channel.welcome

    @property
    def lost(self) -> bool:
        """Whether the connection is over, though it was not closed here: connect again."""
        return self._channel.lost

    @classmethod
    def connect(
        cls,
        folder: Path | None = None,
        *,
        server_command: Sequence[str] | None = None,
        bridge_command: Sequence[str] | None = None,
        start: bool = True,
        timeout: float = 20.0,
        client_name: str = "gimp",
        connection_file: Path | None = None,
        wire: str | None = None,
    ) -> Client:
        """Return a client that has been greeted by the server of ``folder``; starts the server if none lives.

        ``server_command`` is how to start one (default: this Python with ``-m server``), ``bridge_command`` how to start
        the bridge (``-m server.bridge``), which is taken where this Python has no pyzmq or ``$NEURAL_STYLE_WIRE`` says so;
        ``wire``, of :data:`server.client.wires.WIRES`, says so here. An older server is asked to finish what it has, and a
        new one takes its place at once. ``connection_file`` (default: what ``$NEURAL_STYLE_CONNECTION`` names) is of a
        server on another computer, made there with ``neural-style server export-client``; then ``folder`` is not used
        and no server is started.

        Raises:
            ServerError: no server could be reached within ``timeout`` seconds, and why.
        """
        if connection_file is None and folder is None:
            named = os.environ.get("NEURAL_STYLE_CONNECTION")
            connection_file = Path(named) if named else None
        wanted = Wanted(
            folder=(Path(folder) if folder is not None else default_folder()).absolute(),
            connection_file=connection_file.absolute() if connection_file is not None else None,
            server_command=tuple(server_command) if server_command is not None else None,
            start=start,
            timeout=timeout,
        )
        hello = encode(
            Message("hello", {"client": client_name[:200], "version": protocol.VERSION}), protocol.CLIENT_MESSAGES
        )
        if (wire or chosen()) == BRIDGE:
            return cls(*open_bridge(bridge_command, wanted, hello))
        from server.client.reaching import reach  # imports pyzmq

        return cls(*reach(wanted, hello))

    def submit(
        self,
        request: PaintRequest[Picture],
        *,
        until: str = "full",
        preview_every: float = 1.0,
        previews: bool = True,
        keep_every: int = 0,
    ) -> str:
        """Send a job and return its name at once; what becomes of it arrives as events.

        Args:
            request: what is to be painted. Pictures have 3 or 4 channels, and the result is like the content in size,
                channels and kind; maps have one channel and the content's size.
            until: ``'full'``, or ``'preview'`` to pause after the small scales until :meth:`continue_`.
            preview_every: seconds between two preview pictures, at least.
            previews: False for none.
            keep_every: steps at full size after each of which, but the last, the picture arrives as PictureArrived
                ``'kept'``, just after that step's Progress; 0 for never.

        Raises:
            ProtocolError: a picture cannot be used.
            ServerError: the connection is lost.
        """
        job = uuid.uuid4().hex
        message = to_message(
            job, request, until=until, previews=previews, preview_every=preview_every, keep_every=keep_every
        )
        size = sum(picture.size for picture in message.pictures)
        self._channel.send_job(job, encode(message, protocol.CLIENT_MESSAGES), size)
        return job

    def next_event(self, timeout: float = 0.0) -> Event | None:
        """Return the next event, waiting at most ``timeout`` seconds for it; None if there is none."""
        event = self._channel.next_event(timeout)
        if isinstance(event, PictureArrived) and event.kind == "preview" and not self._channel.lost:
            self._channel.send("seen", job=event.job)
        return event

    def prepare(self) -> None:
        """Let the server get ready for a job that is likely to come: it loads the network meanwhile."""
        self._channel.send("prepare")

    def ask_estimate(
        self, contents: Sequence[tuple[int, int]], styles: Sequence[tuple[int, int]], settings: Mapping[str, Any]
    ) -> str:
        """Ask how long it would take to paint pictures of these sizes (width, height), one after the other.

        Returns the question's name at once, for :meth:`estimate`. The answer comes between two steps of a job at hand.

        Raises:
            ProtocolError: a size or a setting cannot be used.
        """
        name = uuid.uuid4().hex
        self._channel.send("estimate", job=name, contents=list(contents), styles=list(styles), settings=dict(settings))
        return name

    def estimate(self, name: str) -> tuple[float, bool] | None:
        """Return the seconds, and whether they are known, that answer a question; once, and None before that."""
        return self._channel.estimates.pop(name, None)

    def stop(self, job: str) -> None:
        """Finish the job now with what is there."""
        self._channel.send("stop", job=job)

    def cancel(self, job: str) -> None:
        """End the job without a result."""
        self._channel.send("cancel", job=job)

    def update(self, job: str, settings: Mapping[str, Any]) -> None:
        """Give the running job new values for settings that are ``live``; others are answered with Refused."""
        self._channel.send("update", job=job, settings=dict(settings))

    def continue_(self, job: str) -> None:
        """Go on to full size with a job submitted with ``until='preview'``."""
        self._channel.send("continue", job=job)

    def snapshot(self, job: str) -> None:
        """Ask for the picture as it is now, at the content's size; arrives as PictureArrived ``'snapshot'``."""
        self._channel.send("snapshot", job=job)

    def status(self) -> dict[str, Any]:
        """Return the server's report of itself: version, device, engine, jobs, clients, seconds up.

        Raises:
            ServerError: it does not answer within five seconds.
        """
        self._channel.send("status")
        return dict(self._channel.reply("status", 5.0).fields["report"])

    def shutdown(self) -> None:
        """Ask the server to end, whatever it is doing; its end arrives as Disconnected."""
        self._channel.send("shutdown")

    def close(self) -> None:
        """Leave; jobs that are not over are cancelled by the server."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
