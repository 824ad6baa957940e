"""Looks: all settings with the styles, under a name that the user gave, or as one of the last that were applied."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gi.repository import GdkPixbuf

from common import installation, kept
from common.errors import PluginError
from common.translation import _, reason_of
from stylecore.settings import Settings
from styles import gallery_folders, remembered, thumbnails

#: As many are remembered without a name.
MOST_RECENT = 20
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Look:
    """Settings as they are stored, and styles with their weights; ``when`` (seconds) tells the last ones apart.

    ``without`` are the names of styles that were open in GIMP, which cannot be kept.
    """

    name: str
    settings: Mapping[str, Any]
    styles: Sequence[tuple[str, float]]
    when: float = 0.0
    without: Sequence[str] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any], weights: Mapping[str, float], name: str = "", *, to_keep: bool = True) -> Look:
        """Return the look of settings, by their own names, and of styles by their keys.

        One that is ``to_keep`` for another time has files only.
        """
        keys = [key for key in weights if gallery_folders.is_file(key) or not to_keep]
        styles = [(remembered.name_of(key), weights[key]) for key in keys]
        without = [gallery_folders.name_of(key) for key in weights if key not in keys]
        return cls(name, Settings.from_stored(settings).to_stored(), styles, without=without)

    @property
    def values(self) -> dict[str, Any]:
        """The settings by their own names, as this version has them."""
        return asdict(Settings.from_stored(self.settings))

    @property
    def weights(self) -> dict[str, float]:
        """The styles that are still there, with their weights."""
        paths = {remembered.path_of(name): weight for name, weight in self.styles}
        return {key: weight for key, weight in paths.items() if not gallery_folders.is_file(key) or os.path.isfile(key)}

    @property
    def words(self) -> str:
        """What it is called; one of the last after its styles and its strength."""
        if self.name:
            return self.name
        names = " + ".join(gallery_folders.name_of(remembered.path_of(name)) for name, _weight in self.styles)
        if self.without:
            names = _("{styles} (without {others})").format(styles=names, others=", ".join(self.without)).strip()
        strength = _("Strength {number}").format(number=f"{self.values['strength']:g}")
        return " · ".join(filter(None, (names, strength)))

    @property
    def thumbnail(self) -> GdkPixbuf.Pixbuf | None:
        """What it looked like, for one of the last."""
        return thumbnails.kept_at(_picture(self.when)) if self.when else None


def named() -> list[Look]:
    """Return the looks that have a name, in the order of these."""
    return sorted(_read(_named_file()), key=lambda look: look.name.casefold())


def recent() -> list[Look]:
    """Return the last looks that were applied, newest first."""
    return _read(_recent_file())


def tidy(name: str) -> str:
    """Return a name as it is kept."""
    return " ".join(name.split())[:_LONGEST_NAME]


def save(look: Look) -> None:
    """Keep a look under its name; another with that name is replaced.

    Raises:
        PluginError: it has no name, or cannot be written.
    """
    name = tidy(look.name)
    if not name:
        raise PluginError(_("The look has no name."), _("Give it one."))
    _write(_named_file(), [*(each for each in named() if each.name != name), replace(look, name=name)])


def remove(name: str) -> None:
    """Forget a look that has this name.

    Raises:
        PluginError: the file cannot be written.
    """
    _write(_named_file(), [each for each in named() if each.name != name])


def remember(look: Look, picture: GdkPixbuf.Pixbuf | None) -> None:
    """Put a look in front of the last ones, with a picture of what it made; an equal one is not kept twice."""
    look = replace(look, name="", when=time.time())
    same = [each for each in recent() if _parts(each) == _parts(look)]
    left = [each for each in recent() if each not in same]
    try:
        for old in (*same, *left[MOST_RECENT - 1 :]):
            _picture(old.when).unlink(missing_ok=True)
        if picture is not None:
            _picture(look.when).parent.mkdir(parents=True, exist_ok=True)
            thumbnails.keep(thumbnails.square(picture), str(_picture(look.when)))
        _write(_recent_file(), [look, *left[: MOST_RECENT - 1]])
    except (OSError, PluginError) as error:  # the picture is painted, which is what was asked for
        print(f"neural-style: cannot remember the look: {error}")


def _parts(look: Look) -> tuple[object, ...]:
    return look.values, list(look.styles), list(look.without)


def _named_file() -> Path:
    return installation.read().user_styles / ".looks.json"


def _recent_file() -> Path:
    return installation.thumbnail_folder().parent / "recent-looks.json"


def _picture(when: float) -> Path:
    return installation.thumbnail_folder().parent / "looks" / f"{when:.3f}.rgb"


def _read(file: Path) -> list[Look]:
    found, stored = [], kept.read(file)
    for each in stored if isinstance(stored, list) else []:
        try:
            styles = [(str(name), float(weight)) for name, weight in each["styles"]]
            without = [str(name) for name in each.get("without", ())]
            found.append(Look(str(each["name"]), dict(each["settings"]), styles, float(each.get("when", 0.0)), without))
        except (KeyError, TypeError, ValueError):  # of another version
            continue
    return found


def _write(file: Path, looks: Sequence[Look]) -> None:
    try:
        kept.write(file, [asdict(look) for look in looks])
    except OSError as error:
        raise PluginError(
            _("The look cannot be written to {folder}: {reason}.").format(folder=file.parent, reason=reason_of(error)),
            _("Free some disk space, or make the folder writable."),
        ) from None
