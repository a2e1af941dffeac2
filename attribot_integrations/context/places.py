"""Where a chunk stands: its file, its pages and its section, as its metadata says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

__all__ = ["base_name", "file_format", "pages_of_items", "section_of"]

_SECTION_KEYS: Final = ("section", "section_title", "heading", "headings", "header_path")
_HEADER: Final = re.compile(r"[Hh](?:eader)?[ _]?([1-6])")
"""Keys under which splitters of Markdown and HTML write the headings above a chunk."""
_FILE_KEYS: Final = ("file_name", "filename", "file_path", "source", "title")
_LANGUAGE_KEYS: Final = ("language", "file_type", "mime_type", "content_type")
_MIME: Final = re.compile(r"(?:text|application)/(?:x-)?")
_ENDING: Final = re.compile(r"\.([A-Za-z+]{1,10}[0-9]?)$")
_SERVER_PATH: Final = re.compile(r"/(?!/)|\\\\|[A-Za-z]:[\\/]|~[\\/]|\.{1,2}[\\/]|file:/", re.I)


def base_name(name: str) -> str:
    """Return the name of a file without the folders it lies in on the server, else the name itself.

    Paths that start at a root, a drive, a home or "." are cut, and `file:` addresses; a relative
    path such as `docs/tides.txt` stays, and so do web addresses.
    """
    if not _SERVER_PATH.match(name):
        return name
    pure = PureWindowsPath(name) if "\\" in name or name[1:2] == ":" else PurePosixPath(name)
    return pure.name or name


def file_format(metadata: Mapping[str, Any]) -> str | None:
    """Return the format of a text: its language, or its file's ending, in lower case.

    A natural language, as loaders of web pages write it, is none of a text's format.
    """
    if not metadata:
        return None
    for key in _LANGUAGE_KEYS:
        value = metadata.get(key)
        if isinstance(value, str) and len(value) > 2:
            return _MIME.sub("", value.lower())
    for key in _FILE_KEYS:
        value = metadata.get(key)
        ending = _ENDING.search(value[-20:]) if isinstance(value, str) else None
        if ending is not None:
            return ending[1].lower()
    return None


def section_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the headings a chunk stands below, outer ones first, joined by " > ".

    They are read from `section`, `heading`, `headings` or `header_path`, from `Header 1` and the
    like, and from what Docling writes.
    """
    for holder in _holders(metadata):
        for key in _SECTION_KEYS:
            if names := list(_names(holder.get(key))):
                return " > ".join(names)
        levels = sorted(
            (found[1], value)
            for key, value in holder.items()
            if isinstance(key, str)
            and isinstance(value, str)
            and value.strip()
            and (found := _HEADER.fullmatch(key))
        )
        if levels:
            return " > ".join(value.strip() for _, value in levels)
    return None


def _holders(metadata: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield metadata
    inner = metadata.get("dl_meta")
    if isinstance(inner, Mapping):
        yield inner


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        given: Sequence[object] = value.strip("/").split("/") if value[:1] == "/" else [value]
    else:
        given = value if isinstance(value, list | tuple) else []
    yield from (each.strip() for each in given if isinstance(each, str) and each.strip())


def pages_of_items(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the first and last page of what Docling has put in a chunk, `None` if unknown."""
    pages: list[int] = []
    for holder in _holders(metadata):
        for item in _mappings(holder.get("doc_items")):
            for place in _mappings(item.get("prov")):
                page = place.get("page_no")
                if isinstance(page, int) and not isinstance(page, bool) and page >= 0:
                    pages.append(page)
    return (min(pages), max(pages)) if pages else None


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list | tuple):
        yield from (each for each in value if isinstance(each, Mapping))
