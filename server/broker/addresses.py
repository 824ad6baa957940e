"""Addresses as people write them: ``HOST``, ``HOST:PORT``, ``[IPV6]:PORT``."""

from __future__ import annotations

import ipaddress
import socket

from server.discovery import ServerError
from stylecore.errors import fault


def listening_address(text: str) -> tuple[str, int]:
    """Return the numeric address and the port (0: a free one) of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        ServerError: ``bad-address``.
    """
    host, port = split_address(text)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
        raise ServerError(*fault("bad-address", f"“{text}”: {getattr(error, 'strerror', None) or error}")) from None
    return str(found[0][4][0]), port


def split_address(text: str) -> tuple[str, int]:
    """Return host and port (0 if it names none) of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        ServerError: ``bad-address``.
    """
    bare = text.removeprefix("tcp://")
    if bare.startswith("[") and "]" in bare:
        host, rest = bare[1:].split("]", 1)
        port = rest.removeprefix(":")
    elif bare.count(":") > 1:  # an IPv6 address by itself
        host, port = bare, ""
    else:
        host, _, port = bare.partition(":")
    if not host or not (port or "0").isascii() or not (port or "0").isdigit() or int(port or "0") > 65535:
        raise ServerError(*fault("bad-address", f"“{text}”"))
    return host, int(port or "0")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the numeric address."""
    return ipaddress.ip_address(host.split("%")[0]).is_loopback


def shown(host: str, port: int) -> str:
    """Return the address as ZeroMQ takes it: ``tcp://HOST:PORT``."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
