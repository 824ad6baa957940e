"""What the command line says of arguments that cannot be used, or that may have been meant otherwise."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.cli import style
from server.cli.commands import make_parser
from server.cli.experiments.sweep import runs_of
from server.cli.files.folders import pictures_of, targets
from server.cli.files.notes import as_styles, other_depths
from server.cli.main import main
from server.cli.serve import main as server_main
from server.cli.style import chosen_settings
from server.cli.terminal.arguments import read_arguments
from server.cli.terminal.output import counted, listed
from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.grids import parse_axis
from stylecore.setting_kinds import SettingError, plain
from stylecore.settings import BY_NAME, Settings


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to work in, with a photo and a style; no server is ever needed."""
    y, x = np.mgrid[:24, :32]
    photo = np.stack([x * 8, y * 9, (x + y) * 4], -1).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "p.png")
    Image.fromarray(photo[::-1]).save(tmp_path / "s.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(tmp_path / "state"))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Return what is said of arguments that are refused: one line, and nothing is left behind."""
    before = sorted(Path().rglob("*"))
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
    return told.err


STYLE = "style p.png s.png -o o.png "


@pytest.mark.parametrize(
    ("line", "sentence", "remedy"),
    [
        ("", "No command is given.", "style, sweep, compare"),
        ("stlye p.png s.png", "no command “stlye”", "Did you mean style?"),
        ("p.png s.png -o o.png", "no command “p.png”", "begin with “neural-style style”"),
        ("server stpo", "no command “stpo”", "Did you mean stop?"),
        ("style", "CONTENT, STYLE and -o are missing.", "neural-style style CONTENT STYLE… -o OUT"),
        ("style p.png s.png", "-o is missing.", "neural-style style CONTENT STYLE… -o OUT"),
        ("compare p.png s.png", "PICTURE is missing.", "neural-style compare CONTENT STYLE PICTURE…"),
        ("server export-client", "FILE and --address are missing.", "FILE --address HOST:PORT"),
        (STYLE + "--strenght 5", "no flag --strenght", "Did you mean --strength?"),
        (STYLE + "--styleweight 5", "no flag --styleweight", "Did you mean --style-weight?"),
        ("style p.png s.png --ouput o.png", "no flag --ouput", "Did you mean --output?"),
        ("style p.png s.png -output o.png", "no flag -output", "Did you mean --output?"),
        ("status --jsn", "no flag --jsn", "Did you mean --json?"),
        ("--verson", "no flag --verson", "Did you mean --version?"),
        (STYLE + "--xyzzy", "no flag --xyzzy", "“neural-style style --help”"),
        (STYLE + "--st 4", "--st could be any of", "Write it in full."),
        (STYLE + "s.png", "“s.png” is not understood where it stands", "before the flags"),
        (STYLE + "--strength", "--strength has no value.", "Write it after --strength"),
        (STYLE + "--local=yes", "--local takes no value.", "Leave out"),
        (STYLE + "--depth 12", "--depth must be one of auto, 8, 16, 32, not “12”.", "--help"),
        (STYLE + "--size big", "--size must be a whole number of at least 0, not “big”.", "--help"),
        (STYLE + "--size -4", "--size must be a whole number of at least 0, not “-4”.", "--help"),
        (STYLE + "--save-every 0", "--save-every must be a whole number of at least 1, not “0”.", "--help"),
        ("reconstruct p.png -o r --steps x", "--steps must be a whole number of at least 1, not “x”.", "--help"),
        ("server run --threads 65", "--threads must be a whole number from 1 to 64, not “65”.", "--help"),
        ("server run --grace soon", "--grace must be a number, not “soon”.", "--help"),
        ("server run --log-level loud", "--log-level must be one of debug, info, warning, error", "--help"),
        (STYLE + "--strength 50,5", "--strength must be a number, not “50,5”.", "Write 50.5, with a point."),
        (STYLE + "--iterations 1,000", "--iterations must be a whole number, not “1,000”.", "Write 1000."),
        (STYLE + "--iterations 2.5", "--iterations must be a whole number, not 2.5.", "Correct that value"),
        (STYLE + "--brush-size 5000", "--brush-size must be between 25 and 400, not 5000.", "Correct that value"),
        (STYLE + "--seed 2147483648", "--seed must be between 0 and 2147483647, not 2147483648.", "Correct that value"),
        (STYLE + "--content-weight 2e9", "--content-weight must be between 0 and 1000000000, not 2000000000.", "Correct"),
        (STYLE + "--memory-limit 4KB", "--memory-limit must be a number of GB, not “4KB”.", "Correct that value"),
        (STYLE + "--layer-weights '1 1'", "--layer-weights must be 5 numbers between 0 and 100", "Correct that value"),
        (STYLE + "--colours phot", "--colours must be one of style, photo, match, not “phot”.", "Did you mean photo?"),
        (STYLE + "--weights 1,2", "--weights “1,2” does not fit 1 style.", "Give a number for each"),
        ("style p.png s.png s.png -o o.png --weights 1", "--weights “1” does not fit 2 styles.", "Give a number for each"),
        ("sweep p.png s.png -o o --vary color=phot", "“colours” must be one of style, photo, match", "Did you mean photo?"),
        ("sweep p.png s.png -o o --vary brush_size=1", "“brush-size” must be between 25 and 400, not 1.", "Correct"),
        ("sweep p.png s.png -o o --vary brushsize=1", "no setting “brushsize”", "Did you mean brush-size?"),
        ("style nothing/ s.png -o g7", "There is no file or folder nothing.", "Check the name."),
        ("style p.png nothing.png -o g7", "There is no file nothing.png.", "Check the name."),
        ("style p.png s.png -o g7 --guide p.png/m.png", "There is no file p.png/m.png.", "Check the name."),
        ("compare nothing.png s.png p.png -o g7", "There is no file nothing.png.", "Check the name."),
        ("style p.png s.png -o ''", "--output must name a file; it is empty.", "--help"),
        (STYLE + "--local --resume no/such/state", "there is no folder no/such", "Make the folder no/such first"),
        ("status --connection .", "it is a folder", "export-client"),
        ("server export-client no/such --address h:1", "no/such could not be written", "Make the folder no first"),
    ],
)
def test_a_sentence_says_what_is_wrong_and_a_remedy_what_to_do(
    line: str, sentence: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = shlex.split(line)
    if "export-client" in arguments and "--address" in arguments:
        assert main(arguments) == 2  # the server's own folder is made on the way
        told = capsys.readouterr().err
    else:
        told = said(capsys, arguments)
    assert sentence in told and told.index(sentence) < told.rindex(remedy)


def test_a_name_that_nothing_can_have_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    long, zero = "x" * 300 + ".png", "a\0b.png"
    for name, why in ((long, "the name is too long"), (f"{'y' * 260}/{'z' * 10}.png", "too long"), (zero, "zero byte")):
        for arguments in (
            ["style", name, "s.png", "-o", "o.png"],
            ["style", "p.png", name, "-o", "o.png"],
            ["style", "p.png", "s.png", "-o", "o.png", "--guide", name],
            ["style", "p.png", "s.png", "-o", "o.png", "--start-from", name],
            ["compare", "p.png", "s.png", name],
            ["reconstruct", name, "-o", "r"],
        ):
            told = said(capsys, arguments)
            assert "There is no file" in told and why in told and "\0" not in told
        for arguments in (
            ["style", "p.png", "s.png", "-o", name],
            ["sweep", "p.png", "s.png", "--vary", "seed=1", "-o", name],
            ["style", "p.png", "s.png", "-o", "o.png", "--side-by-side", name],
            ["style", "p.png", "s.png", "-o", "o.png", "--local", "--resume", name],
            ["status", "--folder", name],
            ["server", "export-client", name, "--address", "h:1"],
        ):
            told = said(capsys, arguments)
            assert "cannot be written" in told and why in told
        assert "connection file cannot be used" in said(capsys, ["status", "--connection", name])


def error_of(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict[str, str]:
    assert main([*arguments, "--json"]) == 2
    told = capsys.readouterr()
    error: dict[str, str] = json.loads(told.out)["error"]
    assert error["code"] and error["sentence"] in told.err and error["remedy"]
    return error


def test_wrong_arguments_are_json_where_json_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, ["style", "p.png"])["code"] == "bad-arguments"
    assert error_of(capsys, [*STYLE.split(), "--strenght", "5"])["remedy"] == "Did you mean --strength?"
    assert error_of(capsys, [*STYLE.split(), "--strength", "101"])["code"] == "bad-settings"
    assert error_of(capsys, ["style", "none.png", "s.png", "-o", "o.png"])["code"] == "file-missing"


def test_a_file_whose_name_looks_like_a_flag_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    os.rename("s.png", "--style.png")
    assert "write ./--style.png" in said(capsys, ["style", "p.png", "--style.png", "-o", "o.png"])


@pytest.mark.parametrize(
    ("flags", "setting", "value"),
    [
        (["--strength", "50%"], "strength", 50.0),
        (["--strength", "12.5 %"], "strength", 12.5),
        (["--brush-size", "150 %"], "brush_size", 150.0),
        (["--brush_size=150"], "brush_size", 150.0),
        (["--memory-limit", "4GB"], "memory_limit", 4.0),
        (["--memory-limit", "4 gb"], "memory_limit", 4.0),
        (["--memory-limit", "4GiB"], "memory_limit", 4.0),
        (["--iterations", "7.0"], "iterations", 7),
        (["--colors", "photo"], "colours", "photo"),
        (["--color", "Photo"], "colours", "photo"),
        (["--colour", "photo"], "colours", "photo"),
        (["--colors-amount", "30%"], "colours_amount", 30.0),
        (["--color-amount=30"], "colours_amount", 30.0),
        (["--start", "gray"], "start", "grey"),
        (["--style-weight", "1e5"], "style_weight", 1e5),
        (["--style-w", "8"], "style_weight", 8.0),
    ],
)
def test_settings_are_taken_as_people_write_them(flags: list[str], setting: str, value: object) -> None:
    read = getattr(chosen_settings(parsed([*STYLE.split(), *flags])), setting)
    assert read == value and type(read) is type(value)


def parsed(arguments: list[str]) -> argparse.Namespace:
    return read_arguments(make_parser(), arguments)


def test_american_values_and_hyphens_are_taken_where_settings_vary() -> None:
    assert parse_axis("color=style,Photo").values == ("style", "photo")
    assert parse_axis("start=gray").values == ("grey",)
    assert parse_axis("Brush-Size=50%,100 %").values == (50.0, 100.0)
    assert parse_axis("steps=1,2").words(1) == "1 step" and parse_axis("steps=1,2").words(2) == "2 steps"
    assert parse_axis("style-weight=2500001").words(2500001.0) == "style weight 2500001"


def test_numbers_are_written_with_all_their_digits() -> None:
    runs = runs_of([parse_axis("style-weight=2500001,2500002")], Settings(), reverse=False)
    assert [run.name for run in runs] == ["style_weight=2500001", "style_weight=2500002"]  # and so two pictures
    assert plain(2**31 - 1) == "2147483647" and plain(1e9) == "1000000000" and plain(0.1 + 0.2) == "0.3"
    with pytest.raises(SettingError, match="between 0 and 2147483647, not 2147483648"):
        BY_NAME["seed"].check(2**31)


def test_the_server_by_itself_speaks_in_sentences_too(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ((["--folder", "x" * 300], "the name is too long"), (["--threads", "0"], "a whole number from 1 to 64"))
    for arguments, told in wrong:
        assert server_main(arguments) == 2
        assert told in capsys.readouterr().err


def test_help_has_no_numbers_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["style", "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "2147483647" in told and "e+" not in told and "{style,photo,match}" in told


def test_plurals() -> None:
    assert [counted(n, "picture") for n in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a and b" and listed(list("abcde")) == "a, b, c and 2 more"


# Which pictures, and what becomes of them


def write(path: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), "red").save(path, "PNG")
    return Path(path)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("trip [1]/*.png", ["trip [1]/a.png", "trip [1]/b.png"]),  # a folder by its very name
        ("trip [1]/[ab].png", ["trip [1]/a.png", "trip [1]/b.png"]),
        ("trip [12]/a.png", ["trip 2/a.png"]),  # no folder: a pattern
        ("trip*/a.png", ["trip 2/a.png", "trip [1]/a.png"]),
        ("what?/x*.png", ["what?/x.png"]),
        ("scan [1]*.png", ["scan [1] left.png"]),  # brackets as they stand
        ("trip [1]/*/c.png", ["trip [1]/[x]/c.png"]),
    ],
)
def test_folders_with_the_signs_of_patterns_in_their_names(pattern: str, found: list[str]) -> None:
    for name in (
        "trip [1]/a.png",
        "trip [1]/b.png",
        "trip [1]/[x]/c.png",
        "trip 2/a.png",
        "what?/x.png",
        "scan [1] left.png",
    ):
        write(name)
    assert sorted(map(str, pictures_of(Path(pattern)))) == sorted(found)


def test_a_pattern_under_the_home_folder_may_stand_in_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    write("home/pictures/a.png")
    monkeypatch.setenv("HOME", str(Path("home").resolve()))
    options = parsed(["style", "~/pictures/*.png", "~/pictures/a.png", "-o", "out"])
    assert [path.name for path in pictures_of(options.content)] == ["a.png"] and options.styles[0].is_file()


def test_signs_that_look_like_digits_are_no_numbers() -> None:
    for name in ("1²2.png", "②.png", "٣.png", "10.png", "9.png"):
        write(f"in/{name}")
    found = [path.name for path in pictures_of(Path("in"))]
    assert len(found) == 5 and found.index("9.png") < found.index("10.png")


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a.png", "b.jpg"], ["a.png", "b.jpg"]),
        (["p.psd"], ["p.png"]),
        (["p.psd", "p.png"], ["p.psd.png", "p.png"]),
        (["p.png", "p.psd", "p.xcf"], ["p.png", "p.psd.png", "p.xcf.png"]),
        (["p.psd", "p.xcf"], ["p.png", "p.xcf.png"]),
        (["P.JPG", "p.jpg"], ["P.JPG", "p-1.jpg"]),
        (["p.psd", "P.PNG"], ["p.psd.png", "P.PNG"]),
        (["a/x.png", "b/x.png"], ["a-x.png", "b-x.png"]),
        (["a/x.png", "b/x.psd", "b/y.png"], ["a-x.png", "b-x.psd.png", "y.png"]),
        (["p.png", "p.psd", "p.psd.png"], ["p.png", "p.psd-1.png", "p.psd.png"]),
        (["o\u0308.jpg", "\u00f6.jpg"], ["o\u0308.jpg", "\u00f6-1.jpg"]),
    ],
)
def test_two_results_never_have_one_name(sources: list[str], names: list[str]) -> None:
    for order in (1, -1):  # of the sources
        made = targets([Path(source) for source in sources[::order]], Path("out"))
        assert [path.name for path in made] == names[::order]


