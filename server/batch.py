"""Several pictures in one run: which they are, where they go, and what became of each."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from server.errors import ServiceError
from server.outputs import Outputs, make_folder
from stylecore.errors import StyleError
from stylecore.files import writing

_PATTERN = re.compile(r"[*?\[]")
#: Errors that the next picture would meet as well.
END_OF_ALL = frozenset({"connection-lost", "server-absent", "server-silent", "server-start-failed", "server-stopping",
                         "keys-missing", "keys-unsafe", "version-mismatch", "engine-failed", "device-missing",
                         "weights-missing", "weights-corrupt", "bad-connection-file", "folder-unusable", "cluster-version"})


@dataclass
class Outcome:
    """What became of the pictures of a run, each by its path."""

    painted: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str, str]] = field(default_factory=list)  # with sentence and remedy
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
        lines = [f"{folder}: {', '.join(parts)}."]
        lines += [f"  {source}: {sentence} {remedy}".rstrip() for source, sentence, remedy in self.failed]
        if self.interrupted:
            lines.append(f"Interrupted; the picture so far is {self.kept}." if self.kept else "Interrupted.")
            lines.append("The same command goes on with the rest.")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the summary for programs."""
        return {"painted": [str(path) for path in self.painted], "skipped": [str(path) for path in self.skipped],
                "failed": [{"picture": str(path), "sentence": sentence, "remedy": remedy}
                           for path, sentence, remedy in self.failed],
                "interrupted": self.interrupted, "kept": str(self.kept) if self.kept else None}


def names_many(content: Path) -> bool:
    """Return whether the argument names a folder or a pattern, not a single file."""
    return content.is_dir() or (not content.exists() and _PATTERN.search(str(content)) is not None)


def pictures_of(content: Path) -> list[Path]:
    """Return the picture files (by their endings) of a folder or a pattern, ``frame9`` before ``frame10``.

    Raises:
        StyleError: ``file-missing`` if there are none.
    """
    found = [Path(name) for name in glob.glob(str(content))] if not content.is_dir() else list(content.iterdir())
    endings = {*Image.registered_extensions(), ".exr"}
    files = [path for path in found
             if path.is_file() and not path.name.startswith(".") and path.suffix.lower() in endings]
    if not files:
        raise StyleError("file-missing", f"There are no pictures in {content}.", "Name another folder or pattern.")
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"([0-9]+)", str(path))]


def unfinished(target: Path) -> Path:
    """Return where a picture goes that was stopped before it was done; it does not count as painted."""
    return target.with_name(f"{target.stem}.unfinished{target.suffix}")


def targets(sources: Sequence[Path], folder: Path) -> list[Path]:
    """Return each source's result: its own name in ``folder``, as PNG if its format cannot be written.

    Raises:
        StyleError: ``cannot-write`` if a result would take the place of a source or of another result.
    """
    result = [folder / (source.name if writing.can_write(source) else f"{source.stem}.png") for source in sources]
    seen: dict[Path, Path] = {}
    for source, target in zip(sources, result, strict=True):
        if target.resolve() in {each.resolve() for each in sources}:
            raise StyleError("cannot-write", f"{target} is one of the files to read.", "Choose another folder for OUT.")
        if target in seen:
            raise StyleError("cannot-write", f"{source} and {seen[target]} would both become {target}.",
                             "Rename one of them.")
        seen[target] = source
    return result


def places_for(sources: Sequence[Path], folder: Path, inputs: Sequence[Path | None] = (), *,
               again: bool = False) -> dict[Path, Path]:
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


def repaint(places: Mapping[Path, Path], paint: Callable[[Path, Path, Path | None], Path | None],
            tell: Callable[[str], None], *, frames: bool, again: bool, interrupted: Callable[[], bool]) -> Outcome:
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
        ServiceError: there is no server to go on with.
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
        except (StyleError, ServiceError) as error:
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
