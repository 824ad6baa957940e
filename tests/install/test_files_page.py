"""docs/files.md says of the files that are written what is so."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from stylecore.files import writing
from stylecore.files.metadata import embedding
from tests.install.conftest import REPOSITORY


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    page = (REPOSITORY / "docs" / "files.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def has_profile(form: writing.Format) -> bool:
    data = writing.encode(f"a{form.endings[0]}", np.zeros((4, 4, 3), np.float32))
    if form.kind == "EXR":
        return False
    with Image.open(io.BytesIO(data)) as file:
        return bool(file.info.get("icc_profile"))


def test_the_table_of_what_is_written_is_current() -> None:
    said = rows("Written")
    assert len(said) == len(writing.FORMATS)
    for (name, *cells), form in zip(said, writing.FORMATS, strict=True):
        assert cells == [
            " ".join(f"`{ending}`" for ending in form.endings),
            ", ".join(map(str, form.depths)),
            "yes" if form.alpha else "no",
            "no" if form.lossless else "yes",
            f"{form.most:,}" if form.most else "any",
            "sRGB" if has_profile(form) else "–",
            ", ".join(embedding.HELD.get(form.kind, ["–"])),
        ], name


def test_everything_that_is_written_is_said_to_be_read() -> None:
    read = {ending for row in rows("Read") for ending in row[1].replace("`", "").split()}
    for form in writing.FORMATS:
        assert form.endings[0] in read, form.kind
