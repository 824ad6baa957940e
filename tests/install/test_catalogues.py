"""Translations: complete, filled in like the originals, and what GIMP reads is what stands in them."""

from __future__ import annotations

import ast
import gettext
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo

from gimp_plugin import catalogues
from gimp_plugin.catalogues import forms
from stylecore.errors import ERRORS
from tests.gimp.common import REPOSITORY

HOW = "run “python3 -m gimp_plugin.catalogues”, translate what is empty in gimp_plugin/po, and run it again"

every_language = pytest.mark.parametrize("path", catalogues.languages(), ids=lambda path: path.stem)


def texts(catalogue: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The translations by what is translated."""
    return {forms(message.id): forms(message.string) for message in catalogue if message.id}


def fields(text: str) -> set[str]:
    """The names in braces that a text is filled in with."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_template_holds_every_text_of_the_plugin() -> None:
    assert texts(catalogues.read(catalogues.TEMPLATE)).keys() == texts(catalogues.collect()).keys(), HOW


def test_texts_come_from_the_plugin_the_settings_the_errors_and_the_server() -> None:
    found = texts(catalogues.collect())
    for text in ("Before", ("{number} layer", "{number} layers"), "Strength", "%", "Loading the network"):
        assert forms(text) in found
    assert forms(ERRORS["connection-lost"][0]) in found


#: Words that GIMP, whose default is American, spells otherwise; names of settings and of their values stay as they are.
BRITISH = re.compile(
    r"colou|grey|favou|behaviou|neighbou|centre|licence|catalogue|cancelled|(?:optim|minim|maxim|normal|organ|recogn)is[ei]",
    re.IGNORECASE,
)
#: ``setting=value``, a name of several words, and a flag.
NAMES = re.compile(r"\w+=\S+|\w+_\w+|--\S+")


def sentences(room: str) -> Iterator[str]:
    """What a room's code can say, where it is no catalogue's: texts of several words that are no docstrings."""
    for path in (REPOSITORY / room).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else None
            if isinstance(text, str) and " " in text.strip():
                yield text


def test_english_is_spelled_as_gimp_spells_it() -> None:
    """Also in what the command line and the installer say: people read all of them beside GIMP's own words."""
    said = [text.replace("_", "") for key in texts(catalogues.collect()) for text in key]  # keys for the keyboard
    said += [text for room in ("stylecore", "server", "installer") for text in sentences(room)]
    assert "Colors" in said and "The result takes the painting's colors." in said
    assert not [text for text in said if BRITISH.search(NAMES.sub("", text))]


@every_language
def test_a_language_is_complete(path: Path) -> None:
    catalogue = catalogues.read(path)
    assert texts(catalogue).keys() == texts(catalogues.collect()).keys(), HOW
    assert not catalogues.untranslated(catalogue), HOW
    for text, translations in texts(catalogue).items():
        original = text[-1]
        for translation in translations:
            assert fields(translation) == fields(original), translation
            assert ("_" in translation) == ("_" in original), translation  # a key for the keyboard


@every_language
def test_what_is_compiled_is_current(path: Path) -> None:
    with catalogues.compiled(path.stem).open("rb") as file:
        assert texts(read_mo(file)) == texts(catalogues.read(path)), HOW


def test_german_and_french_are_there() -> None:
    assert {"de", "fr"} <= {path.stem for path in catalogues.languages()}
    assert {path.parts[-3] for path in catalogues.PLUGIN.glob("locale/*/*/*.mo")} == {
        path.stem for path in catalogues.languages()
    }


def test_compiled_catalogues_are_what_gettext_reads() -> None:
    german = gettext.translation(catalogues.DOMAIN, catalogues.PLUGIN / "locale", ["de"])
    assert german.gettext("Before") == "Vorher"
    assert german.ngettext("{number} layer", "{number} layers", 1) == "{number} Ebene"
    assert german.ngettext("{number} layer", "{number} layers", 3) == "{number} Ebenen"
    assert german.gettext("nobody translated this") == "nobody translated this"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """The catalogues' files are in another folder, where this returns one without its dates and makes of the others."""
    monkeypatch.setattr(catalogues, "PO", tmp_path)
    monkeypatch.setattr(catalogues, "TEMPLATE", tmp_path / "template.pot")
    monkeypatch.setattr(catalogues, "compiled", lambda language: tmp_path / "compiled" / f"{language}.mo")
    return lambda: (tmp_path / "eo.po").read_text(encoding="utf-8")


def test_a_language_is_begun_translated_and_stays_as_it_is(
    elsewhere: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogues.update(("eo",))
    count = len(catalogues.collect())
    assert capsys.readouterr().out == f"eo: {count} texts, {count} not translated\n"
    begun = elsewhere()
    assert '\nmsgid "Before"\nmsgstr ""\n' in begun
    (tmp_path / "eo.po").write_text(begun.replace('msgid "Before"\nmsgstr ""', 'msgid "Before"\nmsgstr "Antaŭe"'), "utf-8")
    translated = elsewhere()
    catalogues.update()
    assert elsewhere() == translated
    assert capsys.readouterr().out == f"eo: {count} texts, {count - 1} not translated\n"
    with (tmp_path / "compiled" / "eo.mo").open("rb") as file:
        read = gettext.GNUTranslations(file)
    assert read.gettext("Before") == "Antaŭe"
    assert read.gettext("Strength") == "Strength"


def test_what_only_resembles_a_text_is_not_its_translation(elsewhere: Callable[[], str], tmp_path: Path) -> None:
    catalogues.update(("eo",))
    older = elsewhere().replace('msgid "Loading the network"\nmsgstr ""', 'msgid "Load the network"\nmsgstr "Ŝargi"')
    (tmp_path / "eo.po").write_text(older, "utf-8")
    catalogues.update()
    assert '#, fuzzy\nmsgid "Loading the network"\nmsgstr "Ŝargi"\n' in elsewhere()
    assert "Loading the network" in catalogues.untranslated(catalogues.read(tmp_path / "eo.po"))
    with (tmp_path / "compiled" / "eo.mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Loading the network") == "Loading the network"
