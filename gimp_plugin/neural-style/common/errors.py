"""What the plug-in itself raises for its user."""

from __future__ import annotations


class PluginError(Exception):
    """Something that the user can be told: what happened, and what to do about it.

    ``again`` says whether doing the same once more can help.
    """

    def __init__(self, sentence: str, remedy: str = "", *, again: bool = True) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.again = again


class CancelledError(Exception):
    """The user cancelled; there is nothing to tell."""
