"""A tokenizer read from a `tokenizer.json` by the `tokenizers` package alone.

It does what transformers' fast tokenizers do, as far as `TextEncoder` asks for it; with
transformers and torch not installed, it takes their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import MissingExtraError, ModelError
from attribot_integrations.scoring.servers.chat_template import compiled_template

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer

__all__ = ["FileTokenizer", "tokenizer_folder"]

_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_NAMED = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))


def tokenizer_folder(name: str) -> Path:
    """Fetch a tokenizer's files from the Hugging Face hub, or find them in its cache.

    Args:
        name: The model's name there.

    Raises:
        MissingExtraError: If the hub's client, which comes with `tokenizers`, is not installed.
        OSError: If they cannot be fetched.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError("scoring on a server", "server") from error
    return Path(snapshot_download(name, allow_patterns=list(_FILES)))


class FileTokenizer:
    """A tokenizer and chat template from files.

    Args:
        file: The `tokenizer.json`; what stands beside it says which tokens are special, and how
            messages are written.

    Raises:
        MissingExtraError: If `tokenizers` is not installed.
        ModelError: If there is no such file, or it cannot be read.
    """

    is_fast = True
    split_special_tokens = False

    def __init__(self, file: Path) -> None:
        try:
            from tokenizers import AddedToken, Tokenizer
        except ImportError as error:
            raise MissingExtraError("scoring on a server", "server") from error
        if not file.is_file():
            raise ModelError(
                f"{file.parent} holds no {file.name}; other forms of tokenizers are read with "
                'transformers: pip install "attribot-integrations[local]"'
            )
        self.backend_tokenizer: Tokenizer = Tokenizer.from_file(str(file))
        settings = _read(file.with_name("tokenizer_config.json"))
        written = settings.get("added_tokens_decoder")
        if written is None:  # as saved by older versions
            settings |= _read(file.with_name("special_tokens_map.json"))
        names = {key: _content(settings[key]) for key in _NAMED if settings.get(key) is not None}
        extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens")
        others = extra.values() if isinstance(extra, Mapping) else extra or ()
        special = list(dict.fromkeys((*names.values(), *map(_content, others))))
        _add(self.backend_tokenizer, written or {}, special, AddedToken)
        self._names = names
        self.all_special_ids = [id_ for each in special if (id_ := self._id(each)) is not None]
        self.chat_template = _chat_template(file.with_name("chat_template.jinja"), settings)
        self._write: Callable[[Sequence[Mapping[str, Any]], Any], str] | None = None

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that are no result of training, by id."""
        return self.backend_tokenizer.get_added_tokens_decoder()

    @property
    def unk_token(self) -> str | None:
        """What stands for a character that the vocabulary lacks."""
        return self._names.get("unk_token")

    @property
    def unk_token_id(self) -> int | None:
        """Id of that."""
        return self._id(self.unk_token)

    @property
    def bos_token_id(self) -> int | None:
        """Id of the token in front of a text."""
        return self._id(self._names.get("bos_token"))

    @property
    def eos_token_id(self) -> int | None:
        """Id of the token behind a text."""
        return self._id(self._names.get("eos_token"))

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Return the tokens as the vocabulary has them."""
        return [self.backend_tokenizer.id_to_token(id_) or "" for id_ in ids]

    def decode(
        self,
        ids: Sequence[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> str:
        """Return the text of ids; spaces are never cleaned up, so that it is what they say."""
        return self.backend_tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)

    def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, Any]],
        tokenize: bool = False,
        add_generation_prompt: bool = True,
        **variables: Any,
    ) -> str:
        """Write messages by the chat template.

        Raises:
            TemplateError: If it fails, or refuses them.
        """
        if self._write is None:
            self._write = compiled_template(self.chat_template or "")
        given = {**self._names, "add_generation_prompt": add_generation_prompt, **variables}
        return self._write(messages, given)

    def _id(self, token: str | None) -> int | None:
        return None if token is None else self.backend_tokenizer.token_to_id(token)


def _read(file: Path) -> dict[str, Any]:
    """Return what a JSON file holds, nothing if there is none."""
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found if isinstance(found, dict) else {}


def _content(token: Any) -> str:
    """Return the text of a token, which files give alone or with its properties."""
    return str(token["content"] if isinstance(token, Mapping) else token)


def _add(
    backend: Tokenizer, written: Mapping[str, Any], special: Sequence[str], kind: type[AddedToken]
) -> None:
    """Add what the settings name and the `tokenizer.json` lacks; special tokens are made special.

    A piece of the vocabulary that is named as special is found before text is divided.
    """
    properties = ("single_word", "lstrip", "rstrip", "normalized", "special")
    known = {each.content: each for each in backend.get_added_tokens_decoder().values()}
    for _, each in sorted(written.items(), key=lambda item: int(item[0])):
        token = kind(each["content"], **{key: each[key] for key in properties if key in each})
        if token.content not in known:
            backend.add_tokens([token])
        known[token.content] = token
    backend.add_special_tokens(
        [known.get(each) or kind(each, special=True, normalized=False) for each in special]
    )


def _chat_template(file: Path, settings: Mapping[str, Any]) -> str | None:
    """Return the template of a file of its own, or the settings' default one."""
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = settings.get("chat_template")
    if isinstance(found, list):
        found = {each["name"]: each["template"] for each in found}.get("default")
    return found if isinstance(found, str) else None
