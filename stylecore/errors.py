"""The one kind of error that stylecore raises for things a person can mend."""

from __future__ import annotations


class StyleError(Exception):
    """What happened and what to do, with a stable code for programs.

    Args:
        code: stable, lower-case words joined by ``-``, e.g. ``'picture-too-large'``.
        sentence: what happened, for people.
        remedy: what to do about it, for people.
    """

    def __init__(self, code: str, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
