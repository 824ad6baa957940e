"""``neural-style style``: picture files in, picture files out, with a progress bar."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from server.cli.files.folders import Outcome, names_many, not_taken, pictures_of, places_for, repaint, unfinished
from server.cli.files.masks import with_masks
from server.cli.files.notes import as_styles, other_depths, read, transparency
from server.cli.files.outputs import Outputs, save_painted
from server.cli.painting import Interrupts, at_step, paint_picture
from server.cli.terminal.output import counted, say, tell, tell_all, write_json
from server.cli.terminal.progress import progress
from server.client import client as wire
from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.painting.planning.brush import enough_pixels
from stylecore.request import PaintRequest, Style
from stylecore.setting_kinds import SettingError, numbers
from stylecore.settings import BY_NAME, Settings

if TYPE_CHECKING:
    from stylecore.tensors.strips import Ranks

#: Of the side-by-side picture.
_PANEL_HEIGHT = 640
_WIDEST_PANEL = 2.0
#: At the last scale, unless the settings name another number (:mod:`stylecore.painting.planning.plan`, which brings torch).
_MOST_STEPS = 400


def style(options: argparse.Namespace, ranks: Ranks | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        options: the command line's.
        ranks: the processes that paint the picture together, if there are several. Rank 0 writes the results.

    Raises:
        StyleError: what went wrong, for people.
    """
    settings = chosen_settings(options)
    weights = style_weights(options.weights, len(options.styles))
    several = check(options, ranks is not None)
    first = ranks is None or ranks.rank == 0
    if several:
        return _many(options, settings, weights)
    if first:
        # Before anything is refused: it may be what explains that.
        tell_all(as_styles(options.content, options.styles, options.output))
    _claim_outputs(options, settings)
    if first:
        tell_all(other_depths(options.depth, [options.output]))
    photo = read(options.content, max(0, options.size))
    start = read(options.start_from, max(0, options.size)).pixels if options.start_from else None
    styles = load_styles(options, weights, photo.pixels.shape[:2], settings.brush_size)
    request = with_masks(options, PaintRequest(photo.pixels, styles, settings, start=start))
    if first:
        tell_all(transparency(photo, options.output))
        _check_writing(options, photo)
    begin = time.monotonic()
    # From here on to the end of writing, Ctrl-C costs nothing that has been painted.
    with Interrupts() as interrupts:
        with progress(quiet=options.json or not first) as bar:
            painted = paint_picture(request, interrupts, options, bar, ranks, saving=_saving(options, photo))
        if not first:
            return 0  # rank 0 has the picture
        if painted is None:
            tell(_cancelled(options))
            return interrupts.exit_status
        result, finished = painted
        save_painted(options.output, result, **_saving(options, photo))
        if options.side_by_side is not None:
            _write_side_by_side(options, photo.pixels, [style.picture for style in styles], result)
        _tell(options, result, finished, time.monotonic() - begin)
    return interrupts.exit_status if finished.stopped else 0


def _inputs(options: argparse.Namespace) -> list[Path | None]:
    """Return every file that the command line names to be read."""
    return [
        options.content,
        *options.styles,
        options.guide,
        *options.style_guide,
        options.strength_map,
        options.start_from,
        options.connection,
    ]


def _claim_outputs(options: argparse.Namespace, settings: Settings) -> None:
    """Make sure that no file which painting one picture writes is one that it reads, or another one that it writes.

    Raises:
        StyleError: ``cannot-write``.
    """
    outputs = Outputs(_inputs(options))
    for path in (options.output, options.side_by_side):
        if path is not None:
            writing.format_of(outputs.claim(path))
    if options.resume is not None:
        outputs.claim(options.resume)
    if options.save_every:
        most = settings.iterations or _MOST_STEPS
        for step in range(options.save_every, most, options.save_every):
            outputs.claim(at_step(options.output, step))


def _check_writing(options: argparse.Namespace, photo: pictures.Picture) -> None:
    """Find out before the painting whether its results can be written.

    Raises:
        StyleError: ``cannot-write``.
    """
    height, width, channels = photo.pixels.shape
    depth = _depth(options, photo)
    writing.check(options.output, (height, width), channels, depth=depth)
    if options.resume is not None:
        writing.check_room(options.resume, b"\0", 1)
    if options.side_by_side is not None:
        panels = 2 + len(options.styles)
        writing.check(options.side_by_side, (_PANEL_HEIGHT, _PANEL_HEIGHT * panels), 3)


def _cancelled(options: argparse.Namespace) -> str:
    said = f"Cancelled; {options.output} was not written."
    return f"{said} The work so far is in {options.resume}." if options.resume and options.resume.exists() else said


