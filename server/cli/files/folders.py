"""Several pictures in one run: which they are, where they go, and what became of each."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.cli.files.outputs import Outputs, make_folder
from server.cli.terminal.patterns import is_pattern, matching
from stylecore.errors import StyleError
from stylecore.files import writing
from stylecore.files.metadata import kinds

#: In bytes, on nearly every file system.
_LONGEST_NAME = 255
#: Errors that the next picture would meet as well.
END_OF_ALL = frozenset(
    {
        "connection-lost",
        "server-absent",
        "server-silent",
        "server-start-failed",
        "server-stopping",
        "keys-missing",
        "keys-unsafe",
        "version-mismatch",
        "engine-failed",
        "device-missing",
        "weights-missing",
        "weights-corrupt",
        "bad-connection-file",
        "folder-unusable",
        "cluster-version",
    }
)


@dataclass
class Outcome:
    """What became of the pictures of a run, each by its path."""

    painted: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str, str]] = field(default_factory=list)  # with sentence and remedy
    not_taken: list[tuple[Path, str]] = field(default_factory=list)  # with why
    kept: Path | None = None  # the unfinished picture, after Ctrl-C
    interrupted: bool = False

    @property
    def exit_status(self) -> int:
        """1 if a picture could not be painted, else 0."""
        return 1 if self.failed else 0

    def words(self, folder: Path) -> str:
        """Return the summary for people."""
        parts = [f"{len(self.painted)} painted"]
        if self.skipped:
            parts.append(f"{len(self.skipped)} there already (--again repaints them)")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if self.not_taken:
            parts.append(f"{len(self.not_taken)} of a kind that is not read")
        lines = [f"{folder}: {', '.join(parts)}."]
        lines += [f"  {source}: {sentence} {remedy}".rstrip() for source, sentence, remedy in self.failed]
        lines += [f"  {why}" for _, why in self.not_taken]
        if self.interrupted:
            lines.append(f"Interrupted; the picture so far is {self.kept}." if self.kept else "Interrupted.")
            lines.append("The same command goes on with the rest.")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the summary for programs."""
        return {
            "painted": self.painted,
            "skipped": self.skipped,
            "failed": [{"picture": path, "sentence": sentence, "remedy": remedy} for path, sentence, remedy in self.failed],
            "not_taken": [{"picture": path, "why": why} for path, why in self.not_taken],
            "interrupted": self.interrupted,
            "kept": self.kept,
        }


def names_many(content: Path) -> bool:
    """Return whether the argument names a folder or a pattern, not a single file."""
    return os.path.isdir(content) or (not os.path.exists(content) and is_pattern(str(content)))


def pictures_of(content: Path) -> list[Path]:
    """Return the picture files (by their endings) of a folder or a pattern, ``frame9`` before ``frame10``.

    Raises:
        StyleError: ``file-missing`` if there are none.
    """
    files = [path for path in _files_of(content) if kinds.reads(path)]
    if not files:
        missed = [why for _, why in not_taken(content)]
        raise StyleError(
            "file-missing",
            f"There are no pictures in {content}." if not missed else f"There are no pictures that are read in {content}.",
            "Name another folder or pattern." if not missed else missed[0],
        )
    return files


def not_taken(content: Path) -> list[tuple[Path, str]]:
    """Return the files of a folder or a pattern that are pictures of a kind that is not read, each with why."""
    found = ((path, kinds.unread_picture(path)) for path in _files_of(content))
    return [(path, why) for path, why in found if why is not None]


def _files_of(content: Path) -> list[Path]:
    found = list(content.iterdir()) if os.path.isdir(content) else matching(str(content))
    files = [path for path in found if path.is_file() and not path.name.startswith(".")]
    return sorted(files, key=lambda path: (_natural(path), str(path)))


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"([0-9]+)", str(path))]


def unfinished(target: Path) -> Path:
    """Return where a picture goes that was stopped before it was done; it does not count as painted."""
    return target.with_name(_fitting(target.stem, f".unfinished{target.suffix}"))


