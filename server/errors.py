"""What can go wrong between a client and the server, in words and with a remedy (standard library only)."""

from __future__ import annotations

#: Longest text of a message's field.
MAX_TEXT = 2000

#: Stable error code: what happened, and what to do, in words that fit a dialog and a terminal. :func:`fault` fills in
#: ``{detail}``.
ERRORS: dict[str, tuple[str, str]] = {
    "bad-address": ("The server cannot use the address {detail}.", "Name one like 192.168.1.5:7860."),
    "bad-connection-file": (
        "The connection file cannot be used: {detail}.",
        "Make a new one with “neural-style server export-client” where the server runs.",
    ),
    "bad-message": ("A message could not be understood: {detail}.", "Update this program and the server together."),
    "bad-picture": ("A picture cannot be used: {detail}.", "Use a picture that opens in GIMP."),
    "bad-settings": ("{detail}", "Correct that setting and try again."),
    "connection-lost": ("The connection to the painting server was lost{detail}.", "Try again."),
    "duplicate-job": ("A job with this name is already there.", "Try again."),
    "engine-died": (
        "The painting engine ended unexpectedly: {detail}.",
        "Try again; if it happens again, use a smaller picture, or run “neural-style doctor”.",
    ),
    "engine-hung": (
        "The painting engine hung: {detail}. It was replaced.",
        "Try again; if it happens again, use a smaller picture, or restart the computer.",
    ),
    "engine-slow": (
        "The painting engine has not moved for {detail} seconds; if it hangs, it will be replaced.",
        "Wait, or press Cancel, which ends it at once.",
    ),
    "engine-error": ("The painting engine failed: {detail}.", "Run “neural-style doctor”; the log file says more."),
    "engine-failed": ("The painting engine could not start: {detail}.", "Run “neural-style doctor”."),
    "folder-unusable": (
        "The server's folder cannot be used: {detail}.",
        "Free the disk or correct the folder's permissions, then try again.",
    ),
    "internal-error": ("The painting server made a mistake: {detail}.", "Please report it with the server's log file."),
    "keys-missing": (
        "The keys that protect the connection cannot be read: {detail}.",
        "Run “neural-style server stop” and try again; if that does not help, run install.sh again.",
    ),
    "keys-unsafe": ("Other users could read the server's keys: {detail}.", "Run: chmod -R go-rwx {folder}"),
    "lease-expired": ("The server heard nothing from this program for {detail} seconds and ended its jobs.", "Try again."),
    "message-too-large": (
        "The pictures of this job are larger than a message may be ({detail}).",
        "Use a smaller picture or fewer styles.",
    ),
    "not-started": ("The job has not begun yet.", "Wait until it paints."),
    "no-remote-keys": (
        "Nobody else could use a server that listens at {detail}: no client has a key for it.",
        "Run “neural-style server export-client FILE” first, then start the server again.",
    ),
    "out-of-memory": ("The computer ran out of memory.", "Close other programs, or use a smaller picture."),
    "picture-too-large": ("The picture is too large: {detail}.", "Use a smaller part of the picture, or scale it down."),
    "queue-full": ("The painting server's queue is full ({detail}).", "Wait until some jobs are done, then try again."),
    "sandboxed": (
        "This program runs in a sandbox (Flatpak or Snap), which cannot start the painting server.",
        "Run “neural-style server” in a terminal, then try again.",
    ),
    "server-absent": ("No painting server is running.", "Start it with “neural-style server run”."),
    "server-running": ("A painting server is already running{detail}.", "Use it, or run “neural-style server stop”."),
    "server-silent": ("The painting server does not answer{detail}.", "Run “neural-style server stop”, then try again."),
    "server-start-failed": (
        "The painting server could not be started: {detail}",
        "Run “neural-style doctor”, or run install.sh again.",
    ),
    "server-busy": ("The painting server has too many clients.", "Close some of the programs that use it."),
    "server-stopping": ("The painting server is being stopped.", "Try again; the server starts by itself."),
    "server-stopping-soon": (
        "The painting server is being stopped; this picture has {detail} s to finish.",
        "What is painted by then is kept.",
    ),
    "too-many-styles": ("A job takes 1 to {detail} styles.", "Choose fewer styles."),
    "unknown-job": ("The server has no such job; it may be over already.", "Try again."),
    "version-mismatch": (
        "This program and the painting server are of different versions ({detail}).",
        "Run “neural-style server stop” and try again; if it stays, run install.sh again.",
    ),
}


class ServiceError(Exception):
    """What happened and what to do, with a stable code for programs; see :data:`ERRORS`."""

    def __init__(self, code: str, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.code = code
        self.sentence = sentence
        self.remedy = remedy


class ProtocolError(ServiceError):
    """A message, a picture or a setting that cannot be sent or was not understood."""


def fault(code: str, detail: object = "", **values: object) -> tuple[str, str, str]:
    """Return ``code`` with its sentence and remedy filled in, ready for any :class:`ServiceError`."""
    sentence, remedy = ERRORS[code]
    return code, sentence.format(detail=detail, **values)[:MAX_TEXT], remedy.format(detail=detail, **values)[:MAX_TEXT]