def _write_side_by_side(
    options: argparse.Namespace, photo: pictures.Pixels, styles: list[pictures.Pixels], result: pictures.Pixels
) -> None:
    try:
        writing.write_image(options.side_by_side, side_by_side(photo, styles, result), quality=_quality(options))
    except StyleError as error:
        raise StyleError(
            error.code, f"{error.sentence} The result itself is there: {options.output.resolve()}.", error.remedy
        ) from error


def check(options: argparse.Namespace, on_ranks: bool) -> bool:
    """Return whether several pictures are to be painted.

    Args:
        options: the command line's.
        on_ranks: whether several processes are to paint, which they do without the server.

    Raises:
        StyleError: for flags that do not go together.
    """
    several = options.frames or names_many(options.content)
    options.local = options.local or on_ranks
    if on_ranks and several:
        raise StyleError("bad-arguments", "--ranks is for a single picture.", "Name one picture, or leave --ranks out.")
    if options.resume is not None and (not options.local or several):
        raise StyleError("bad-settings", "--resume is for one picture with --local.", "Add --local, or leave --resume out.")
    if options.cluster is not None and (options.local or options.connection or not names_many(options.content)):
        raise StyleError(
            "bad-arguments",
            "--cluster is for a folder or a pattern, without --local and --connection.",
            "Leave --cluster out, or name a folder of pictures.",
        )
    named = [path for path in (options.output, options.side_by_side) if path is not None]
    if options.jpeg_quality is not None and not several and not any(map(writing.has_quality, named)):
        raise StyleError(
            "bad-arguments",
            f"--jpeg-quality is for .jpg, .webp and .avif, which {options.output} is not.",
            "Leave it out, or name the result e.g. result.jpg.",
        )
    return bool(several)


def _many(options: argparse.Namespace, settings: Settings, weights: list[float]) -> int:
    """Repaint every picture of a folder or of a pattern; returns the exit status."""
    for flag, value in (
        ("--side-by-side", options.side_by_side),
        ("--start-from", options.start_from),
        ("--save-every", options.save_every or None),
    ):
        if value is not None:
            raise StyleError("bad-arguments", f"{flag} is for a single picture.", "Leave it out, or name one picture.")
    sources = pictures_of(options.content)
    # How large the photos are is not known yet, but for the bound that --size sets.
    largest = (options.size, options.size) if options.size > 0 else None
    styles = load_styles(options, weights, largest, settings.brush_size)
    places = places_for(sources, options.output, _inputs(options), again=options.again)
    tell_all(other_depths(options.depth, places.values()))

    def load(source: Path, start: Path | None) -> tuple[pictures.Picture, PaintRequest[pictures.Pixels]]:
        photo = read(source, max(0, options.size), say=note)
        for lost in transparency(photo, places[source]):
            note(lost)
        height, width, channels = photo.pixels.shape
        writing.check(places[source], (height, width), channels, depth=_depth(options, photo))
        begin = None if start is None else read(start).pixels
        if begin is not None and begin.shape[:2] != photo.pixels.shape[:2]:
            begin = None  # another size: a new scene
        return photo, with_masks(options, PaintRequest(photo.pixels, styles, settings, start=begin))

    def save(place: Path, result: pictures.Pixels, photo: pictures.Picture) -> None:
        save_painted(place, result, **_saving(options, photo))

    def paint(source: Path, target: Path, start: Path | None) -> Path | None:
        photo, request = load(source, start)
        painted = paint_picture(request, interrupts, options, bar, saving=_saving(options, photo))
        if painted is None:
            return None
        result, finished = painted
        place = unfinished(target) if finished.stopped else target
        save(place, result, photo)
        return place

    if options.cluster is not None:
        from server.cli import cluster as cli_cluster
        from server.cluster.driver import Cluster

        note = tell
        with Cluster(options.cluster) as cluster, Interrupts() as interrupts:
            done = cli_cluster.repaint(
                cluster,
                places,
                styles,
                settings,
                load,
                save,
                lambda: interrupts.count > 0,
                frames=options.frames,
                again=options.again,
                quiet=options.json,
            )
        return _report(options, done, interrupts.exit_status)
    with Interrupts() as interrupts, progress(quiet=options.json) as bar:
        note = bar.say
        done = repaint(
            places, paint, bar.say, frames=options.frames, again=options.again, interrupted=lambda: interrupts.count > 0
        )
    return _report(options, done, interrupts.exit_status)


def _report(options: argparse.Namespace, done: Outcome, when_interrupted: int) -> int:
    """Tell what became of many pictures; returns the exit status."""
    done.not_taken = not_taken(options.content)
    if options.json:
        write_json(done.as_json())
    else:
        say(done.words(options.output.resolve()))
    return when_interrupted if done.interrupted else done.exit_status