def targets(sources: Sequence[Path], folder: Path) -> list[Path]:
    """Return each source's result: its own name in ``folder``, as PNG if its format cannot be written.

    Where several would have one name (also one that differs by the case of letters, which some systems pass over), what
    becomes PNG keeps its old ending before the new one (``p.psd.png`` beside ``p.png``), pictures of several folders have
    these folders' names in front, and what is left is numbered. The names follow from those of the sources alone, so that
    the same command finds what is done already.

    Raises:
        StyleError: ``cannot-write`` if a result would take the place of a source.
    """
    root = os.path.commonpath([source.parent for source in sources]) if sources else ""
    folders: dict[str, set[Path]] = {}
    for source in sources:
        folders.setdefault(_key(_result_name(source)), set()).add(source.parent)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for source in sorted(sources, key=lambda source: (not writing.can_write(source), str(source))):
        name = _result_name(source)
        whole = name if name == source.name else f"{source.name}.png"
        above = Path(os.path.relpath(source.parent, root or os.curdir)).parts
        several = len(folders[_key(name)]) > 1
        in_front = "-".join([*above, whole])
        numbered = (_fitting(Path(whole).stem, f"-{n}{Path(whole).suffix}") for n in itertools.count(1))
        candidates = itertools.chain([in_front] if several else [name, whole], numbered)
        names[source] = next(each for each in candidates if _key(each) not in taken and _fits(each))
        taken.add(_key(names[source]))
    read = {source.resolve() for source in sources}
    result = [folder / names[source] for source in sources]
    for target in result:
        if target.resolve() in read:
            raise StyleError("cannot-write", f"{target} is one of the files to read.", "Choose another folder for OUT.")
    return result


def _result_name(source: Path) -> str:
    return source.name if writing.can_write(source) else _fitting(source.stem, ".png")


def _fits(name: str) -> bool:
    return len(os.fsencode(name)) <= _LONGEST_NAME


def _fitting(stem: str, ending: str) -> str:
    """Return both together, the stem cut off where no file system would keep so long a name."""
    while not _fits(stem + ending):
        stem = stem[:-1]
    return stem + ending


def _key(name: str) -> str:
    """Return what two names have in common that are one to the laxest of file systems."""
    return unicodedata.normalize("NFC", name).casefold()


def places_for(
    sources: Sequence[Path], folder: Path, inputs: Sequence[Path | None] = (), *, again: bool = False
) -> dict[Path, Path]:
    """Return each source with its result in ``folder``, which is made.

    Args:
        sources: picture files.
        folder: where the results go.
        inputs: what else is read.
        again: what is there already is written anew.

    Raises:
        StyleError: ``cannot-write``, also if a result would take the place of what is read.
    """
    places = targets(sources, folder)
    make_folder(folder)
    outputs = Outputs([*sources, *inputs])
    for place in places:
        if again or not place.exists():
            outputs.claim(place)
            outputs.claim(unfinished(place))
    return dict(zip(sources, places, strict=True))


def repaint(
    places: Mapping[Path, Path],
    paint: Callable[[Path, Path, Path | None], Path | None],
    tell: Callable[[str], None],
    *,
    frames: bool,
    again: bool,
    interrupted: Callable[[], bool],
) -> Outcome:
    """Paint every source; a picture that fails is noted, and the next one is painted.

    Args:
        places: picture files, each with the file of its result.
        paint: takes a source, its result's path and the frame before it (or None), writes the result, and returns where:
            :func:`unfinished` of that path if it was stopped, None if it was cancelled.
        tell: is given a line for people before each picture.
        frames: each goes on from the result before it in its folder.
        again: repaint also what is there.
        interrupted: whether Ctrl-C was pressed.

    Raises:
        StyleError: there is no server to go on with.
    """
    sources = list(places)
    outcome, before = Outcome(), None
    for number, (source, target) in enumerate(places.items(), 1):
        if interrupted():
            outcome.interrupted = True
            break
        if number > 1 and source.parent != sources[number - 2].parent:
            before = None  # another folder: another sequence
        if target.exists() and not again:
            outcome.skipped.append(source)
            before = target
            continue
        tell(f"{number} of {len(sources)}: {source}")
        try:
            place = paint(source, target, before if frames else None)
        except StyleError as error:
            if error.code in END_OF_ALL:
                raise
            outcome.failed.append((source, error.sentence, error.remedy))
            tell(f"{error.sentence} The next picture follows.")
            continue
        if place != target:
            outcome.interrupted, outcome.kept = True, place.resolve() if place else None
            break
        unfinished(target).unlink(missing_ok=True)
        outcome.painted.append(source)
        before = target
    return outcome
