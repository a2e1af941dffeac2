"""Lines of files that are compressed, or in other encodings."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from attribot_integrations.batch.textfiles import plain_name, read_text, text_lines
from attribot_integrations.errors import DataFileError

TEXT = "{}\n\n[\u2028é]\r\nlast"
UTF8 = TEXT.encode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_lines_are_those_of_utf8(
    tmp_path: Path, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "in"
    path.write_bytes(compress(TEXT.encode(encoding)))
    with text_lines(path) as lines:
        assert list(lines) == [b"{}\n", b"\n", "[\u2028é]\r\n".encode(), b"last"]
    assert read_text(path) == UTF8


def test_bytes_that_are_no_text_stay_in_their_line(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"{}\n\xff\n")
    assert read_text(path) == b"{}\n\xff\n"
    path.write_bytes(b"")
    assert read_text(path) == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "in is no text: it is a zip archive or a spreadsheet"),
        (b"PAR1rest", "a Parquet file, whose name must end in .parquet"),
        (gzip.compress(UTF8, mtime=0)[:-9], "is damaged: "),
        (b"\x1f\x8b\x08nonsense nonsense nonsense", "is damaged: "),
        (bz2.compress(UTF8)[:9] + b"nonsense nonsense nonsense", "is damaged: "),
        (lzma.compress(UTF8)[:20] + b"nonsense nonsense", "is damaged: "),
        ("{}".encode("utf-16") + b"\x00", "is no UTF-16-LE, as it seems to be"),
    ],
)
def test_files_that_are_named_once(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "in"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        read_text(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "none")


def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.BufferedReader(io.BytesIO(gzip.compress(UTF8)))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=piped))
    assert read_text("-") == UTF8
    assert not piped.closed


def test_names_without_the_ending_of_a_compression() -> None:
    assert plain_name("a/b.csv.GZ").suffix == ".csv"
    assert plain_name("b.jsonl").suffix == ".jsonl"
