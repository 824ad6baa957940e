"""The clients that have said hello, and their leases."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from server import protocol
from server.broker.client_socket import Gate, RateLimitedLog, Unreadable

log = logging.getLogger("sessions")

MAX_CLIENTS = 64
#: A client that has sent so many messages in a row that break the rules is not answered any more.
_BAD_MESSAGES = 20


@dataclass
class Session:
    """A client that has said hello; ``seconds`` is the length of its present lease."""

    name: str
    lease_until: float
    seconds: float = protocol.LEASE_SECONDS

    def renew(self, sending: int) -> None:
        """Note that the client is there; ``sending`` bytes are on their way, behind which its next word waits."""
        self.seconds = protocol.LEASE_SECONDS + sending / protocol.SLOWEST_BYTES_PER_SECOND
        self.lease_until = time.monotonic() + self.seconds


class Sessions:
    """All of them, by the routing identity of their connections."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._sessions: dict[bytes, Session] = {}
        self._bad: dict[bytes, int] = {}  # messages in a row that broke the rules
        self._garbage = RateLimitedLog("refused %d message(s) that break the rules")

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[bytes]:
        return iter(list(self._sessions))

    def open(self, identity: bytes, name: str) -> bool:
        """Take a client in, or tell it that there are too many; returns which."""
        if len(self._sessions) >= MAX_CLIENTS and identity not in self._sessions:
            self._gate.refuse(identity, "", "server-busy")
            return False
        self._sessions[identity] = Session(name, time.monotonic() + protocol.LEASE_SECONDS)
        return True

    def get(self, identity: bytes) -> Session | None:
        """Return the client's session, after a message of it that kept the rules."""
        self._bad.pop(identity, None)
        return self._sessions.get(identity)

    def close(self, identity: bytes) -> Session | None:
        """Forget a client; returns what is known of it if it was there."""
        self._bad.pop(identity, None)
        return self._sessions.pop(identity, None)

    def expired(self, now: float) -> list[bytes]:
        """Return the clients whose lease is over at a moment, after telling them, should they still hear."""
        over = [identity for identity, session in self._sessions.items() if now > session.lease_until]
        for identity in over:
            session = self._sessions[identity]
            log.warning("client %s: nothing heard for %.0f s", session.name, session.seconds)
            self._gate.refuse(identity, "", "lease-expired", round(session.seconds))
        return over

    def discount_sleep(self, seconds: float) -> None:
        """Leave out of account so many seconds, in which this process did not run and could hear nothing."""
        for session in self._sessions.values():
            session.lease_until += seconds

    def answer_garbage(self, received: Unreadable, *, known_job: bool) -> None:
        """Tell who sent a message that breaks the rules, unless it does nothing else."""
        if not self._bad:
            log.warning("refused a message: %s", received.error.sentence)
        else:
            self._garbage.happened()
        if len(self._bad) > MAX_CLIENTS:
            self._bad.clear()
        count = self._bad[received.identity] = self._bad.get(received.identity, 0) + 1
        if count <= _BAD_MESSAGES:
            error = received.error
            self._gate.send(
                received.identity, "refused" if known_job else "error", job=received.job, **error.fault._asdict()
            )

    def due(self) -> None:
        """Log what was held back, if it is time."""
        self._garbage.due()
