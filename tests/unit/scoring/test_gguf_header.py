"""What stands in front of a GGUF file's weights."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from attribot_integrations.errors import MissingExtraError, ModelError, UnsupportedModelError
from attribot_integrations.scoring.gguf_header import GGUFHeader, gguf_package

F32, Q4_1, Q8_K = 0, 3, 15
TOKENIZER = {"general.architecture": "llama", "tokenizer.ggml.model": "gpt2"}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(of: object) -> bytes:
    if isinstance(of, str):
        return struct.pack("<I", 8) + text(of)
    if isinstance(of, bool):
        return struct.pack("<I?", 7, of)
    if isinstance(of, float):
        return struct.pack("<If", 6, of)
    if isinstance(of, int):
        return struct.pack("<II", 4, of)
    assert isinstance(of, list)
    kind = 8 if isinstance(of[0], str) else 6
    body = b"".join(text(each) if kind == 8 else struct.pack("<f", each) for each in of)
    return struct.pack("<IIQ", 9, kind, len(of)) + body


def write(
    path: Path,
    metadata: Mapping[str, object] = TOKENIZER,
    tensors: Sequence[tuple[str, tuple[int, ...], int, int]] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    alignment: int = 32,
) -> Path:
    """Write a file by hand, and the weights' bytes where they belong."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(text(key) + value(each) for key, each in metadata.items())
    for name, shape, kind, offset in tensors:
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += text(name) + sizes + struct.pack("<IQ", kind, offset)
    path.write_bytes(head + b"\0" * (-len(head) % alignment) + data)
    return path


def test_a_header_is_read(tmp_path: Path) -> None:
    metadata = {**TOKENIZER, "a.list": ["x", "äöü"], "a.scores": [0.5, 1.5, 2.5], "a.flag": True}
    tensors = [("one", (32, 4), F32, 0), ("two", (64,), Q4_1, 512)]
    path = write(tmp_path / "a.gguf", metadata, tensors, b"\0" * 552)
    header = GGUFHeader.read(path)
    assert header.architecture == "llama"
    assert header.metadata == {**metadata, "a.list": 2, "a.scores": 3}
    assert [(each.name, each.size, each.kind) for each in header.tensors] == [
        ("one", 128, F32),
        ("two", 64, Q4_1),
    ]
    assert header.parameters == 192
    assert header.start + 552 == path.stat().st_size


def test_alignment_is_the_files_own(tmp_path: Path) -> None:
    metadata = {**TOKENIZER, "general.alignment": 256}
    path = write(tmp_path / "a.gguf", metadata, alignment=256)
    assert GGUFHeader.read(path).start == path.stat().st_size


