"""Lets links lead to Markdown files of the repository that are no pages: they become downloads."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

__all__ = ["linked_as_files", "setup"]

_LINK = re.compile(r"\]\((?P<path>\.\.?/[^)#\s]*\.md)(?:#[^)\s]*)?\)")


def linked_as_files(text: str, folder: Path, docs: Path) -> str:
    """Mark the links of a page that lead out of the documentation.

    Args:
        text: The page's Markdown.
        folder: Folder of the page.
        docs: Folder of the documentation.
    """

    def marked(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        outside = target.is_file() and not target.is_relative_to(docs.resolve())
        return f"](path:{link['path']})" if outside else link[0]

    return _LINK.sub(marked, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark links when a page is read."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(docname))
    if page.suffix == ".md":
        source[0] = linked_as_files(source[0], page.parent, Path(app.srcdir))
