"""The README says what is so."""

from __future__ import annotations

from stylecore import settings
from tests.install.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_settings_table_is_current() -> None:
    begin, end = "<!-- settings: made by stylecore.settings.markdown_table() -->\n", "\n<!-- end of settings -->"
    table = README[README.index(begin) + len(begin) : README.index(end)]
    assert table == settings.markdown_table(), "paste the output of stylecore.settings.markdown_table() into README.md"


def test_commands_come_first_and_exist() -> None:
    for command in ("install.sh", "tests/run"):
        assert (REPOSITORY / command).stat().st_mode & 0o111
        assert README.index(command) < README.index("## In GIMP")
