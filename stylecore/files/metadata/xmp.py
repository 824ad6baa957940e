"""What XMP says of a picture's rights and dates, read with care and written anew, small."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ROOT, _DESCRIPTION = f"{_RDF} RDF", f"{_RDF} Description"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_PREFIXES = {
    _RDF: "rdf",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://creativecommons.org/ns#": "cc",
    "http://ns.useplus.org/ldf/xmp/1.0/": "plus",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
#: Rights of all kinds: properties of these namespaces, and these.
_KEPT_NAMESPACES = ("xmpRights", "cc", "plus")
_KEPT = {
    "dc:rights", "dc:creator", "photoshop:Credit", "photoshop:Source", "photoshop:AuthorsPosition",
    "Iptc4xmpCore:CreatorContactInfo",
}  # fmt: skip
#: Read for what they say, but not written again: EXIF says it.
_READ = {
    "http://ns.adobe.com/tiff/1.0/ Artist": "artist",
    "http://ns.adobe.com/tiff/1.0/ Copyright": "copyright",
    "http://ns.adobe.com/exif/1.0/ DateTimeOriginal": "taken",
    "http://ns.adobe.com/photoshop/1.0/ DateCreated": "taken",
    "http://ns.adobe.com/xap/1.0/ CreateDate": "digitised",
    "http://ns.adobe.com/xap/1.0/ ModifyDate": "changed",
}
_STRUCTURE = {f"rdf:{name}" for name in ("Alt", "Seq", "Bag", "li", "Description", "value")}
_MOST_DEPTH, _MOST_LETTERS = 12, 20_000
#: Of a packet: what one segment of a JPEG holds is a little more.
_MOST_BYTES = 60_000
#: No more of a packet is read: the history of a much edited picture takes megabytes.
_MOST_READ = 8_000_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Rights:
    """``artist`` and ``copyright`` as one line each, dates as they stand, and the ``packet`` to be kept; empty for none."""

    artist: str = ""
    copyright: str = ""
    taken: str = ""
    digitised: str = ""
    changed: str = ""
    packet: bytes = b""


@dataclass
class _Node:
    name: str  # with its prefix
    attributes: dict[str, str]
    text: str = ""
    children: list[_Node] = field(default_factory=list)


def read(packet: bytes) -> Rights:
    """Return what a packet says of rights and dates, as far as it can be read.

    It is rebuilt from the known properties alone: no history, no place, no faces. A document type is refused, so that no
    entity is ever expanded; a property that is longer than any statement of rights is left out.
    """
    reader = _Reader()
    reader.run(_as_utf8(packet[:_MOST_READ]))
    said = reader.said
    creator, rights = reader.kept.get("dc:creator"), reader.kept.get("dc:rights")
    return Rights(
        (_words(creator) if creator else "") or said.get("artist", ""),
        (_words(rights) if rights else "") or said.get("copyright", ""),
        said.get("taken", ""),
        said.get("digitised", ""),
        said.get("changed", ""),
        _packet(list(reader.kept.values())),
    )


class _Refused(Exception):
    """The packet declares a document type."""


class _Reader:
    """Collects the known properties while the packet goes by; the rest is never held."""

    def __init__(self) -> None:
        self.kept: dict[str, _Node] = {}
        self.said: dict[str, str] = {}
        self._parser = expat.ParserCreate("utf-8", " ")
        self._above: list[str] = []  # the open elements down to rdf:Description, whose children are the properties
        self._open: list[_Node] = []  # those of a property
        self._skipped = 0  # open elements of what is left out, which may be megabytes
        self._key = ""
        self._letters = 0

    def run(self, packet: bytes) -> None:
        self._parser.buffer_text = True
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end
        self._parser.CharacterDataHandler, self._parser.StartDoctypeDeclHandler = self._text, self._refuse
        with contextlib.suppress(expat.ExpatError, _Refused):  # what came before the damage has been collected
            self._parser.Parse(packet, True)

    def _refuse(self, *_: object) -> None:
        raise _Refused

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped:
            self._skipped += 1
        elif self._open:
            inner = _prefixed(name)
            self._letters += 1 + sum(map(len, attributes.values()))
            known = inner in _STRUCTURE or (inner and not inner.startswith("rdf:"))
            if self._letters > _MOST_LETTERS:
                self._give_up()
            elif known and len(self._open) < _MOST_DEPTH:
                self._open[-1].children.append(_Node(inner, _attributes(attributes)))
                self._open.append(self._open[-1].children[-1])
            else:
                self._skip()
        elif self._above[-1:] == [_DESCRIPTION]:
            if not self._begin(name, _attributes(attributes)):
                self._skip()
        elif self._above[-1:] != [_ROOT] or name == _DESCRIPTION:
            if self._above[-1:] == [_ROOT]:
                for key, value in attributes.items():  # the short form: a property as an attribute
                    if self._begin(key, {}):
                        self._text(value)
                        self._finish()
            self._above.append(name)
        else:
            self._skip()

    def _skip(self, elements: int = 1) -> None:
        self._skipped, self._parser.CharacterDataHandler = elements, None

    def _give_up(self) -> None:
        """Leave out the property that is open, of which an element more has just begun: no statement is that long."""
        self._skip(len(self._open) + 1)
        self._open = []

    def _end(self, _name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            if not self._skipped:
                self._parser.CharacterDataHandler = self._text
        elif len(self._open) > 1:
            self._open.pop()
        elif self._open:
            self._finish()
        else:
            self._above.pop()

    def _text(self, text: str) -> None:
        self._letters += len(text)
        if self._open and self._letters <= _MOST_LETTERS:
            self._open[-1].text += text

    def _begin(self, name: str, attributes: dict[str, str]) -> bool:
        key = _prefixed(name)
        kept = key in _KEPT or key.partition(":")[0] in _KEPT_NAMESPACES
        if not kept and name not in _READ:
            return False
        self._key, self._letters = key if kept else name, sum(map(len, attributes.values()))
        self._open = [_Node(key or "other", attributes)]
        return True

    def _finish(self) -> None:
        node, self._open = self._open[0], []
        if self._letters > _MOST_LETTERS:
            return
        if self._key in _READ:
            words = _words(node)
            if words:
                self.said.setdefault(_READ[self._key], words)
        elif _holds(node):
            self.kept.setdefault(self._key, node)


def _as_utf8(packet: bytes) -> bytes:
    """Return a packet in UTF-8, whatever it was written in, without what no XML may hold."""
    text = None
    for encoding, marks in (("utf-16-le", (b"\xff\xfe", b"<\0?\0")), ("utf-16-be", (b"\xfe\xff", b"\0<\0?"))):
        if packet.startswith(marks):
            text = packet.decode(encoding, "replace")
    return _CONTROL.sub("", decoded(packet) if text is None else text).strip(" \t\r\n\ufeff").encode()


def decoded(text: bytes) -> str:
    """Return text as UTF-8, or as the encoding of western Windows if it is none, as old programs wrote it."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def _prefixed(name: str) -> str:
    """Return an element's or attribute's name with our own prefix; empty for a namespace that is not kept."""
    space, _, local = name.rpartition(" ")
    return f"{_PREFIXES[space]}:{local}" if space in _PREFIXES else ""