def test_long_names_leave_room_for_what_is_added() -> None:
    stem = "ä" * 125
    made = targets([Path(f"{stem}.psd"), Path(f"{stem}.png")], Path("out"))
    assert len({path.name for path in made}) == 2 and all(len(os.fsencode(path.name)) <= 255 for path in made)


def test_a_result_never_takes_the_place_of_a_source() -> None:
    write("in/a.png")
    with pytest.raises(StyleError, match="one of the files to read"):
        targets([Path("in/a.png")], Path("in/../in"))


# What may have been meant otherwise


@pytest.mark.parametrize(
    ("names", "output", "told"),
    [
        (["in/a.png", "in/b.png", "in/c.png", "s.png"], "out.png", "Painting a.png in the mixed style of b.png, c.png"),
        (["in/a.png", "in/b.png", "s.png"], "out", "Painting a.png in the mixed style of b.png and s.png."),
        (["in/a.png", "in/b.png", "s.png"], "out.png", "Painting a.png in the mixed style of b.png and s.png."),
        (["in/a.png", "in/b.png"], "in", "Painting a.png in the mixed style of b.png."),
        ([f"in/{letter}.png" for letter in "abcdefgh"], "out", "style of b.png, c.png, d.png and 4 more."),
        (["in/b.png", "in/a.png", "s.png"], "out.png", ""),  # no shell makes this order
        (["in/a.png", "in/b.png"], "out.png", ""),  # one photo, one style
        (["in/a.png", "s.png"], "out.png", ""),
        (["p.png", "s.png"], "out.png", ""),
    ],
)
def test_photos_that_a_shell_has_made_styles_are_told(names: list[str], output: str, told: str) -> None:
    for letter in "abcdefgh":
        write(f"in/{letter}.png")
    notes = list(as_styles(Path(names[0]), [Path(name) for name in names[1:]], Path(output)))
    assert (told in notes[0] and "put the pattern in quotes" in notes[0]) if told else notes == []


