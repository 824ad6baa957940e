"""Links and commands in README and docs are good; what they say of the settings is so."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from gimp_plugin import help as help_page
from installer.main import parse
from server.cli.commands import make_parser
from tests.install.conftest import REPOSITORY

PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *(REPOSITORY / "docs").glob("*.md")])
#: These name a program or one of its commands, and are none that anybody would run as they are.
NAMES = {"neural-style", *(f"neural-style {name}" for name in ("style", "sweep", "compare", "reconstruct"))}
PICTURES = sorted((REPOSITORY / "docs" / "pictures").iterdir())


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Every command of ours that a page shows, in a block or in a line."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))  # a command that goes on in the next line
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in [*"\n".join(blocks).splitlines(), *re.findall(r"^    (\S.*)$", text, re.MULTILINE)]]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    ours = [line for line in lines if re.match(r"(\w+=\S+ )?(neural-style|\./install\.sh)( |$)", line)]
    return [line for line in ours if line not in NAMES]


def test_the_pages_are_found() -> None:
    assert len(PAGES) >= 9
    assert sum(len(commands(page)) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    for command in commands(page):
        words = [word for word in shlex.split(command, comments=True) if not re.match(r"[A-Z_0-9]+=", word)]
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                if words[0] == "neural-style":
                    make_parser().parse_args(words[1:])
                else:
                    parse(words[1:])
        except SystemExit as end:
            assert end.code == 0, f"{page.name}: {command}\n{said.getvalue()}"


def test_every_picture_is_shown_and_small() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path in PICTURES:
        assert f"pictures/{path.name})" in text, f"{path.name} is shown nowhere"
        assert path.stat().st_size < 500_000


def test_files_and_modules_that_the_pages_name_exist() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:stylecore|server|gimp_plugin|installer|samples|tests|docs)/[\w./-]*)`", text):
            assert "XX" in name or (REPOSITORY / name).exists(), f"{page.name}: {name}"
        for module in re.findall(r"python3 -m ((?:samples|gimp_plugin|installer)\.\w+)", text):
            assert (REPOSITORY / f"{module.replace('.', '/')}.py").is_file(), f"{page.name}: {module}"


def test_every_error_that_troubleshooting_quotes_is_said_somewhere() -> None:
    rooms = ("installer", "server", "stylecore", "gimp_plugin")
    sources = [*(path for room in rooms for path in (REPOSITORY / room).rglob("*.py")), REPOSITORY / "install.sh"]
    # The texts as they are put together: string literals that follow each other are one.
    said = re.sub(r'"\s*\n\s*f?"', "", "".join(path.read_text(encoding="utf-8") for path in sources))
    said = said.replace("{system.INSTALLER}", "./install.sh")
    page = (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for quoted in re.findall(r"“([^”]+)”", page):
        for part in filter(None, re.split(r"\s*…\s*", re.sub(r"\(process …\)", "…", quoted))):
            assert part in said, quoted


def test_the_page_that_help_opens_is_the_tutorial() -> None:
    page = help_page.PAGE.read_text(encoding="utf-8")
    assert page == help_page.made(), "run: python3 -m gimp_plugin.help"
    shown = re.findall(r'src="([^"]+)"', page)
    assert shown and all((REPOSITORY / "docs" / name).is_file() for name in shown)
    assert "href=" not in page  # what it would lead to is not installed