@pytest.mark.parametrize("start", [b"PK\x03\x04 and more", b"vers", b"G"])
def test_another_format_is_refused(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(start)
    with pytest.raises(ModelError) as caught:
        GGUFHeader.read(path)
    assert str(caught.value) == (
        f"cannot load {path}: it is no GGUF file, for it begins with {start[:4]!r}, not with "
        "b'GGUF'"
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.touch()
    with pytest.raises(ModelError, match="it is no GGUF file, for it is empty"):
        GGUFHeader.read(path)


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_other_versions_are_refused(tmp_path: Path, version: int) -> None:
    path = write(tmp_path / "a.gguf", version=version)
    message = f"it is a GGUF file of version {version}; 2 and 3 can be read"
    with pytest.raises(ModelError, match=message):
        GGUFHeader.read(path)


def test_a_header_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    metadata = {**TOKENIZER, "a.list": ["x", "y"], "a.scores": [0.5]}
    whole = write(tmp_path / "a.gguf", metadata, [("one", (2, 2), F32, 0)], b"\0" * 16)
    content, start = whole.read_bytes(), GGUFHeader.read(whole).start
    used = start - 31  # at least; what follows is padding
    for length in range(4, used):
        whole.write_bytes(content[:length])
        with pytest.raises(ModelError, match="it is cut off or damaged within its header"):
            GGUFHeader.read(whole)


@pytest.mark.parametrize(
    "damage",
    [
        struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62),
        struct.pack("<IQQ", 3, 0, 1) + text("key") + struct.pack("<I", 99),
        struct.pack("<IQQ", 3, 0, 1) + text("key") + struct.pack("<IIQ", 9, 9, 1),
        struct.pack("<IQQ", 3, 0, 1) + text("key") + struct.pack("<IIQ", 9, 8, 1 << 62),
        struct.pack("<IQQ", 3, 0, 1) + text("key") + struct.pack("<IIQ", 9, 4, 1 << 62),
        struct.pack("<IQQ", 3, 1 << 62, 0),
        struct.pack("<IQQ", 3, 1, 0) + text("name") + struct.pack("<I", 1 << 31),
        struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2) + b"\xff\xfe",
        struct.pack("<IQQ", 3, 0, 1) + text("general.alignment") + struct.pack("<II", 4, 0),
    ],
)
def test_damage_is_refused_at_once(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF" + damage + b"\0" * 64)
    started = time.thread_time()
    with pytest.raises(ModelError, match="it is cut off or damaged within its header"):
        GGUFHeader.read(path)
    assert time.thread_time() - started < 10


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"general.architecture": "clip"},
            r"it holds a vision projector \(mmproj\), no language model; name the file of the",
        ),
        ({"general.architecture": "x", "general.type": "mmproj"}, "it holds a vision projector"),
        (
            {**TOKENIZER, "general.type": "adapter"},
            "it holds no language model, its general.type is 'adapter'",
        ),
        ({**TOKENIZER, "split.count": 3}, "it is one of 3 parts, join them first: llama-gguf-spl"),
        ({"general.architecture": "flux"}, "it holds no tokenizer; its architecture is 'flux'"),
    ],
)
def test_what_is_no_whole_language_model_is_refused(
    tmp_path: Path, metadata: dict[str, object], message: str
) -> None:
    header = GGUFHeader.read(write(tmp_path / "a.gguf", metadata))
    with pytest.raises(UnsupportedModelError, match=message):
        header.check()


def test_a_whole_file_passes(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    metadata = {**TOKENIZER, "general.type": "model", "split.count": 0}
    tensors = [("one", (32, 4), F32, 0), ("two", (64,), Q4_1, 512)]
    GGUFHeader.read(write(tmp_path / "a.gguf", metadata, tensors, b"\0" * 552)).check()


def test_a_file_without_its_last_byte_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    tensors = [("one", (32, 4), F32, 0), ("two", (64,), Q4_1, 512)]
    path = write(tmp_path / "a.gguf", TOKENIZER, tensors, b"\0" * 551)
    size = path.stat().st_size
    with pytest.raises(ModelError) as caught:
        GGUFHeader.read(path).check()
    assert str(caught.value) == (
        f"cannot load {path}: it is cut off, {size:,} bytes are there and its weights reach to "
        f"{size + 1:,}"
    )


@pytest.mark.parametrize(
    ("kind", "named"), [(Q8_K, "the type Q8_K"), (12345, "a type with the number 12345")]
)
def test_weights_that_cannot_be_turned_to_floats_are_refused(
    tmp_path: Path, kind: int, named: str
) -> None:
    pytest.importorskip("gguf")
    tensors = [("fine", (32,), F32, 0), ("blk.0.odd", (256,), kind, 128)]
    header = GGUFHeader.read(write(tmp_path / "a.gguf", TOKENIZER, tensors, b"\0" * 4096))
    message = f"the weights 'blk.0.odd' have {named}, which the installed gguf package cannot"
    with pytest.raises(UnsupportedModelError, match=message):
        header.check()


def test_every_usual_quantisation_is_known(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    for name in ("F16", "BF16", "Q4_0", "Q5_1", "Q8_0", "Q2_K", "Q4_K", "Q6_K", "IQ4_XS", "IQ2_S"):
        kind = int(gguf.GGMLQuantizationType[name])
        path = write(tmp_path / "a.gguf", TOKENIZER, [("one", (256,), kind, 0)], b"\0" * 1024)
        GGUFHeader.read(path).check()


@pytest.mark.parametrize("old", [False, True])
def test_packages_are_asked_for_by_their_extra(old: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", ModuleType("gguf") if old else None)
    with pytest.raises(MissingExtraError) as caught:
        gguf_package()
    assert str(caught.value) == (
        "loading a GGUF file needs packages that are not installed: "
        'pip install "attribot-integrations[gguf]"'
    )
