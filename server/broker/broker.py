"""The broker: answers clients, keeps the queue and the leases, and ends when its time has come. No torch here.

One thread, one loop. What clients may say is in :mod:`server.protocol`, who may say it in
:mod:`server.broker.client_socket`; the engine processes are looked after in :mod:`server.broker.dispatcher`.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from server import protocol
from server.broker.client_socket import Gate, Received, Unreadable
from server.broker.dispatcher import Dispatcher
from server.broker.installed_version import InstalledVersion
from server.broker.jobs import Job, is_short
from server.broker.leases import Session, Sessions
from server.broker.ledger import Ledger
from server.broker.state_folder import StateFolder, check_remote, keys
from server.broker.status_report import described, report
from server.discovery import Connection, ServerError
from server.engine.authenticator import Authenticator
from server.engine.pool import EngineOptions, Engines
from stylecore import system
from stylecore.errors import fault

log = logging.getLogger("broker")

#: An engine that has not given up a cancelled job after this long is ended: one step can take longer than a user waits.
CANCEL_SECONDS = 3.0
#: What is painted when the server is asked to end may take so long; then it is finished as it is, within the second.
GRACE_SECONDS = 10.0
FINISH_SECONDS = 5.0
#: The loop turns at least this often; if it took much longer, this process did not run, and nobody else is to blame.
_TURN_SECONDS = 0.25
_ASLEEP_SECONDS = 1.5
#: How often the program's files are looked at.
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class ServerOptions:
    """How a server is run.

    Attributes:
        engine_idle: seconds without work after which an engine is ended, giving its memory back.
        server_idle: seconds without clients after which the server ends; None for never.
        grace: seconds that running jobs have when the server is asked to end.
        listen: a numeric address and a port to listen at for clients elsewhere; None for this computer only.
    """

    engine_idle: float = 600.0
    server_idle: float | None = None
    grace: float = GRACE_SECONDS
    listen: tuple[str, int] | None = None


class Broker:
    """One server. :meth:`run` returns when it has been asked to end or has been idle for long enough.

    Args:
        folder: where keys, connection file, lock and logs are; prepared.
        manner: how it is run.
        engines: how its engines are run.

    Raises:
        ServerError: the folder, its keys or the address cannot be used, or another server runs.
    """

    def __init__(self, folder: Path, manner: ServerOptions, engines: EngineOptions) -> None:
        self._folder = folder
        self._manner = manner
        self._state_folder = StateFolder(folder)
        pair = keys(folder)
        if manner.listen is not None:
            check_remote(folder, manner.listen)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._authenticator = Authenticator(self._context)
        try:
            self._gate = Gate(self._context, self._authenticator, folder / "keys" / "authorised", pair, manner.listen)
        except ServerError:
            self._authenticator.stop()  # nothing else can end the context
            raise
        self._engines = Engines(self._context, self._authenticator, folder, engines)
        self._ledger = Ledger(self._gate)
        self._sessions = Sessions(self._gate)
        self._dispatcher = Dispatcher(self._engines, self._ledger, self._gate, manner.engine_idle, self._welcome_all)
        self._installed = InstalledVersion()
        self._began = self._met_at = self._turned = self._looked_at = time.monotonic()
        self._signals = 0
        self._retiring = False
        self._end_at: float | None = None  # when what still runs is finished as it is
        self._ending = False
        self._state_folder.announce(
            Connection(self._gate.address, pair[0].decode(), os.getpid(), protocol.VERSION, protocol.PROTOCOL)
        )
        also = f" and at {self._gate.remote_address}" if self._gate.remote_address else ""
        log.info("server %s listens at %s%s", protocol.VERSION, self._gate.address, also)

    def stop(self, *_: object) -> None:
        """End when the running jobs are done or their time is up; called again, at once. Fit for a signal handler."""
        self._signals += 1

    def run(self) -> None:
        """Serve until the end, and leave nothing behind."""
        for number in system.ENDINGS:
            signal.signal(number, self.stop)
        try:
            while not self._ending:
                self._wait()
                self._account_for_sleep()
                self._serve_clients()
                self._dispatcher.serve()
                self._keep_time()
                if not self._ending:
                    self._dispatcher.dispatch()
        finally:
            self._end()

    def _wait(self) -> None:
        poller = zmq.Poller()
        for source in (*self._gate.sources, *self._engines.sources):
            poller.register(source, zmq.POLLIN)
        poller.poll(int(_TURN_SECONDS * 1000))

    def _account_for_sleep(self) -> None:
        """If this process was stopped for a while, it has heard nothing in that time; others are not to pay for it."""
        now = time.monotonic()
        slept = now - self._turned
        self._turned = now
        if slept > _ASLEEP_SECONDS:
            log.warning("did not run for %.1f s", slept)
            self._sessions.discount_sleep(slept)
            for link in self._engines:
                link.discount_sleep(slept)
            for job in self._ledger.all():
                job.cancel_by = None if job.cancel_by is None else job.cancel_by + slept

    # Clients.

    def _serve_clients(self) -> None:
        self._gate.watch()
        self._sessions.due()
        for _ in range(100):  # then the engines have a turn
            received = self._gate.receive()
            if received is None:
                break
            if isinstance(received, Unreadable):
                self._sessions.answer_garbage(received, known_job=received.job in self._ledger)
            else:
                self._obey(received)
        while self._gate.gone:
            self._forget(self._gate.gone.pop())

    def _obey(self, received: Received) -> None:
        identity, message = received.identity, received.message
        session = self._sessions.get(identity)
        if message.type == "retire":
            self._retire("asked to make room for a newer server")
        elif message.type == "hello":
            self._greet(identity, message.fields["client"])
        elif session is None:
            self._gate.refuse(identity, "", "lease-expired", protocol.LEASE_SECONDS)
        else:
            sending = 0
            if message.type == "heartbeat":
                sending = message.fields["sending"]
                self._gate.send(identity, "heartbeat")
            elif message.type == "prepare":
                if not len(self._engines):
                    self._dispatcher.start_engine()
            elif message.type == "status":
                self._gate.send(identity, "status", report=self._report())
            elif message.type == "bye":
                self._forget(identity)
            elif message.type == "shutdown":
                log.info("asked to end by %s", session.name)
                self._ending = True
            elif message.type == "submit":
                self._submit(session, received)
            elif message.type == "estimate":
                self._dispatcher.questions.ask(received, self._engines)
            else:
                self._about(received)
            session.renew(sending)

    def _greet(self, identity: bytes, name: str) -> None:
        if self._sessions.open(identity, name):
            self._welcome(identity)

    def _welcome(self, identity: bytes) -> None:
        self._gate.send(
            identity,
            "welcome",
            version=protocol.VERSION,
            pid=os.getpid(),
            device=self._dispatcher.device,
            memory=self._dispatcher.memory,
            why=self._dispatcher.why,
        )

    def _welcome_all(self) -> None:
        """Greet anew who came before the engine was known."""
        for identity in self._sessions:
            self._welcome(identity)

    def _submit(self, session: Session, received: Received) -> None:
        identity, fields, shapes = received.identity, received.message.fields, received.message.shapes
        size = sum(shape.size for shape in shapes)
        refusal = self._ledger.refusal(fields["job"], identity, size)
        if self._retiring or self._end_at is not None:
            refusal = ("server-stopping", "")
        if refusal is not None:
            duplicate = refusal[0] == "duplicate-job"
            self._gate.refuse(identity, fields["job"], *refusal, kind="refused" if duplicate else "error")
            return
        job = Job(
            fields["job"],
            identity,
            session.name,
            received.frames,
            size,
            described(shapes, fields),
            is_short(fields, shapes),
        )
        self._ledger.accept(job)

    def _about(self, received: Received) -> None:
        """Answer a request about one job of this client."""
        identity, message = received.identity, received.message
        job = self._ledger.get(message.fields["job"])
        if job is None or job.owner != identity:
            # What is asked of a job that has just ended needs no answer: its end is on the way.
            if message.type in ("update", "snapshot", "continue"):
                self._gate.refuse(identity, message.fields["job"], "unknown-job", kind="refused")
        elif message.type == "cancel":
            self._cancel(job)
        elif job.state == "queued":
            if message.type == "stop" and job.started is None:
                self._cancel(job)  # nothing is there to keep
            elif message.type != "seen":
                self._gate.refuse(identity, job.name, "not-started", kind="refused")
        elif job.state == "paused" and message.type in ("stop", "continue"):
            job.state, job.frames, job.goes_on, job.short = "queued", received.frames, True, False
            self._ledger.queue.add(job)
        elif job.engine is not None:
            job.engine.forward(received.frames)

    def _cancel(self, job: Job) -> None:
        """End a job without a result: at once if it waits, by way of the engine if that has it."""
        if job.state == "queued":
            self._ledger.over(job, "cancelled", "canceled while it waited")
            if job.engine is not None:
                job.engine.send("cancel", job=job.name)
        elif job.engine is not None and job.cancel_by is None:
            job.cancel_by = time.monotonic() + CANCEL_SECONDS
            job.engine.send("cancel", job=job.name)

    def _forget(self, identity: bytes) -> None:
        """A client is gone: its jobs end."""
        session = self._sessions.close(identity)
        if session is None:
            return
        for job in self._ledger.of(identity):
            log.info("job %s: its client %s is gone", job.name[:8], session.name)
            self._cancel(job)

    # Time.

    def _keep_time(self) -> None:
        """End leases, hung engines, idle engines, and the server when its time has come."""
        now = time.monotonic()
        for identity in self._sessions.expired(self._turned):
            self._forget(identity)
        self._dispatcher.keep_time(self._turned)  # a stop in the middle of a turn is discounted in the next
        if len(self._sessions) or len(self._ledger):
            self._met_at = now
        if not self._state_folder.keep():
            self._retiring = True
        if now > self._looked_at + _LOOK_SECONDS:
            self._looked_at = now
            if self._installed.is_another():
                self._retire("another version was installed over this one")
        if self._signals:
            self._take_signals(now)
        if self._retiring and not len(self._ledger):
            self._ending = True
        elif self._manner.server_idle is not None and now > self._met_at + self._manner.server_idle:
            log.info("nothing to do for %.0f s", self._manner.server_idle)
            self._ending = True

    def _retire(self, why: str) -> None:
        """Make room for a newer server: leave the folder to it, finish what is there, and end."""
        if not self._retiring:
            log.info("%s; %d job(s) to finish", why, len(self._ledger))
            self._retiring = True
            self._state_folder.leave()

    def _take_signals(self, now: float) -> None:
        """Go on with ending, which a signal has begun: a grace period, then what is there is finished as it is."""
        running = [job for job in self._ledger.all() if job.state == "running"]
        if self._signals > 1 or not running:
            self._ending = True
        elif self._end_at is None:
            log.info("asked to end; %d job(s) have %.0f s to finish", len(running), self._manner.grace)
            self._end_at = now + self._manner.grace
            self._ledger.fail([job for job in self._ledger.all() if job.state != "running"], fault("server-stopping"))
            told = fault("server-stopping-soon", round(self._manner.grace))
            for job in running:
                self._ledger.tell(job, "note", **told._asdict())
        elif now > self._end_at + FINISH_SECONDS:
            self._ending = True
        elif now > self._end_at:
            for job in running:
                if job.engine is not None and not job.told_stop:
                    job.told_stop = True
                    job.engine.send("stop", job=job.name)

    def _report(self) -> dict[str, Any]:
        return report(
            self._ledger,
            self._engines,
            clients=len(self._sessions),
            began=self._began,
            device=self._dispatcher.device,
            memory=self._dispatcher.memory,
            why=self._dispatcher.why,
            folder=self._folder,
            remote=self._gate.remote_address,
        )

    def _end(self) -> None:
        """Tell the clients, end the engines, and leave nothing behind."""
        self._state_folder.hide()
        for identity in self._sessions:
            self._gate.send(identity, "goodbye", **fault("server-stopping")._asdict())
        for link in self._engines:
            self._engines.end(link)
        self._gate.close()
        self._authenticator.stop()
        self._context.term()
        self._state_folder.leave()
        log.info("server ended")
