"""Translations of the plug-in: bring template, catalogues and what GIMP reads of them up to date. Needs Babel.

    python3 -m gimp_plugin.catalogues            every language in gimp_plugin/po
    python3 -m gimp_plugin.catalogues es pt_BR   ... and these, which are new

Words come from ``_("…")``, ``N_("…")`` and ``counted("…", "…", n)`` in the plug-in, from the one declaration of the
settings, and from the table of errors. A text without a translation, or with one that is marked as fuzzy, is shown in
English. What is compiled stands in the plug-in's ``locale`` and in the repository, because installing must do without
Babel.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from gimp_plugin.assemble import NAME
from stylecore.errors import ERRORS
from stylecore.settings import SETTINGS

#: The name that gettext looks for.
DOMAIN = "gimp-neural-style"
PLUGIN = Path(__file__).resolve().parent / NAME
PO = PLUGIN.parent / "po"
TEMPLATE = PO / f"{DOMAIN}.pot"

_METHODS = [("**.py", "python")]
_KEYWORDS = {"_": None, "N_": None, "counted": (1, 2)}
#: What the server says while a job waits, which the plug-in shows.
_SAID_BY_SERVER = ("Loading the network", "Preparing the pictures")


def collect() -> Catalog:
    """Return every text that the plug-in shows, in the order in which they are found."""
    found = Catalog(project=DOMAIN, charset="utf-8", header_comment=f"# What {DOMAIN} says.")
    for file, line, text, comments, _context in extract_from_dir(PLUGIN, _METHODS, keywords=_KEYWORDS):
        found.add(text, locations=[(file, line)], auto_comments=comments)
    for text, where in _declared():
        if text:
            found.add(text, auto_comments=[where])
    return found


def _declared() -> Iterator[tuple[str, str]]:
    for text in _SAID_BY_SERVER:
        yield text, "server"
    for setting in SETTINGS:
        of_choices = (text for choice in setting.choices for text in (choice.label, choice.help))
        for text in (setting.label, setting.help, setting.unit, *of_choices):
            yield text, f"setting {setting.name}"
    for code, sentence_and_remedy in ERRORS.items():
        for text in sentence_and_remedy:
            yield text, f"error {code}"


def languages() -> list[Path]:
    """Return the catalogues, one .po file a language."""
    return sorted(PO.glob("*.po"))


def read(path: Path) -> Catalog:
    """Return a catalogue; the template has no language.

    Raises:
        PoFileError: it is not a .po file, and in which line.
    """
    with path.open("rb") as file:
        return read_po(file, locale=None if path == TEMPLATE else path.stem, domain=DOMAIN, abort_invalid=True)


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts that are shown in English."""
    said = [message for message in catalogue if message.id]
    return [forms(message.id)[0] for message in said if message.fuzzy or not all(forms(message.string))]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return what Babel has as a text, or as singular and plurals, or, of a new one, not at all."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def compiled(language: str) -> Path:
    """Return where gettext, in GIMP, looks for a language."""
    return PLUGIN / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo"


def update(new: tuple[str, ...] = ()) -> None:
    """Bring all files up to date, and say what is left to translate; ``new`` are languages to begin with."""
    found = collect()
    if TEMPLATE.is_file():
        found.creation_date = read(TEMPLATE).creation_date  # as in the catalogues: what has not changed stays as it is
    _write(TEMPLATE, found)
    for path in sorted({*languages(), *(PO / f"{language}.po" for language in new)}):
        catalogue = read(path) if path.is_file() else Catalog(locale=path.stem, domain=DOMAIN, project=DOMAIN, fuzzy=False)
        catalogue.update(found, update_header_comment=True)
        _write(path, catalogue)
        destination = compiled(path.stem)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with destination.open("wb") as file:
            write_mo(file, catalogue)
        print(f"{path.stem}: {len(catalogue)} texts, {len(untranslated(catalogue))} not translated")


def _write(path: Path, catalogue: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, ignore_obsolete=True, include_lineno=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Bring the plug-in's translations up to date.")
    parser.add_argument("language", nargs="*", help="a language to begin with, as gettext names it: es, pt_BR")
    update(tuple(parser.parse_args().language))
