"""``neural-style style FOLDER --cluster``: the pictures are read and written here, and painted on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from server.cli.files.folders import END_OF_ALL, Outcome
from server.cli.terminal.progress import Several
from server.cluster.driver import Cluster
from stylecore.errors import StyleError
from stylecore.files.pictures import Picture, Pixels
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings


def repaint(
    cluster: Cluster,
    places: Mapping[Path, Path],
    styles: Sequence[Style[Pixels]],
    settings: Settings,
    load: Callable[[Path, Path | None], tuple[Picture, PaintRequest[Pixels]]],
    save: Callable[[Path, Pixels, Picture], None],
    interrupted: Callable[[], bool],
    *,
    frames: bool,
    again: bool,
    quiet: bool,
) -> Outcome:
    """Paint every source that is not painted yet on a cluster; one that fails is noted, and the others go on.

    Args:
        cluster: joined already.
        places: picture files, each with the file of its result.
        styles: what all are painted with.
        settings: how they are to be painted.
        load: reads a source, and the result before it to go on from, if any.
        save: writes a result; is given the photo that it is of.
        interrupted: whether Ctrl-C was pressed.
        frames: the pictures of one folder are a sequence, each going on from the one before it; sequences go side by side.
        again: repaint also what is there.
        quiet: show nothing.

    Raises:
        StyleError: what the next picture would meet as well.
    """
    outcome = Outcome(skipped=[source for source, place in places.items() if place.exists() and not again])
    there = set(outcome.skipped)
    sequences = [list(group) for _, group in groupby(places, key=lambda source: source.parent if frames else source)]
    sequence_of = {source: sequence for sequence in sequences for source in sequence}
    photos: dict[Path, Picture] = {}

    def prepare(source: Path) -> PaintRequest[Pixels]:
        sequence = sequence_of[source]
        earlier = (each for each in reversed(sequence[: sequence.index(source)]) if each in there)
        before = next(earlier, None)
        photo, request = load(source, None if before is None else places[before])
        photos[source] = photo
        return request

    to_paint = [[source for source in sequence if source not in there] for sequence in sequences]
    count = sum(map(len, to_paint))
    with Several(count, quiet=quiet, first="Calling the cluster …") as bar:
        for source, answer in cluster.paint(
            to_paint, prepare, styles, settings, interrupted=interrupted, tell=bar.under_way, say=bar.say
        ):
            photo = photos.pop(source, None)
            if isinstance(answer, StyleError):
                if answer.code in END_OF_ALL:
                    raise answer
                outcome.failed.append((source, answer.sentence, answer.remedy))
                bar.say(f"{source}: {answer.sentence}")
            else:
                assert photo is not None
                for note in answer.notes:
                    bar.say(f"{source}: {note}")
                try:
                    save(places[source], answer.pixels, photo)
                    outcome.painted.append(source)
                    there.add(source)
                except StyleError as error:
                    outcome.failed.append((source, error.sentence, error.remedy))
                    bar.say(f"{source}: {error.sentence}")
            bar.show(source.name, None)
    outcome.interrupted = len(outcome.painted) + len(outcome.failed) < count
    return outcome