@pytest.mark.parametrize(
    ("depth", "name", "told"),
    [
        ("16", "o.jpg", ["JPEG has 8 bits in a channel: --depth 16 is not used."]),
        ("32", "o.webp", ["WEBP has 8 bits in a channel: --depth 32 is not used."]),
        ("32", "o.png", ["PNG has 8 or 16 bits in a channel: --depth 32 is not used; 16 are used."]),
        ("8", "o.exr", ["EXR has 32 bits in a channel: --depth 8 is not used."]),
        ("16", "o.tif", []),
        ("8", "o.jpg", []),
        ("auto", "o.jpg", []),
    ],
)
def test_a_depth_that_the_format_lacks_is_told(depth: str, name: str, told: list[str]) -> None:
    assert list(other_depths(depth, [Path(name), Path(f"again-{name}")])) == told


def test_notes_are_told_and_the_picture_is_painted(capsys: pytest.CaptureFixture[str]) -> None:
    for letter in "abc":
        write(f"in/{letter}.png")
    line = "style in/a.png in/b.png in/c.png s.png -o o.jpg --depth 16 --local --strength 0 --quality draft"
    assert main(line.split()) == 0
    told = capsys.readouterr()
    assert "Painting a.png in the mixed style" in told.err and "--depth 16 is not used" in told.err
    assert pictures.load("o.jpg").pixels.shape == (16, 16, 3) and "o.jpg  (16 × 16 px)" in told.out


def test_what_is_cancelled_is_told_as_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is not there; what was kept on the way is."""
    monkeypatch.setattr(style, "paint_picture", lambda *_, **__: None)
    for flags, told in (([], ""), (["--local", "--resume", "work"], " The work so far is in work.")):
        Path("work").write_bytes(b"kept")
        assert main([*STYLE.split(), *flags]) == 130
        assert capsys.readouterr().err == f"Cancelled; o.png was not written.{told}\n"


def test_an_empty_mask_is_told_in_words_that_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (32, 24), 0).save("black.png")
    assert main([*STYLE.split(), "--local", "--guide", "black.png", "--quality", "draft"]) == 2
    told = capsys.readouterr().err
    assert "No visible part of the picture is chosen" in told and "elect" not in told