def _attributes(attributes: dict[str, str]) -> dict[str, str]:
    kept = {}
    for name, value in attributes.items():
        key = "xml:lang" if name == _LANGUAGE else _prefixed(name)
        structure = key in ("xml:lang", "rdf:resource") or (key == "rdf:parseType" and value == "Resource")
        if structure or (key and not key.startswith("rdf:")):
            kept[key] = value
    return kept


def _all(node: _Node) -> Iterator[_Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _holds(node: _Node) -> bool:
    """Return whether there is anything in it but structure."""
    return any(each.text.strip() or set(each.attributes) - {"xml:lang", "rdf:parseType"} for each in _all(node))


def _words(node: _Node) -> str:
    """Return a property as one line: of several languages the default, of several people all."""
    items = [each for each in _all(node) if each.name == "rdf:li"]
    if any(each.name == "rdf:Alt" for each in _all(node)):
        items = [each for each in items if each.attributes.get("xml:lang") == "x-default"][:1] or items[:1]
    texts = [" ".join(each.text.split()) for each in items or [node]]
    return "; ".join(text for text in texts if text)


def _packet(nodes: list[_Node]) -> bytes:
    """Return a packet of these properties, as many as it has room for."""
    names = {name for node in nodes for each in _all(node) for name in (each.name, *each.attributes)}
    used = {"rdf", *(name.partition(":")[0] for name in names)}
    declared = "".join(f" xmlns:{prefix}={quoteattr(space)}" for space, prefix in _PREFIXES.items() if prefix in used)
    body, room = "", _MOST_BYTES
    for node in nodes:
        written = _written(node)
        if len(written.encode()) <= room:
            body, room = body + written, room - len(written.encode())
    if not body:
        return b""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF{declared}>\n<rdf:Description rdf:about="">\n{body}'
        '</rdf:Description>\n</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def _written(node: _Node, end: str = "\n") -> str:
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes.items())
    inner = "".join(_written(child, "") for child in node.children) if node.children else escape(node.text.strip())
    return f"<{node.name}{attributes}>{inner}</{node.name}>{end}" if inner else f"<{node.name}{attributes}/>{end}"
