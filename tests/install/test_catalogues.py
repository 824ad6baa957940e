"""Translations: complete, filled in like the originals, and readable by gettext."""

from __future__ import annotations

import gettext
import string
from pathlib import Path

import pytest

from gimp_plugin import catalogues

HOW = "run “python3 -m gimp_plugin.catalogues”, then translate what is empty in gimp_plugin/po"


def fields(text: str) -> set[str]:
    """The names in braces that a text is filled in with."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_template_holds_every_text_of_the_plugin() -> None:
    template = catalogues.read(catalogues.REPOSITORY / "gimp_plugin" / "po" / f"{catalogues.DOMAIN}.pot")
    assert set(template) - {""} == set(catalogues.collect()), HOW


@pytest.mark.parametrize("path", catalogues.languages(), ids=lambda path: path.stem)
def test_a_language_is_complete(path: Path) -> None:
    wanted, entries = catalogues.collect(), catalogues.read(path)
    missing = [text for text in wanted if text not in entries or not entries[text].complete]
    assert not missing, HOW
    for text, entry in entries.items():
        for translation in entry.translations if text else []:
            assert fields(translation) == fields(text), translation
            assert ("_" in translation) == ("_" in text), translation  # a key for the keyboard


def test_german_and_french_are_there() -> None:
    assert {"de", "fr"} <= {path.stem for path in catalogues.languages()}


def test_compiled_catalogues_are_what_gettext_reads(tmp_path: Path) -> None:
    catalogues.install(tmp_path / "locale")
    german = gettext.translation(catalogues.DOMAIN, tmp_path / "locale", ["de"])
    assert german.gettext("Before") == "Vorher"
    assert german.ngettext("{number} layer", "{number} layers", 1) == "{number} Ebene"
    assert german.ngettext("{number} layer", "{number} layers", 3) == "{number} Ebenen"
    assert german.gettext("nobody translated this") == "nobody translated this"


def test_a_damaged_catalogue_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "xx.po"
    broken.write_text('msgid "one"\nmsgstr "eins\n')
    with pytest.raises(catalogues.CatalogueError, match=r"xx\.po, line 2"):
        catalogues.read(broken)
