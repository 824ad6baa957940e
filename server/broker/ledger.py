"""The jobs that the server has: who is told what becomes of them, and their one line in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from server.broker.client_socket import Gate
from server.broker.jobs import FairQueue, Job
from stylecore.device import host
from stylecore.errors import Fault

log = logging.getLogger("jobs")

MAX_JOBS = 64
MAX_JOBS_OF_CLIENT = 32
#: Pictures that wait take no more than this, nor more than a quarter of the machine's memory.
MAX_QUEUED_BYTES = min(8_000_000_000, host.total_memory() // 4)


class Ledger:
    """Every job from its submission to its end."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._jobs: dict[str, Job] = {}
        self.queue = FairQueue()

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, name: str) -> bool:
        return name in self._jobs

    def all(self) -> list[Job]:
        """Return all jobs, in the order of their submission."""
        return list(self._jobs.values())

    def get(self, name: str) -> Job | None:
        """Return the job of this name, if it is not over."""
        return self._jobs.get(name)

    def of(self, owner: bytes) -> list[Job]:
        """Return the jobs of a client."""
        return [job for job in self._jobs.values() if job.owner == owner]

    def refusal(self, name: str, owner: bytes, size: int) -> tuple[str, object] | None:
        """Return why this job cannot be taken (an error's code and detail), or None if it can."""
        if name in self._jobs:
            return "duplicate-job", ""
        if len(self._jobs) >= MAX_JOBS or len(self.of(owner)) >= MAX_JOBS_OF_CLIENT:
            return "queue-full", f"{len(self._jobs)} jobs"
        if self.queue.size and self.queue.size + size > MAX_QUEUED_BYTES:
            return "queue-full", f"{self.queue.size / 1e9:.1f} GB of pictures"
        return None

    def accept(self, job: Job) -> None:
        """Take a job and tell its client."""
        self._jobs[job.name] = job
        self.queue.add(job)
        self.tell(job, "accepted")

    def tell(self, job: Job, kind: str, **fields: Any) -> None:
        """Tell a job's client something about it."""
        self._gate.send(job.owner, kind, job=job.name, **fields)

    def start(self, job: Job) -> None:
        """Note that an engine has the job now."""
        self.queue.take(job)
        job.state = "running"
        job.started = job.started or time.monotonic()

    def again(self, job: Job) -> None:
        """Put a job back that an engine was given but had not begun."""
        job.engine, job.started, job.state, job.tried, job.guest = None, None, "queued", True, False
        self.queue.add(job)

    def tell_positions(self) -> None:
        """Tell the clients of the jobs that wait where they stand, if that has changed."""
        before = sum(job.state == "running" for job in self._jobs.values())
        for job in list(self.queue):
            if job.position != before:
                job.position = before
                self.tell(job, "queued", position=before)
            before += 1

    def over(self, job: Job, kind: str, outcome: str, **fields: Any) -> None:
        """A job is over: tell its client, log its one line."""
        if self._jobs.pop(job.name, None) is None:
            return
        if job.state == "queued":
            self.queue.remove(job)
        now = time.monotonic()
        began = job.started or now
        used = f", peak {job.peak / 2**20:.0f} MB" if job.peak else ""
        where = (f" on {job.device}" if job.device else "") + (f" in {job.arithmetic}" if job.arithmetic else "")
        log.info(
            "job %s of %s: %s; %s%s; waited %.1f s, took %.1f s%s",
            job.name[:8],
            job.client_name,
            job.described,
            outcome,
            where,
            began - job.submitted,
            now - began,
            used,
        )
        self._gate.send(job.owner, kind, job=job.name, **fields)

    def fail(self, jobs: Iterable[Job], told: Fault) -> None:
        """End jobs with an error."""
        for job in list(jobs):
            self.over(job, "error", f"failed: {told.code}", **told._asdict())

    def lose(self, jobs: Iterable[Job], told: Fault) -> None:
        """End jobs whose engine is gone; those that were to be cancelled anyway are."""
        for job in list(jobs):
            if job.cancel_by is not None:
                self.over(job, "cancelled", "cancelled")
            else:
                self.fail([job], told)
