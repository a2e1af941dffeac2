"""Text of files, whatever they are compressed with and encoded in, as lines in UTF-8."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path, PurePath
from typing import Any, Final

from attribot_integrations.errors import DataFileError

__all__ = ["STANDARD_INPUT", "plain_name", "read_text", "text_lines"]

STANDARD_INPUT: Final = Path("-")
"""Stands for standard input in the place of a file."""

_COMPRESSED: Final[Mapping[bytes, Callable[[Any], Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_MARK: Final = 5
"""Bytes that tell what a file is, at most."""
_COMPRESSED_ENDINGS: Final = (".gz", ".bz2", ".xz")
_NO_TEXT: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file, whose name must end in .parquet",
}


def plain_name(path: str | Path) -> PurePath:
    """Return a file's name without the ending of a compression."""
    name = PurePath(path)
    return name.with_suffix("") if name.suffix.lower() in _COMPRESSED_ENDINGS else name


@contextmanager
def text_lines(path: str | Path) -> Iterator[Iterator[bytes]]:
    """Open a file, and yield what reads its lines one by one, in UTF-8 and with their ends.

    It may be compressed with gzip, bzip2 or xz, and encoded in UTF-8, UTF-16 or UTF-32. Bytes that
    are no UTF-8 stay as they are, for a line to be that line's problem alone; "-" is standard
    input.

    Raises:
        DataFileError: While reading, if the file is damaged or in no encoding of text.
        OSError: If it cannot be read.
    """
    with ExitStack() as opened:
        raw: Any
        if Path(path) == STANDARD_INPUT:
            raw = sys.stdin.buffer
            if not hasattr(raw, "peek"):  # put there by a program
                buffered = io.BufferedReader(raw)
                opened.callback(buffered.detach)
                raw = buffered
        else:
            raw = opened.enter_context(Path(path).open("rb"))
        head = _peek(raw)
        for mark, decompressed in _COMPRESSED.items():
            if head.startswith(mark):
                raw = io.BufferedReader(opened.enter_context(decompressed(raw)))
        yield opened.enter_context(closing(_lines(raw, path)))


def read_text(path: str | Path) -> bytes:
    """Read a whole file as `text_lines` does.

    Raises:
        DataFileError: If the file is damaged or in no encoding of text.
        OSError: If it cannot be read.
    """
    with text_lines(path) as lines:
        return b"".join(lines)


def _lines(raw: Any, path: str | Path) -> Generator[bytes, None, None]:
    try:
        head = _peek(raw)
        for mark, kind in _NO_TEXT.items():
            if head.startswith(mark):
                raise DataFileError(f"{path} is no text: it is {kind}")
        encoding = json.detect_encoding(head[:4])
        if encoding in ("utf-8", "utf-8-sig"):
            yield from raw
            return
        text = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
        try:
            for line in text:
                yield line.encode("utf-8", "surrogatepass")
        finally:
            text.detach()  # whoever opened the file closes it
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path} is no {error.encoding.upper()}, as it seems to be") from error
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataFileError(f"{path} is damaged: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise  # the system's own
        raise DataFileError(f"{path} is damaged: {error}") from error


def _peek(raw: Any) -> bytes:
    """Return the first bytes, without waiting for more than a pipe holds."""
    head: bytes = raw.peek(_MARK)
    return head[:_MARK]
