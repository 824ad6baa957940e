"""An engine on a Ray cluster: this process stands in for it at the broker, and passes on what the two say to each other.

The engine itself is the same process as on this computer (:mod:`server.engine.process`), started by a Ray actor on the
machine that Ray gives it. When that machine is lost, its jobs go on from the last image that was saved here, on another.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import zmq

from server.cluster.driver import Cluster
from server.engine import lifeline, transport
from server.engine.authenticator import Authenticator
from server.engine.heartbeat import send_beat
from server.engine.link import EngineLink
from server.engine.reports import REPORTS, report
from server.frames import decode, encode, examine
from server.protocol import CLIENT_MESSAGES, Message, Picture
from server.submission import to_message, to_request
from stylecore import system
from stylecore.errors import StyleError, fault

#: The engine's machine is asked for news at least so often, and given up when it has not answered for so long.
_PATIENCE_SECONDS = 0.1
_SILENT_SECONDS = 10.0
#: How often the image of a job at its last scale is saved; what earlier scales cost is soon done again.
_SAVE_SECONDS = 10.0
#: A job whose machine is lost so often is given up with its engine.
_MOST_LOSSES = 5
_PULSE_SECONDS = 0.5
#: The engine process is to see its own GPU alone.
_ACTOR = {"env_vars": {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "0"}}

Frames = list[bytes]


@dataclass(frozen=True)
class News:
    """What an engine has to say: its reports, its pulse if there was one, and how it ended if it did."""

    reports: list[Frames]
    pulse: tuple[float, float] | None
    status: int | None


class RemoteEngine:
    """The actor: an engine process on its machine."""

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neural-style-")
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._link = EngineLink(context, Authenticator(context), Path(self._folder.name), 0, options)

    def exchange(self, messages: Sequence[Frames], wait: float) -> News:
        """Pass messages on to the engine, and return what came of it, after ``wait`` seconds at most if nothing did."""
        for frames in messages:
            self._link.forward(frames)
        poller = zmq.Poller()
        for source in (self._link.socket, self._link.pulse):
            poller.register(source, zmq.POLLIN)
        poller.poll(int(wait * 1000))
        heard = self._link.heard
        self._link.read_heartbeat()
        pulse = (self._link.step, self._link.expected) if self._link.heard != heard else None
        ended = not self._link.alive()  # asked first, so that its last words are heard
        reports = []
        while (received := self._link.receive()) is not None:
            reports.append([bytes(frame) for frame in received[1]])
        return News(reports, pulse, self._link.process.returncode if ended and not reports else None)


@dataclass
class Followed:
    """A job that the engine has: what is needed to begin it again elsewhere."""

    frames: Frames
    settings: dict[str, Any] = field(default_factory=dict)  # that were changed since
    until: str = ""  # other than it was submitted with
    stopped: bool = False
    last_scale: bool = False
    saved: Picture | None = None
    save_at: float = 0.0
    asked: deque[bool] = field(default_factory=deque)  # for each snapshot on its way: whether the client wants it

    def again(self) -> list[Frames]:
        """Return the messages that make another engine go on with it."""
        message = decode(self.frames, CLIENT_MESSAGES)
        request, job = to_request(message), message.fields["job"]
        request = replace(request, settings=replace(request.settings, **self.settings))
        if self.saved is not None:
            request = replace(request, start=self.saved, anew=False)
        how = {name: message.fields[name] for name in ("previews", "preview_every", "keep_every")}
        again = to_message(job, request, until=self.until or message.fields["until"], **how)
        messages = [again, *[Message("stop", {"job": job})] * self.stopped]
        return [_frames(encode(each, CLIENT_MESSAGES)) for each in messages]


class Relay:
    """Passes on what broker and engine say, and follows the jobs, until the engine ends; then this process does so too."""

    def __init__(self, link: zmq.Socket[bytes], pulse: zmq.Socket[bytes], cluster: Cluster, options: Sequence[str]) -> None:
        self._link, self._pulse, self._cluster = link, pulse, cluster
        self._share = cluster.share()
        self._options = [
            *options,
            *([] if self._share.gpus or "--threads" in options else ["--threads", str(self._share.cpus)]),
        ]
        self._jobs: dict[str, Followed] = {}
        self._losses = 0
        self._ready = self._answered = False
        self._actor = self._start()

    def _start(self) -> Any:
        self._answered = False
        actor = self._cluster.ray.remote(RemoteEngine)
        return actor.options(num_gpus=self._share.gpus, num_cpus=self._share.cpus, runtime_env=_ACTOR).remote(self._options)

    def run(self) -> int:
        """Work; returns the exit status that the engine ended with."""
        messages: list[Frames] = []
        while True:
            while self._link.poll(0):
                messages.append(self._note_message(self._link.recv_multipart()))
            news = self._ask([*messages, *self._saving()])
            if news is None:
                self._losses += 1
                if self._losses > _MOST_LOSSES:
                    return 1
                self._actor = self._start()
                messages = self._begin_again()
                continue
            messages = []
            if news.pulse is not None:
                self._beat(*news.pulse)
            for frames in news.reports:
                self._pass_on(frames)
            if news.status is not None:
                return news.status

    def _ask(self, messages: Sequence[Frames]) -> News | None:
        """Return the engine's news; None if its machine is lost."""
        ray = self._cluster.ray
        answer = self._actor.exchange.remote(messages, _PATIENCE_SECONDS)
        begin = time.monotonic()
        while True:
            try:
                news: News = ray.get(answer, timeout=_PULSE_SECONDS)
                self._answered = True
                return news
            except ray.exceptions.GetTimeoutError:
                self._beat(0.0, 0.0)  # this process lives, and looks after it
                # One that has not answered yet waits for a machine that is free.
                if self._answered and time.monotonic() > begin + _SILENT_SECONDS:
                    ray.kill(self._actor)
                    return None
            except ray.exceptions.RayActorError:
                return None

    def _beat(self, step: float, expected: float) -> None:
        send_beat(self._pulse, step, expected)

    def _note_message(self, frames: Frames) -> Frames:
        """Note what the broker says about a job, and return it."""
        message = examine(frames, CLIENT_MESSAGES)
        name = message.fields.get("job", "")
        job = self._jobs.get(name)
        if message.type == "submit":
            self._jobs[name] = Followed(frames)
        elif job is not None:
            if message.type == "update":
                job.settings.update(message.fields["settings"])
            elif message.type == "snapshot":
                job.asked.append(True)
            elif message.type == "cancel":
                del self._jobs[name]  # not to be begun again; if the engine is lost with it, the broker ends that
            elif message.type in ("stop", "continue"):
                job.until, job.stopped = "full", job.stopped or message.type == "stop"
        return frames

    def _saving(self) -> list[Frames]:
        """Return the requests for images that are to be saved now."""
        now, found = time.monotonic(), []
        for name, job in self._jobs.items():
            if job.last_scale and now > job.save_at and not job.asked:
                job.asked.append(False)
                job.save_at = now + _SAVE_SECONDS
                found.append(_frames(encode(Message("snapshot", {"job": name}), CLIENT_MESSAGES)))
        return found

    def _pass_on(self, frames: Frames) -> None:
        """Pass a report on to the broker, unless it is for this process alone."""
        message = examine(frames, REPORTS)
        fields = message.fields
        job = self._jobs.get(fields.get("job", ""))
        if message.type == "ready":
            if self._ready:
                return
            self._ready = True
            report(
                self._link,
                "ready",
                device=fields["device"],
                memory=fields["memory"],
                devices=self._cluster.places(self._share),
                why=fields["why"],
            )
            return
        if job is not None:
            if message.type == "progress":
                job.last_scale = fields["scale"] == fields["scales"]
            elif message.type == "paused":
                job.last_scale = False
            elif message.type == "picture" and fields["purpose"] == "snapshot":
                (picture,) = decode(frames, REPORTS).pictures
                wanted = job.asked.popleft() if job.asked else True
                job.saved = picture if job.last_scale else None
                if not wanted:
                    return
            elif message.type in ("finished", "cancelled", "error"):
                del self._jobs[fields["job"]]
                self._losses = 0
        self._link.send_multipart(frames, copy=False)

    def _begin_again(self) -> list[Frames]:
        """Tell that a machine is lost, and return what another one is to do."""
        messages = []
        for name, job in self._jobs.items():
            told = fault("machine-lost:saved" if job.saved is not None else "machine-lost:beginning")
            report(self._link, "note", job=name, **told._asdict())
            messages += job.again()
            job.asked = deque(wanted for wanted in job.asked if wanted)
            messages += [_frames(encode(Message("snapshot", {"job": name}), CLIENT_MESSAGES)) for _ in job.asked]
        return messages


def _frames(frames: Sequence[bytes | memoryview]) -> Frames:
    return [bytes(frame) for frame in frames]


def main() -> int:
    """Run the process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.cluster.relay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cluster", required=True, help="the cluster's address")
    options, rest = parser.parse_known_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the server's terminal is the broker's to answer
    try:
        address = transport.read_address()
    except EOFError:  # the broker is gone
        return 1
    lifeline.end_with_parent()
    pulse = transport.connect_heartbeat(address)
    link = transport.connect_link(context := zmq.Context(), address)
    status = 1
    try:
        with Cluster(options.cluster) as cluster:
            status = Relay(link, pulse, cluster, rest).run()
    except StyleError as error:
        report(link, "failed", job="", **error.fault._asdict())
    link.close()
    context.term()
    system.end_like(status)  # so that the broker can tell
    return status


if __name__ == "__main__":
    from server.cluster import relay  # the machines know this module by its name

    sys.exit(relay.main())
