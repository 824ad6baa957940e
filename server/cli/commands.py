"""What can be typed: the commands of ``neural-style`` and their arguments."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server import protocol
from server.cli import installing, server_commands
from server.cli import serve as foreground
from server.cli.terminal.arguments import Parser, one_of, to_paint, to_read, to_write, whole_number
from stylecore.errors import StyleError
from stylecore.setting_kinds import plain
from stylecore.settings import SETTINGS

_DEPTHS = ("auto", "8", "16", "32")

_STYLE_EXAMPLES = """Repaint a picture, or a folder of them, in the manner of one or several paintings.

  neural-style style photo.jpg painting.jpg -o result.png
  neural-style style photo.jpg one.jpg two.jpg --weights "2 1" --strength 70 -o result.png
  neural-style style holiday/ painting.jpg -o painted/
  neural-style style 'clip/*.png' painting.jpg --frames -o painted/
  neural-style style holiday/ painting.jpg -o painted/ --cluster auto

Ctrl-C once keeps the picture so far, twice leaves nothing."""

_SWEEP_EXAMPLES = """Paint a picture with many settings at once, and see them all in one sheet.

  neural-style sweep photo.jpg painting.jpg --vary strength=25,50,75,100 -o strengths/
  neural-style sweep photo.jpg painting.jpg --vary brush-size=50,100,200 --vary steps=10,30,90 -o grid/
  neural-style sweep photo.jpg painting.jpg --objective gram --vary style-weight=8e3,1e5,1.2e5 -o weights/
  neural-style sweep photo.jpg painting.jpg --vary strength=50 --reverse -o reversed/

All step counts come from one run. Ctrl-C keeps what is painted, and the same command goes on with the rest."""

_COMPARE_EXAMPLES = """Score pictures by how near they are to content and style.

  neural-style compare photo.jpg painting.jpg one.png two.png
  neural-style compare photo.jpg painting.jpg *.png -o sheet.png"""

_RECONSTRUCT_EXAMPLES = """Show what each layer of the network knows of a picture: its content, and the style so far.

  neural-style reconstruct painting.jpg -o layers/

