"""The broker: answers clients, keeps the queue and the leases, and looks after the engine process. No torch here.

One thread, one loop. Clients talk to a ROUTER socket (CURVE, keys authorised by ZAP), the engine to a PAIR socket.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zmq
from zmq.auth.thread import ThreadAuthenticator

from server import folder as places
from server import protocol
from server.engine_link import EngineLink
from server.errors import ProtocolError, fault
from server.finding import Connection
from server.jobs import FairQueue, Job
from server.protocol import Message

log = logging.getLogger("broker")

MAX_JOBS = 64
MAX_JOBS_OF_CLIENT = 32
MAX_QUEUED_BYTES = 8_000_000_000
#: An engine that has not given up a cancelled job after this long is ended: one step can take longer than a user waits.
CANCEL_SECONDS = 3.0


@dataclass
class Session:
    """A client that has said hello."""

    name: str
    lease_until: float
    seconds: float = protocol.LEASE_SECONDS  # length of its present lease


class Broker:
    """One server. :meth:`run` returns when it has been asked to end or has been idle for long enough.

    Args:
        folder: where keys, connection file, lock and logs are; prepared.
        engine_idle: seconds without work after which the engine process is ended, giving its memory back.
        server_idle: seconds without clients after which the server ends; None for never.
        engine_options: command-line options for the engine process.

    Raises:
        ServerError: the folder or its keys cannot be used, or another server runs.
    """

    def __init__(self, folder: Path, *, engine_idle: float = 600.0, server_idle: float | None = None,
                 engine_options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._engine_idle = engine_idle
        self._server_idle = server_idle
        self._engine_options = list(engine_options)
        self._lock: IO[bytes] = places.lock(folder)
        public, secret = places.keys(folder)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._authenticator = ThreadAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve(location=folder / "keys" / "authorised")
        self._router = self._context.socket(zmq.ROUTER)
        for option, value in ((zmq.ROUTER_MANDATORY, 1), (zmq.LINGER, 500), (zmq.CURVE_SERVER, 1),
                              (zmq.MAXMSGSIZE, protocol.MAX_PICTURE_BYTES), (zmq.HANDSHAKE_IVL, 5000)):
            self._router.setsockopt(option, value)
        self._router.curve_publickey, self._router.curve_secretkey = public, secret
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self._sessions: dict[bytes, Session] = {}
        self._jobs: dict[str, Job] = {}
        self._queue = FairQueue()
        self._running: Job | None = None
        self._engine: EngineLink | None = None
        self._device, self._memory = "", {}  # type: str, dict[str, Any]
        self._began = self._busy_at = self._met_at = time.monotonic()
        self._ending = False
        places.write_connection(
            folder, Connection(f"tcp://127.0.0.1:{port}", public.decode(), os.getpid(), protocol.VERSION))
        log.info("server %s listens on port %d", protocol.VERSION, port)

    def stop(self, *_: object) -> None:
        """End soon; fit for a signal handler."""
        self._ending = True

    def run(self) -> None:
        """Serve until the end, and leave nothing behind."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.stop)
        try:
            while not self._ending:
                self._wait()
                self._serve_clients()
                self._serve_engine()
                self._keep_time()
                self._dispatch()
        finally:
            self._end()

    # Clients.

    def _wait(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        if self._engine is not None:
            poller.register(self._engine.socket, zmq.POLLIN)
        poller.poll(250 if self._jobs or self._engine else 500)

    def _serve_clients(self) -> None:
        for _ in range(100):  # then the engine has a turn
            try:
                identity, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            views = [frame.buffer for frame in frames]
            try:
                message = protocol.decode(views, protocol.CLIENT_MESSAGES)
            except ProtocolError as error:
                name = protocol.job_of(views)
                log.warning("refused a message: %s", error.sentence)
                self._send(identity.bytes, "refused" if name in self._jobs else "error", job=name, code=error.code,
                           sentence=error.sentence, remedy=error.remedy)
                continue
            self._obey(identity.bytes, message, views)

    def _obey(self, identity: bytes, message: Message, views: list[Any]) -> None:
        session = self._sessions.get(identity)
        if message.type == "hello":
            self._sessions[identity] = Session(message.fields["client"], time.monotonic() + protocol.LEASE_SECONDS)
            self._send(identity, "welcome", version=protocol.VERSION, pid=os.getpid(), device=self._device,
                       memory=self._memory)
            return
        if session is None:
            self._refuse(identity, "", "lease-expired", protocol.LEASE_SECONDS)
            return
        session.seconds = protocol.LEASE_SECONDS
        if message.type == "heartbeat":
            session.seconds += message.fields["sending"] / protocol.SLOWEST_BYTES_PER_SECOND
            self._send(identity, "heartbeat")
        elif message.type == "status":
            self._send(identity, "status", report=self._report())
        elif message.type == "bye":
            self._forget(identity)
        elif message.type == "shutdown":
            if not message.fields["if_idle"] or not (self._jobs or len(self._sessions) > 1):
                log.info("asked to end by %s", session.name)
                self._ending = True
        elif message.type == "submit":
            self._submit(identity, session, message, views)
        else:
            self._about(identity, message, views)
        session.lease_until = time.monotonic() + session.seconds

    def _submit(self, identity: bytes, session: Session, message: Message, views: list[Any]) -> None:
        name = message.fields["job"]
        size = sum(memoryview(picture.data).nbytes for picture in message.pictures)
        if name in self._jobs:
            self._refuse(identity, name, "duplicate-job", kind="refused")
            return
        if len(self._jobs) >= MAX_JOBS or self._queue.count(identity) >= MAX_JOBS_OF_CLIENT:
            self._refuse(identity, name, "queue-full", f"{len(self._jobs)} jobs")
            return
        if self._queue.size + size > MAX_QUEUED_BYTES:
            self._refuse(identity, name, "queue-full", f"{self._queue.size / 1e9:.1f} GB of pictures")
            return
        content = message.pictures[0]
        described = (f"{content.width}x{content.height} px {content.kind}, {len(message.fields['weights'])} style(s)"
                     f"{', guided' if message.fields['guided'] else ''}")
        job = Job(name, identity, session.name, views, size, described, message.fields["settings"])
        self._jobs[name] = job
        self._queue.add(job)
        self._send(identity, "accepted", job=name)

    def _about(self, identity: bytes, message: Message, views: list[Any]) -> None:
        """Answer a request about one job of this client."""
        job = self._jobs.get(message.fields["job"])
        if job is None or job.owner != identity:
            # What is asked of a job that has just ended needs no answer: its end is on the way.
            if message.type in ("update", "snapshot", "continue"):
                self._refuse(identity, message.fields["job"], "unknown-job", kind="refused")
            return
        if message.type == "cancel":
            self._cancel(job)
        elif job.state == "queued" and message.type in ("stop", "update", "snapshot", "continue"):
            if message.type == "stop" and job.started is None:
                self._cancel(job)  # nothing is there to keep
            else:
                self._refuse(identity, job.name, "not-started", kind="refused")
        elif job.state == "paused" and message.type in ("stop", "continue"):
            job.state, job.frames, job.size = "queued", views, 0
            self._queue.add(job)
        elif self._engine is not None:
            self._engine.forward(views)

    def _cancel(self, job: Job) -> None:
        """End a job without a result: at once if it waits, by way of the engine if that has it."""
        if job.state == "queued":
            self._queue.remove(job)
            held = job.started is not None
            self._over(job, "cancelled", "cancelled while it waited")
            if held and self._engine is not None:
                self._engine.send("cancel", job=job.name)
        elif self._engine is not None and job.cancel_by is None:
            job.cancel_by = time.monotonic() + CANCEL_SECONDS
            self._engine.send("cancel", job=job.name)

    def _forget(self, identity: bytes) -> None:
        """A client is gone: its jobs end."""
        session = self._sessions.pop(identity, None)
        if session is None:
            return
        for job in [job for job in self._jobs.values() if job.owner == identity]:
            log.info("job %s: its client %s is gone", job.name[:8], session.name)
            self._cancel(job)

    def _send(self, identity: bytes, kind: str, **fields: Any) -> None:
        self._pass_on(identity, protocol.encode(Message(kind, fields), protocol.SERVER_MESSAGES))

    def _refuse(self, identity: bytes, job: str, code: str, detail: object = "", *, kind: str = "error") -> None:
        code, sentence, remedy = fault(code, detail)
        self._send(identity, kind, job=job, code=code, sentence=sentence, remedy=remedy)

    def _pass_on(self, identity: bytes, frames: Sequence[Any]) -> None:
        try:
            self._router.send_multipart([identity, *frames], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            log.warning("a client does not take its messages")  # its lease is about to end
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(identity)

    # The engine.

    def _dispatch(self) -> None:
        """Give the engine its next job, starting it if need be, and tell those that wait where they stand."""
        head = self._queue.head()
        if head is not None and self._running is None:
            if self._engine is None:
                try:
                    self._engine = EngineLink(self._context, self._folder, self._engine_options)
                    log.info("engine process %d started", self._engine.process.pid)
                except OSError as error:
                    self._fail_all(*fault("engine-failed", error))
                    return
            if self._engine.ready:
                self._start_next()
            elif not head.told_loading:
                head.told_loading = True
                self._send(head.owner, "starting", job=head.name, text="Loading the network")
        before = 1 if self._running is not None else 0
        for job in self._queue:
            if job.position != before:
                job.position = before
                self._send(job.owner, "queued", job=job.name, position=before)
            before += 1

    def _start_next(self) -> None:
        job = self._queue.take()
        assert job is not None and self._engine is not None
        if job.started is None:
            self._send(job.owner, "starting", job=job.name, text="Preparing the pictures")
        if job.name not in self._jobs:
            return  # its client turned out to be gone
        self._engine.forward(job.frames)
        job.frames, job.size, job.state = (), 0, "running"
        job.started = job.started or time.monotonic()
        self._running = job

    def _serve_engine(self) -> None:
        for _ in range(100):
            if self._engine is None:
                return
            received = self._engine.receive()
            if received is None:
                break
            self._hear(self._engine, *received)
        if self._engine is not None and not self._engine.alive():
            while (received := self._engine.receive()) is not None:
                self._hear(self._engine, *received)  # its last words
                if self._engine is None:
                    return
            self._bury()

    def _hear(self, engine: EngineLink, message: Message, views: list[Any]) -> None:
        """Take a report of the engine, and pass it on to the job's client."""
        fields = message.fields
        if message.type == "ready":
            engine.ready, self._device, self._memory = True, fields["device"], fields["memory"]
            log.info("engine ready on %s", self._device)
            return
        if message.type == "failed":
            log.error("engine failed: %s", fields["sentence"])
            engine.end()
            self._engine = None
            self._fail_all(fields["code"], fields["sentence"], fields["remedy"])
            return
        found = self._jobs.get(fields.get("job", ""))
        if found is None:
            return  # its client is gone, or it was cancelled on the way to the engine
        if message.type in ("finished", "cancelled", "error"):
            outcome = {"finished": "stopped" if fields.get("stopped") else "finished", "cancelled": "cancelled"}
            rest = {name: value for name, value in fields.items() if name != "job"}
            self._over(found, message.type, outcome.get(message.type, f"failed: {fields.get('code')}"), **rest)
            return
        if message.type == "progress":
            found.fraction = fields["fraction"]
        elif message.type == "paused":
            found.state = "paused"
            self._running = None if self._running is found else self._running
        self._pass_on(found.owner, views)

    def _over(self, job: Job, kind: str, outcome: str, **fields: Any) -> None:
        """A job is over: tell its client, log its one line, make room for the next."""
        self._jobs.pop(job.name, None)
        if self._running is job:
            self._running = None
        now = time.monotonic()
        log.info("job %s of %s: %s, %s; waited %.1f s, took %.1f s", job.name[:8], job.client_name, job.described,
                 outcome, (job.started or now) - job.submitted, now - (job.started or now))
        if job.owner in self._sessions:
            self._send(job.owner, kind, job=job.name, **fields)

    def _bury(self) -> None:
        """The engine process has ended by itself: its jobs fail, the others go on with a new one."""
        engine = self._engine
        assert engine is not None
        reason, was_ready = engine.reason(), engine.ready
        log.error("engine process %d ended: %s", engine.process.pid, reason)
        engine.end()
        self._engine = None
        if not was_ready:
            self._fail_all(*fault("engine-failed", reason))
            return
        self._lose_started(reason)

    def _lose_started(self, reason: str) -> None:
        """The jobs that the engine had are lost with it."""
        lost = [job for job in self._jobs.values() if job.started is not None]
        for job in [job for job in lost if job.cancel_by is not None]:
            self._over(job, "cancelled", "cancelled")
        self._fail(lost, *fault("engine-died", reason))

    def _fail_all(self, code: str, sentence: str, remedy: str) -> None:
        self._fail(list(self._jobs.values()), code, sentence, remedy)

    def _fail(self, jobs: Sequence[Job], code: str, sentence: str, remedy: str) -> None:
        for job in jobs:
            if job.name in self._jobs:
                if job.state == "queued":
                    self._queue.remove(job)
                self._over(job, "error", f"failed: {code}", code=code, sentence=sentence, remedy=remedy)

    # Time.

    def _keep_time(self) -> None:
        """End leases, hung jobs, the idle engine, and the idle server."""
        now = time.monotonic()
        for identity, session in list(self._sessions.items()):
            if now > session.lease_until:
                log.warning("client %s: nothing heard for %.0f s", session.name, session.seconds)
                self._refuse(identity, "", "lease-expired", round(session.seconds))
                self._forget(identity)
        if self._engine is not None and any(j.cancel_by is not None and now > j.cancel_by for j in self._jobs.values()):
            log.warning("the engine does not give up a cancelled job and is ended")
            self._engine.end()
            self._engine = None
            self._lose_started("it was busy with a cancelled job")
        if self._jobs:
            self._busy_at = now
        if self._sessions or self._jobs:
            self._met_at = now
        if self._engine is not None and now > self._busy_at + self._engine_idle:
            log.info("engine process %d retired", self._engine.process.pid)
            self._engine.end()
            self._engine = None
        if self._server_idle is not None and now > self._met_at + self._server_idle:
            log.info("nothing to do for %.0f s", self._server_idle)
            self._ending = True

    def _report(self) -> dict[str, Any]:
        """Return what ``neural-style status`` shows."""
        now = time.monotonic()
        jobs = [{"job": job.name, "client": job.client_name, "state": job.state, "pictures": job.described,
                 "fraction": round(job.fraction, 3), "seconds": round(now - job.submitted, 1)}
                for job in list(self._jobs.values())]
        engine = self._engine
        state = "none" if engine is None else "loading" if not engine.ready else "busy" if self._running else "idle"
        return {"version": protocol.VERSION, "pid": os.getpid(), "seconds_up": round(now - self._began, 1),
                "device": self._device, "memory": self._memory, "engine": state,
                "engine_pid": engine.process.pid if engine is not None else 0, "clients": len(self._sessions),
                "jobs": jobs, "folder": str(self._folder)}

    def _end(self) -> None:
        """Tell the clients, end the engine, and leave the folder to the next server."""
        places.remove_connection(self._folder)
        _, sentence, remedy = fault("server-stopping")
        for identity in list(self._sessions):
            self._send(identity, "goodbye", sentence=sentence, remedy=remedy)
        if self._engine is not None:
            self._engine.end()
        self._router.close()
        self._authenticator.stop()
        self._context.term()
        self._lock.close()
        log.info("server ended")
