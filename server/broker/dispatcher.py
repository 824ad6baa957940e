"""The broker's side of painting: which engine gets which job, what they say of it, and what becomes of both."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from server.broker.client_socket import Gate
from server.broker.jobs import Job
from server.broker.ledger import Ledger
from server.broker.questions import Questions
from server.engine.link import EngineLink
from server.engine.pool import Engines
from server.protocol import Examined
from stylecore.errors import Fault, ProtocolError, fault

log = logging.getLogger("broker")


class Dispatcher:
    """Gives jobs to engines, passes their reports on, and replaces engines that die or hang.

    Args:
        engines: those that there are; more are started when there is work for them.
        ledger: the jobs.
        gate: the way to their clients.
        idle: seconds without work after which an engine is ended, giving its memory back.
        when_ready: called when an engine has said what it paints on.
    """

    def __init__(self, engines: Engines, ledger: Ledger, gate: Gate, idle: float, when_ready: Callable[[], None]) -> None:
        self._engines = engines
        self._ledger = ledger
        self._gate = gate
        self.questions = Questions(gate)
        self._idle = idle
        self._when_ready = when_ready
        self._failed_starts = 0
        #: What the newest engine paints on, the memory there, and why that is the processor: see the message ``welcome``.
        self.device = ""
        self.memory: dict[str, Any] = {}
        self.why: dict[str, Any] = {}

    def serve(self) -> None:
        """Hear what the engines have said since."""
        for link in self._engines:
            self._serve_engine(link)

    def keep_time(self, now: float) -> None:
        """End engines that hang or have had no work for long; warn of slow ones."""
        for link in self._engines:
            self._look_after(link, now)

    def _busy(self) -> set[EngineLink]:
        return {job.engine for job in self._ledger.all() if job.state == "running" and job.engine is not None}

    def _free_engine(self, job: Job, busy: set[EngineLink]) -> EngineLink | None:
        """Return a ready engine that is not busy and can take the job: any, or the one that holds it since its pause."""
        for link in self._engines if job.engine is None else [job.engine]:
            if link.ready and link not in busy:
                return link
        return None

    def _interruptible(self) -> EngineLink | None:
        """Return an engine that can do a short job between two steps of a long one."""
        for link in self._engines:
            running = [job for job in self._with(link) if job.state == "running"]
            if link.ready and len(running) == 1 and not running[0].short:
                return link
        return None

    def dispatch(self) -> None:
        """Give free engines their next jobs, starting one if need be, and tell those that wait where they stand."""
        busy = self._busy()
        waiting = 0
        for job in list(self._ledger.queue):
            link = self._free_engine(job, busy)
            if link is not None:
                self._start(job, link)
                busy.add(link)
            elif job.engine is None:
                waiting += 1
                coming = sum(not each.ready for each in self._engines)
                if waiting > coming and not self.start_engine():
                    if job.short and (link := self._interruptible()) is not None:
                        job.guest = True
                        self._start(job, link)
                    continue
                if waiting <= sum(not each.ready for each in self._engines) and not job.told_loading:
                    job.told_loading = True
                    self._ledger.tell(job, "starting", text="Loading the network")
        self._ledger.tell_positions()

    def start_engine(self) -> bool:
        """Start another engine, if there may be one more; return whether one was started."""
        try:
            return self._engines.start() is not None
        except OSError as error:
            log.error("no engine process can be started: %s", error)
            if not len(self._engines):
                self._ledger.fail(self._ledger.all(), fault("engine-failed", error))
            return False

    def _start(self, job: Job, link: EngineLink) -> None:
        if job.started is None:
            self._ledger.tell(job, "starting", text="Preparing the pictures")
        link.forward(job.frames)
        job.engine, job.device = link, link.device
        self._ledger.start(job)

    def _serve_engine(self, link: EngineLink) -> None:
        try:
            link.read_heartbeat()
            ended = not link.alive()  # asked first, so that its last words are heard
            for _ in range(100):
                if (received := link.receive()) is None:
                    break
                self._hear(link, *received)
                if link not in self._engines:
                    return
        except (ProtocolError, ValueError) as error:
            self._replace(link, fault("engine-hung:garbled", error))
            return
        if ended:
            self._bury(link)

    def _hear(self, link: EngineLink, message: Examined, frames: list[Any]) -> None:
        """Take a report of an engine, and pass it on to the job's client."""
        fields = message.fields
        if message.type == "ready":
            self._engines.is_ready(link, fields["device"], fields["memory"], int(fields["devices"]))
            self.device, self.memory, self.why = fields["device"], fields["memory"], fields["why"]
            if self.why:
                log.warning("%s %s", self.why["sentence"], self.why["remedy"])
            self._when_ready()
            self._failed_starts = 0
            return
        if message.type == "failed":
            told = Fault(fields["code"], fields["sentence"], fields["remedy"], fields["details"])
            log.error("engine failed: %s", told.sentence)
            self._engines.end(link)
            self._ledger.fail(self._without_engine(), told)
            return
        if message.type == "estimate":
            self.questions.answer(message, frames)
            return
        job = self._ledger.get(fields.get("job", ""))
        if job is None or job.engine is not link:
            return  # its client is gone, or it was cancelled on the way to the engine
        if message.type == "paused":
            if job.goes_on:
                return  # said of a change that the client made before it let the job go on
            job.state, job.guest = "paused", False  # from here on only this engine can go on with it
        if not job.guest and job.state != "queued":  # one that is queued here waits to be told to go on
            job.frames, job.size = [], 0
        if message.type == "used":
            job.peak, link.memory, job.arithmetic = int(fields["peak"]), fields["memory"], fields["arithmetic"]
        elif message.type in ("finished", "cancelled", "error"):
            outcome = {"finished": "stopped" if fields.get("stopped") else "finished", "cancelled": "cancelled"}
            rest = {name: value for name, value in fields.items() if name != "job"}
            link.idle_since = time.monotonic()
            self._ledger.over(job, message.type, outcome.get(message.type, f"failed: {fields.get('code')}"), **rest)
        else:
            if message.type == "progress":
                job.fraction = fields["fraction"]
            self._gate.pass_on(job.owner, frames)

    def _without_engine(self) -> list[Job]:
        """Return the jobs that wait for an engine, if there is none left to take them."""
        return [] if len(self._engines) else [job for job in self._ledger.all() if job.engine is None]

    def _with(self, link: EngineLink) -> list[Job]:
        return [job for job in self._ledger.all() if job.engine is link]

    def _bury(self, link: EngineLink) -> None:
        """An engine process has ended by itself: its jobs fail, the others go on with a new one."""
        reason = link.reason()
        log.error("engine process %d ended: %s", link.process.pid, reason)
        # Jobs that it had not begun, too: it was dead already when they came, which can be chance.
        self._give_up(link, reason, again=lambda job: job.guest or not job.fraction)
        if not link.ready:
            self._not_started(fault("engine-failed", reason.sentence))

    def _replace(self, link: EngineLink, reason: Fault) -> None:
        """End an engine that hangs; what it had is lost, and the others go on with a new one."""
        log.error("engine process %d is ended: %s", link.process.pid, reason)
        self._give_up(link, reason, again=lambda job: job.guest)  # it was not its step that hung, or it hangs again
        if not link.ready:
            self._not_started(reason)

    def _give_up(self, link: EngineLink, reason: Fault, *, again: Callable[[Job], bool]) -> None:
        """End an engine; its jobs fail, but those for which ``again`` holds are begun by another one, once."""
        self._engines.end(link)
        for job in self._with(link):
            if job.frames and not job.tried and job.cancel_by is None and again(job):
                self._ledger.again(job)
        self._ledger.lose(self._with(link), reason)

    def _not_started(self, told: Fault) -> None:
        """An engine was killed or hung before it was ready: that can be chance, so one more is tried."""
        self._failed_starts += 1
        if self._failed_starts > 1:
            self._ledger.fail(self._without_engine(), told)
            self._failed_starts = 0

    def _look_after(self, link: EngineLink, now: float) -> None:
        jobs = self._with(link)
        if reason := self._engines.trouble(link, now):
            self._replace(link, reason)
        elif any(job.cancel_by is not None and now > job.cancel_by for job in jobs):
            self._replace(link, fault("engine-hung:cancelled"))
        elif jobs:
            link.idle_since = now
            if self._engines.slow(link):
                log.warning("engine process %d: one step has taken %.0f s", link.process.pid, link.step)
                told = fault("engine-slow", round(link.step))
                for job in jobs:
                    if job.state == "running":
                        self._ledger.tell(job, "note", **told._asdict())
        elif link.ready and now > link.idle_since + self._idle:
            log.info("engine process %d retired", link.process.pid)
            self._engines.end(link)
