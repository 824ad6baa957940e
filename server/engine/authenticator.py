"""Who may connect to the sockets of a context: ZeroMQ's authentication (ZAP, RFC 27) by CURVE keys.

pyzmq's own thread for it (``zmq.auth.thread``) needs a loop of asyncio that Windows has not: nobody gets in there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils import z85

log = logging.getLogger("authenticator")


class Authenticator:
    """Answers ZeroMQ's questions in a thread, until :meth:`stop`; whom nobody admits is refused.

    Args:
        context: of the sockets; it can have one of these.
    """

    def __init__(self, context: zmq.Context[Any]) -> None:
        self._admitted: dict[str, Callable[[bytes], bool]] = {}
        self._questions: zmq.Socket[bytes] = context.socket(zmq.REP)
        self._questions.setsockopt(zmq.LINGER, 0)
        self._questions.bind("inproc://zeromq.zap.01")
        end = f"inproc://authenticator-{id(self)}"
        self._ended: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._ended.bind(end)
        self._end: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._end.connect(end)
        self._thread = threading.Thread(target=self._answer, name="authenticator", daemon=True)
        self._thread.start()

    def admit(self, domain: str, accepts: Callable[[bytes], bool]) -> None:
        """Ask ``accepts``, in the thread, about each key (in Z85) that comes to a socket whose ZAP domain that is."""
        self._admitted[domain] = accepts

    def forget(self, domain: str) -> None:
        """Admit nobody to a domain any more."""
        self._admitted.pop(domain, None)

    def stop(self) -> None:
        """Answer nothing any more."""
        self._end.send(b"")
        self._thread.join(2.0)
        self._end.close(0)

    def _answer(self) -> None:
        poller = zmq.Poller()
        poller.register(self._questions, zmq.POLLIN)
        poller.register(self._ended, zmq.POLLIN)
        while self._ended not in (ready := dict(poller.poll())):
            if self._questions in ready:
                version, request, domain, _, _, mechanism, *credentials = self._questions.recv_multipart()
                known = (version, mechanism, len(credentials)) == (b"1.0", b"CURVE", 1)
                good = known and self._accepts(domain.decode("utf-8", "replace"), z85.encode(credentials[0]))
                answer = (b"200", b"OK") if good else (b"400", b"no authorised key")
                self._questions.send_multipart([b"1.0", request, *answer, b"", b""])
        self._questions.close(0)
        self._ended.close(0)

    def _accepts(self, domain: str, key: bytes) -> bool:
        accepts = self._admitted.get(domain)
        try:
            return accepts is not None and accepts(key)
        except Exception:  # without an answer nobody could come in any more
            log.exception("a key cannot be judged")
            return False