def chosen_settings(options: argparse.Namespace) -> Settings:
    """Return the settings that the flags ask for.

    Raises:
        StyleError: ``bad-settings``.
    """
    values = {name: getattr(options, f"set_{name}") for name in BY_NAME}
    try:
        # A flag without a value is true or false already.
        given: dict[str, Any] = {
            name: BY_NAME[name].read(value) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None
        }
        return Settings(**given)
    except SettingError as error:
        sentence = error.called(f"--{error.name.replace('_', '-')}")
        raise StyleError("bad-settings", sentence, error.remedy or "Correct that value and try again.") from None


def style_weights(text: str | None, count: int) -> list[float]:
    """Return a weight for each of so many styles from the flag's text.

    Raises:
        StyleError: ``bad-arguments``.
    """
    if text is None:
        return [1.0] * count
    try:
        weights = numbers(text.replace("%", " "))
    except ValueError:
        weights = []
    if len(weights) != count or not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise StyleError(
            "bad-arguments",
            f"--weights “{text}” does not fit {counted(count, 'style')}.",
            'Give a number for each, e.g. --weights "2 1" for two; not all may be 0.',
        )
    return weights


def load_styles(
    options: argparse.Namespace, weights: list[float], content: tuple[int, int] | None, brush_size: float
) -> list[Style[pictures.Pixels]]:
    """Return the pictures of the styles that were named, each with its weight.

    Args:
        options: the command line's.
        weights: one for each.
        content: the height and width of what is painted, or more: a large style is read no larger than they need it.
            ``None`` if that is not known.
        brush_size: the setting; of several, the largest.
    """
    enough = 0 if content is None else enough_pixels(content, brush_size)
    paths = zip(options.styles, weights, strict=True)
    return [Style(read(path, enough=enough).pixels, weight) for path, weight in paths]


def _depth(options: argparse.Namespace, photo: pictures.Picture) -> int:
    return photo.depth if options.depth == "auto" else int(options.depth)


def _quality(options: argparse.Namespace) -> int:
    return writing.QUALITY if options.jpeg_quality is None else int(options.jpeg_quality)


def _saving(options: argparse.Namespace, photo: pictures.Picture) -> dict[str, Any]:
    """Return how a painting of the photo is saved, as keywords of :func:`stylecore.files.writing.save`."""
    return {"depth": _depth(options, photo), "quality": _quality(options), "metadata": photo.metadata}


def _tell(options: argparse.Namespace, result: pictures.Pixels, finished: wire.Finished, seconds: float) -> None:
    height, width = result.shape[:2]
    if options.json:
        beside = options.side_by_side.resolve() if options.side_by_side else None
        write_json(
            {
                "output": options.output.resolve(),
                "side_by_side": beside,
                "width": width,
                "height": height,
                "seconds": round(seconds, 3),
                "painting_seconds": round(finished.seconds, 3),
                "device": finished.device,
                "stopped": finished.stopped,
                "settings": finished.settings,
            }
        )
        return
    if finished.stopped:
        say("Stopped early; this is the picture so far.")
    say(f"{options.output.resolve()}  ({width} × {height} px)")
    if options.side_by_side:
        say(f"{options.side_by_side.resolve()}  (photo, style, result)")
    say(f"Painted in {finished.seconds:.1f} s ({seconds:.1f} s in all) on {finished.device}.")


def side_by_side(content: pictures.Pixels, styles: list[pictures.Pixels], result: pictures.Pixels) -> Image.Image:
    """Return photo, styles and result in one row of equal height on paper white, each with its name below."""
    names = ["Photo", *(["Style"] if len(styles) == 1 else [f"Style {n + 1}" for n in range(len(styles))]), "Result"]
    height = min(_PANEL_HEIGHT, max(result.shape[0], 240))
    panels = [_panel(pixels, height) for pixels in (content, *styles, result)]
    gap, label = height // 24, height // 9
    sheet = Image.new("RGB", (sum(p.width for p in panels) + gap * (len(panels) + 1), height + gap + label), "#faf8f4")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(14, height // 20))
    x = gap
    for panel, name in zip(panels, names, strict=True):
        sheet.paste(panel, (x, gap))
        draw.text((x + panel.width // 2, gap + height + label // 2), name, fill="#3a3632", font=font, anchor="mm")
        x += panel.width + gap
    return sheet


def _panel(pixels: pictures.Pixels, height: int) -> Image.Image:
    """Return the picture at this height on white; a very wide one shows its middle."""
    if pixels.shape[1] > pixels.shape[0] * _WIDEST_PANEL:
        width = max(1, int(pixels.shape[0] * _WIDEST_PANEL))
        left = (pixels.shape[1] - width) // 2
        pixels = np.ascontiguousarray(pixels[:, left : left + width])
    image = writing.to_image(pixels)
    size = (max(1, round(image.width * height / image.height)), height)
    image = image.resize(size, Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image
