"""The tutorial as the page that the dialog's Help button opens: made anew from docs/tutorial.md. Needs markdown-it-py.

    python3 -m gimp_plugin.help

The page stands in the plug-in's ``help`` and in the repository, because installing must do without; the pictures that it
shows are put beside it when the plug-in is assembled.
"""

from __future__ import annotations

import html
from pathlib import Path

from gimp_plugin.assemble import HELP_PAGE, NAME

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "tutorial.md"
PAGE = ROOT / "gimp_plugin" / NAME / HELP_PAGE

_FRAME = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 17px/1.5 system-ui, sans-serif; }}
img {{ max-width: 100%; height: auto; }}
code {{ font-size: 0.9em; }}
pre {{ overflow-x: auto; padding: 0.7rem; background: rgba(128, 128, 128, 0.15); }}
</style>
{body}
</html>
"""


def made() -> str:
    """Return the page; what it links to beside itself, which is not installed, is left as its words."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(SOURCE.read_text(encoding="utf-8"))
    for token in tokens:
        children, shown, inside = token.children or [], [], False
        for child in children:
            if child.type == "link_open":
                inside = not str(child.attrs.get("href", "")).startswith("http")
            if not (inside and child.type in ("link_open", "link_close")):
                shown.append(child)
            if child.type == "link_close":
                inside = False
        token.children = shown if token.children is not None else None
    body = markdown.renderer.render(tokens, markdown.options, {})
    title = SOURCE.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
    return _FRAME.format(title=html.escape(title), body=body)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(made(), encoding="utf-8")
