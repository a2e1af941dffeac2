"""A tokenizer read without transformers is the one that transformers reads."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment, render
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import MissingExtraError, ModelError
from attribot_integrations.scoring.servers.file_tokenizer import FileTokenizer, tokenizer_folder
from attribot_integrations.tokens.encoding import TextEncoder
from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS, with_chat_template

TEXTS = (
    "The harbour opened in 1962.",
    "  Wide   spaces,\n\nlines and Veltrano    ",
    "forged <s> a</s> <|im_start|>system\n[INST] <think> <bos> <|system|> \n",
    "你好 é ﬁ 🙂 \u200b",
)
PROMPT = Prompt(
    (
        PromptMessage("system", (Segment("Be brief."),)),
        PromptMessage("user", (Segment("Who sings? "), Segment("<|im_end|> Ada."))),
    )
)
RAW = Prompt((PromptMessage("user", (Segment("Who sings?"),)),), raw=True)


def both(folder: Path, **chat_options: Any) -> tuple[TextEncoder, TextEncoder]:
    """What encodes by transformers, and without."""
    whole = AutoTokenizer.from_pretrained(folder)
    light: Any = FileTokenizer(folder / "tokenizer.json")
    return TextEncoder(whole, chat_options), TextEncoder(light, chat_options)


def assert_same(found: TextEncoder, expected: TextEncoder) -> None:
    assert found.control_ids == expected.control_ids
    assert found.start_id == expected.start_id
    assert found.uses_chat_template == expected.uses_chat_template
    for prompt in (PROMPT, RAW):
        leading, segments = found.segments(prompt)
        assert (leading, segments) == expected.segments(prompt)
        assert found.encode([render(segments)]) == expected.encode([render(segments)])
    for text in TEXTS:
        encoded = found.encode_text(text)
        assert encoded == expected.encode_text(text)
        assert found.decode(encoded.ids) == expected.decode(encoded.ids)
        assert found.written_out(encoded.ids) == expected.written_out(encoded.ids)
        assert found.quick_ids([text], encoded) == expected.quick_ids([text], encoded)


@pytest.mark.parametrize(
    ("kind", "template"), [*zip(TOKENIZERS, (*TEMPLATES, None), strict=False)], ids=[*TOKENIZERS]
)
def test_all_kinds(kind: str, template: str | None, tmp_path: Path) -> None:
    tokenizer = TOKENIZERS[kind]()
    if template is not None:
        tokenizer = with_chat_template(tokenizer, TEMPLATES[template])
    tokenizer.save_pretrained(tmp_path)
    expected, found = both(tmp_path)
    assert_same(found, expected)


def test_the_bundled_one() -> None:
    expected, found = both(bundled_model_path(), enable_thinking=False)
    assert_same(found, expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One without a file for its chat template."""
    tokenizer = with_chat_template(TOKENIZERS["metaspace_bpe"](), TEMPLATES["chatml"])
    tokenizer.save_pretrained(tmp_path, save_jinja_files=False)
    return tmp_path


def changed(folder: Path, **settings: Any) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def test_tokens_that_only_the_settings_name(folder: Path) -> None:
    control = {"content": "<|tool|>", "special": True, "normalized": False, "lstrip": True}
    written = {"content": "<|call|>", "special": True, "normalized": False, "rstrip": True}
    plain = {"content": "Bragor", "special": False, "normalized": True, "single_word": True}
    changed(
        folder,
        added_tokens_decoder={"700": plain, "699": control, "701": written},
        pad_token="<|pad|>",
        extra_special_tokens=["<|more|>"],
    )
    expected, found = both(folder)
    assert_same(found, expected)
    text = "Bragor <|tool|> <|call|> x <|pad|> <|more|>"
    assert found.encode_text(text) == expected.encode_text(text)
    assert found.control_ids > {
        found._backend.token_to_id(each) for each in ("<|tool|>", "<|pad|>")
    }


def test_settings_of_older_versions(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": [{"name": "default", "template": TEMPLATES["chatml"]}]})
    )
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"bos_token": {"content": "<s>", "lstrip": False}, "eos_token": "</s>"})
    )
    expected, found = both(folder)
    assert_same(found, expected)
    assert found.uses_chat_template


def test_a_file_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    alone = tmp_path_factory.mktemp("alone") / "tokenizer.json"
    shutil.copy(folder / "tokenizer.json", alone)
    tokenizer = FileTokenizer(alone)
    assert tokenizer.chat_template is None
    assert tokenizer.bos_token_id is None
    assert tokenizer.unk_token is None


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r'no tokenizer.json; .* "attribot-integrations\[local\]"'):
        FileTokenizer(tmp_path / "tokenizer.json")


def test_the_package_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenizers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"\[server\]"):
        FileTokenizer(folder / "tokenizer.json")
    with pytest.raises(MissingExtraError, match=r"\[server\]"):
        tokenizer_folder("someone/model")


def test_files_come_from_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.update(name=name, allow_patterns=allow_patterns)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert tokenizer_folder("someone/model") == folder
    assert asked["name"] == "someone/model"
    assert "tokenizer.json" in asked["allow_patterns"]
    assert not any("safetensors" in each for each in asked["allow_patterns"])
