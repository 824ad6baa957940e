#!/usr/bin/env python3
"""Translations of the plug-in: collect what is to be translated, and compile what is (standard library only).

    python3 -m gimp_plugin.catalogues     brings the template and the catalogues in gimp_plugin/po up to date

Words come from ``_("…")`` and ``counted("…", "…", n)`` in the plug-in, from the one declaration of the settings, and
from the errors of the wire. A text that has no translation is shown in English. `gimp_plugin.assemble` compiles the
catalogues into the plug-in's ``locale`` folder.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
#: The name that gettext looks for.
DOMAIN = "gimp-neural-style"
#: What the server says while a job waits, which the plug-in shows.
_SAID_BY_SERVER = ("Loading the network", "Preparing the pictures")
_HEADER = r"""Project-Id-Version: gimp-neural-style
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
"""


class CatalogueError(Exception):
    """A catalogue cannot be read; the message is a sentence for people."""


@dataclass
class Entry:
    """A text, its plural if it has one, its translations, and where it is used."""

    text: str
    plural: str = ""
    translations: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every form is translated."""
        return len(self.translations) >= (2 if self.plural else 1) and all(self.translations)


# Collecting


def collect(repository: Path = REPOSITORY) -> dict[str, Entry]:
    """Return every text that the plug-in shows, in the order in which they are found."""
    found: dict[str, Entry] = {}

    def add(text: str, place: str, plural: str = "") -> None:
        if text:
            entry = found.setdefault(text, Entry(text, plural))
            if place not in entry.places:
                entry.places.append(place)

    plugin = repository / "gimp_plugin" / "neural-style"
    for path in sorted(plugin.rglob("*.py")):
        for text, plural in _in_code(path):
            add(text, path.relative_to(plugin).as_posix(), plural)
    for text in _SAID_BY_SERVER:
        add(text, "server")
    from stylecore.errors import ERRORS
    from stylecore.settings import SETTINGS

    for setting in SETTINGS:
        for text in (setting.label, setting.help, setting.unit):
            add(text, f"setting {setting.name}")
        for choice in setting.choices:
            add(choice.label, f"setting {setting.name}")
            add(choice.help, f"setting {setting.name}")
    for code, (sentence, remedy) in ERRORS.items():
        add(sentence, f"error {code}")
        add(remedy, f"error {code}")
    return found


def _in_code(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if node.func.id == "_" and len(texts) == 1:
            yield texts[0], ""
        elif node.func.id == "counted" and len(texts) == 2:
            yield texts[0], texts[1]


# Reading and writing


def read(path: Path) -> dict[str, Entry]:
    """Return the entries of a .po file; the header's text is empty.

    Raises:
        CatalogueError: it is not a .po file.
    """
    entries: dict[str, Entry] = {}
    entry, said = Entry(""), ""
    parts: dict[str, str] = {}

    def finish() -> None:
        if "msgid" in parts:
            done = Entry(parts["msgid"], parts.get("msgid_plural", ""), places=list(entry.places))
            done.translations = [text for key, text in parts.items() if key.startswith("msgstr")]
            entries[done.text] = done
        parts.clear()
        entry.places.clear()

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if line.startswith(("#", "msgid ")) and any(key.startswith("msgstr") for key in parts):
            finish()
        if line.startswith("#:"):
            entry.places.append(line[2:].strip())
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r'(?:(msgid|msgid_plural|msgstr|msgstr\[\d\]) )?(".*")', line)
        if match is None or (match[1] is None and not said):
            raise CatalogueError(f"{path.name}, line {number} is not understood: {line}")
        said = match[1] or said
        parts[said] = parts.get(said, "") + ast.literal_eval(match[2])
    finish()
    return entries


def _quoted(key: str, text: str) -> str:
    lines = text.split("\n")
    pieces = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] or len(lines) == 1 else [])
    quoted = ['"' + piece.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for piece in pieces]
    if len(quoted) == 1:
        return f"{key} {quoted[0]}"
    return "\n".join([f'{key} ""', *quoted])


def write(path: Path, entries: dict[str, Entry], header: str) -> None:
    """Write a .po file."""
    blocks = [_quoted('msgid ""\nmsgstr', header)]
    for entry in entries.values():
        lines = [f"#: {place}" for place in entry.places] + [_quoted("msgid", entry.text)]
        translations = entry.translations or [""] * (2 if entry.plural else 1)
        if entry.plural:
            lines.append(_quoted("msgid_plural", entry.plural))
            lines += [_quoted(f"msgstr[{number}]", text) for number, text in enumerate(translations)]
        else:
            lines.append(_quoted("msgstr", translations[0]))
        blocks.append("\n".join(lines))
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def compiled(entries: dict[str, Entry]) -> bytes:
    """Return a catalogue as gettext reads it (the .mo format of GNU gettext's manual, section 10.3)."""
    texts: dict[bytes, bytes] = {}
    for entry in entries.values():
        if entry.text and not entry.complete:
            continue  # shown in English
        key = entry.text + (f"\0{entry.plural}" if entry.plural else "")
        texts[key.encode()] = "\0".join(entry.translations).encode()
    keys = sorted(texts)
    begin = 28 + 16 * len(keys)
    originals, translations, data = [], [], b""
    for table, strings in ((originals, keys), (translations, [texts[key] for key in keys])):
        for string in strings:
            table.append(struct.pack("<II", len(string), begin + len(data)))
            data += string + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, begin)
    return head + b"".join(originals) + b"".join(translations) + data


def languages(repository: Path = REPOSITORY) -> list[Path]:
    """Return the catalogues, one .po file a language."""
    return sorted((repository / "gimp_plugin" / "po").glob("*.po"))


def install(locale: Path, repository: Path = REPOSITORY) -> None:
    """Compile every catalogue into the folder ``locale``.

    Raises:
        CatalogueError: one of them cannot be read.
    """
    for path in languages(repository):
        folder = locale / path.stem / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / f"{DOMAIN}.mo").write_bytes(compiled(read(path)))


def update(repository: Path = REPOSITORY) -> int:
    """Bring the template and the catalogues up to date; return how many translations are missing."""
    found, missing = collect(repository), 0
    write(repository / "gimp_plugin" / "po" / f"{DOMAIN}.pot", found, _HEADER)
    for path in languages(repository):
        old = read(path)
        header = old[""].translations[0] if "" in old else _HEADER
        for text, entry in found.items():
            entry.translations = old[text].translations if text in old else []
        write(path, found, header)
        lacking = sum(not entry.complete for entry in found.values())
        print(f"{path.stem}: {len(found)} texts, {lacking} not translated")
        missing += lacking
    return missing


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    update()