It is figure 1 of Gatys, Ecker and Bethge, A Neural Algorithm of Artistic Style."""


def make_parser() -> Parser:
    """Return the parser of the whole command line; the settings' flags are made from their declaration."""
    parser = Parser(prog="neural-style", description="Repaint a picture in the manner of a painting.")
    parser.add_argument("--version", action="version", version=f"neural-style {protocol.VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    style = commands.add_parser(
        "style",
        help="repaint a picture, or a folder of them",
        description=_STYLE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="neural-style style CONTENT STYLE… -o OUT [options]",
    )
    style.add_argument(
        "content",
        type=to_paint,
        metavar="CONTENT",
        help="the picture to repaint, a folder of pictures, or a pattern in quotes, e.g. 'holiday/*.jpg'",
    )
    style.add_argument("styles", type=to_read, nargs="+", metavar="STYLE", help="the painting; several are blended")
    style.add_argument(
        "-o",
        "--output",
        type=to_write,
        required=True,
        metavar="OUT",
        help="the result; the ending says the format (.png, .jpg, .tif, …); for several pictures: a folder",
    )
    style.add_argument("--weights", metavar='"N N …"', help="how much each style counts (default: all the same)")
    style.add_argument("--again", action="store_true", help="of a folder, repaint also what is in OUT already")
    style.add_argument(
        "--frames",
        action="store_true",
        help="the pictures are the frames of an animation: each goes on from the one before it",
    )
    style.add_argument("--side-by-side", type=to_write, metavar="OUT2", help="also photo, style and result in one picture")
    style.add_argument(
        "--guide",
        type=to_read,
        metavar="MASK",
        help="a picture of the photo's shape: white where it is to be painted, black where not, gray between",
    )
    style.add_argument(
        "--style-guide",
        type=to_read,
        action="append",
        default=[],
        metavar="MASK",
        help="where a style paints, white and black like --guide; given once for the first style, twice for "
        "the first two, …; styles without one paint what the others leave",
    )
    style.add_argument(
        "--strength-map",
        type=to_read,
        metavar="MASK",
        help="how strongly: white with the set strength, black leaves the photo, gray between",
    )
    style.add_argument(
        "--depth",
        type=one_of(_DEPTHS),
        metavar=f"{{{','.join(_DEPTHS)}}}",
        default="auto",
        help="bits in a channel of the result, where its format has them (.png: 8 and 16; .tif: 8, 16 and "
        "32; .exr: always 32); auto takes the photo's",
    )
    style.add_argument(
        "--jpeg-quality",
        type=whole_number(1, "%", most=100),
        metavar="N",
        help="quality of a result in .jpg, .webp or .avif, 1 to 100 (default 95); from 90 on .jpg and .avif "
        "keep the color of every pixel (4:4:4), below one for each four (4:2:0)",
    )
    style.add_argument(
        "--size", type=whole_number(0, "px"), default=0, metavar="PX", help="shrink the photo's longer side to this first"
    )
    style.add_argument(
        "--start-from",
        type=to_read,
        metavar="PICTURE",
        help="go on from an earlier result of this photo, in about a third of the time",
    )
    style.add_argument(
        "--save-every",
        type=whole_number(1),
        default=0,
        metavar="N",
        help="also keep the picture after every N steps at full size, as result.step-0050.png",
    )
    style.add_argument(
        "--resume",
        type=to_write,
        metavar="FILE",
        help="with --local: keep the unfinished work in this file and, if it is there, go on from it",
    )
    style.add_argument("--local", action="store_true", help="paint in this process, without the server")
    style.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="paint a folder's pictures on a Ray cluster: auto for the one "
        "that this computer is part of, or HOST:PORT of its head",
    )
    style.add_argument(
        "--ranks",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="paint one huge picture with N processes, each a strip of it on a GPU or on its share of the "
        "cores; see docs/cluster.md",
    )
    style.add_argument("--json", action="store_true", help="say what was done as JSON on the standard output")
    _add_folder(style)
    add_connection(style)
    _add_settings(style)
    style.set_defaults(command=_style)
    _add_explore(commands)

    server = commands.add_parser("server", help="run the painting server in the foreground, or stop it")
    actions = server.add_subparsers(title="actions", metavar="ACTION")
    run = actions.add_parser("run", help="run it in the foreground (the default)")
    stop = actions.add_parser("stop", help="end the one that runs")
    export = actions.add_parser(
        "export-client",
        help="make a connection file for a client on another computer",
        usage="neural-style server export-client FILE --address HOST:PORT",
    )
    export.add_argument(
        "file", type=to_write, metavar="FILE", help="the connection file to make; who has it may paint here"
    )
    export.add_argument("--address", required=True, metavar="HOST:PORT", help="where that client reaches this computer")
    export.set_defaults(command=server_commands.export)
    for each in (server, run):
        foreground.add_options(each)
        each.set_defaults(command=foreground.serve)
    for each in (stop, export):
        _add_folder(each)
    stop.set_defaults(command=server_commands.stop)

    status = commands.add_parser("status", help="what the painting server is doing")
    status.add_argument("--json", action="store_true", help="as JSON")
    _add_folder(status)
    add_connection(status)
    status.set_defaults(command=server_commands.status)

    install = commands.add_parser("install", help="put the plug-in into GIMP: after pipx install or uv tool install")
    install.add_argument("--demo", action="store_true", help="then paint a sample photograph")
    install.add_argument(
        "--device",
        type=one_of(installing.DEVICES),
        metavar=f"{{{','.join(installing.DEVICES)}}}",
        default="auto",
        help="what to paint on, which may take another build of PyTorch than there is (default: what fits this machine)",
    )
    install.add_argument(
        "-o", "--output", type=to_write, metavar="FOLDER", help="where --demo writes (default: your pictures)"
    )
    install.add_argument(
        "--size", type=whole_number(1, "px"), default=384, metavar="PX", help="longer side of --demo's picture"
    )
    install.add_argument(
        "--offline", type=to_read, metavar="FOLDER", help="take packages from FOLDER, none from the network"
    )
    install.set_defaults(command=installing.install)
    uninstall = commands.add_parser("uninstall", help="take the plug-in out of GIMP, and remove all that was kept")
    uninstall.set_defaults(command=installing.uninstall)

    doctor = commands.add_parser("doctor", help="find what is wrong with the installation, and how to mend it")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(command=_doctor)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Declare a flag for every setting. Its value stays text, which ``Setting.read`` understands later."""
    group = parser.add_argument_group("settings")
    for setting in SETTINGS:
        flag = "--" + setting.name.replace("_", "-")
        said = f"{setting.help} ".replace("%", "%%")
        if setting.kind == "bool":
            group.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=None, dest=f"set_{setting.name}", help=said
            )
        elif setting.kind == "choice":
            values = ",".join(choice.value for choice in setting.choices)
            group.add_argument(
                flag,
                default=None,
                dest=f"set_{setting.name}",
                help=f"{said}(default {setting.default})",
                metavar=f"{{{values}}}",
            )
        elif setting.kind == "numbers":
            group.add_argument(
                flag, default=None, dest=f"set_{setting.name}", metavar='"N N …"', help=f"{said}(default {setting.default})"
            )
        else:
            numbers = setting.minimum, setting.maximum, float(setting.default)
            minimum, maximum, default = (plain(each) for each in numbers)
            group.add_argument(
                flag,
                default=None,
                dest=f"set_{setting.name}",
                metavar="N",
                help=f"{said}({minimum} to {maximum}; default {default})",
            )


def _add_explore(commands: Any) -> None:
    """Declare the commands that try settings out."""
    sweep = commands.add_parser(
        "sweep",
        help="paint a grid over one or two settings, with a contact sheet",
        description=_SWEEP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="neural-style sweep CONTENT STYLE… --vary NAME=V,V,… -o FOLDER [options]",
    )
    sweep.add_argument("content", type=to_read, metavar="CONTENT", help="the picture to repaint")
    sweep.add_argument("styles", type=to_read, nargs="+", metavar="STYLE", help="the painting; several are blended")
    sweep.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="NAME=V,V,…",
        help="a setting and its values; given twice, every pair of values is painted",
    )
    sweep.add_argument(
        "-o",
        "--output",
        type=to_write,
        required=True,
        metavar="FOLDER",
        help="gets every picture, sheet.png, losses.csv and losses.png; what is there already is kept",
    )
    sweep.add_argument(
        "--size",
        type=whole_number(0, "px"),
        default=256,
        metavar="PX",
        help="shrink the content's longer side to this first (default 256; 0 does not)",
    )
    sweep.add_argument(
        "--reverse",
        action="store_true",
        help="exchange content and style, and with them their weights (strength s becomes 100 − s)",
    )
    sweep.add_argument("--weights", metavar='"N N …"', help="how much each style counts (default: all the same)")
    sweep.set_defaults(command=_explore("sweep"))

    compare = commands.add_parser(
        "compare",
        help="score pictures with the objective, side by side",
        description=_COMPARE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="neural-style compare CONTENT STYLE PICTURE… [-o SHEET] [options]",
    )
    compare.add_argument("content", type=to_read, metavar="CONTENT", help="the picture that was repainted")
    compare.add_argument("style", type=to_read, metavar="STYLE", help="the painting")
    compare.add_argument("pictures", type=to_read, nargs="+", metavar="PICTURE", help="the results, of the content's size")
    compare.add_argument("-o", "--output", type=to_write, metavar="SHEET", help="also all of them in one picture")
    compare.set_defaults(command=_explore("compare"))

    reconstruct = commands.add_parser(
        "reconstruct",
        help="show what each layer of the network knows of a picture",
        description=_RECONSTRUCT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="neural-style reconstruct PICTURE -o FOLDER [options]",
    )
    reconstruct.add_argument("picture", type=to_read, metavar="PICTURE", help="the picture to look into")
    reconstruct.add_argument(
        "-o", "--output", type=to_write, required=True, metavar="FOLDER", help="gets every reconstruction and sheet.png"
    )
    reconstruct.add_argument(
        "--size",
        type=whole_number(0, "px"),
        default=256,
        metavar="PX",
        help="shrink its longer side to this first (default 256; 0 does not)",
    )
    reconstruct.add_argument(
        "--steps", type=whole_number(1), default=200, metavar="N", help="optimizer steps for each (default 200)"
    )
    reconstruct.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="decides the noise they begin with"
    )
    reconstruct.set_defaults(command=_explore("reconstruct"))
    for each in (sweep, compare, reconstruct):
        each.add_argument("--json", action="store_true", help="say what was done as JSON on the standard output")
    for each in (sweep, compare):
        _add_settings(each)


def _explore(name: str) -> Callable[[argparse.Namespace], int]:
    """Return the command of that name, whose module is imported only when it runs."""

    def run(options: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module("server.cli.experiments.explore"), name)(options))

    return run


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=to_write, default=None, help=argparse.SUPPRESS)


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Declare ``--connection``."""
    parser.add_argument(
        "--connection",
        type=Path,
        default=None,
        metavar="FILE",
        help="use the server of another computer; made there with “neural-style server export-client”",
    )


def _style(options: argparse.Namespace) -> int:
    from server.cli.style import style

    if options.ranks == 1 and "TORCHELASTIC_RUN_ID" not in os.environ:
        return style(options)
    if sys.platform == "win32":
        raise StyleError(
            "bad-arguments",
            "--ranks is not there on Windows: nobody has tried how its processes work together there.",
            "Leave --ranks out.",
        )
    from server.cli import ranks

    return ranks.torchrun(options) if ranks.under_torchrun() else ranks.launch(options)


def _doctor(options: argparse.Namespace) -> int:
    return int(importlib.import_module("server.cli.doctor").run(options.json))
