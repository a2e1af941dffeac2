"""The tokenizer of a model that runs elsewhere, without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import AttribotError, ConfigurationError, ModelError
from attribot_integrations.scoring.hub_access import check_reachable
from attribot_integrations.scoring.servers.file_tokenizer import FileTokenizer, tokenizer_folder
from attribot_integrations.tokens.encoding import TextEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["load_encoder"]


def load_encoder(
    tokenizer: str | Path | PreTrainedTokenizerBase, chat_options: Mapping[str, Any] | None
) -> TextEncoder:
    """Load a tokenizer; torch is not needed, and transformers only where it is no `tokenizer.json`.

    Args:
        tokenizer: Name on the Hugging Face hub, a folder, a `tokenizer.json` (with the
            `tokenizer_config.json` beside it, if there is one), or one that is loaded.
        chat_options: Variables for the chat template.

    Raises:
        ConfigurationError: If it is of another type.
        MissingExtraError: If neither transformers nor `tokenizers` is installed.
        ModelError: If it cannot be loaded.
        UnsupportedModelError: If it reports no character offsets.
    """
    if hasattr(tokenizer, "get_added_vocab"):
        return TextEncoder(tokenizer, chat_options)  # type: ignore[arg-type]  # just asked
    if not isinstance(tokenizer, str | Path) or not str(tokenizer).strip():
        raise ConfigurationError(
            "the tokenizer must be a name on the hub, a path or a tokenizer of transformers, "
            f"got {tokenizer!r:.60}"
        )
    load = _by_transformers if find_spec("transformers") else _by_tokenizers
    try:
        loaded = load(Path(tokenizer).expanduser(), str(tokenizer))
    except AttribotError:
        raise
    except Exception as error:  # tokenizers raises bare ones for files that it cannot read
        raise ModelError(
            f"cannot load the tokenizer {tokenizer}: {error}; pass tokenizer=…, the folder or the "
            "name on the hub of the model that the server runs"
        ) from error
    return TextEncoder(loaded, chat_options)


def _by_transformers(path: Path, name: str) -> Any:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if path.is_file() and not (path.parent / "tokenizer_config.json").is_file():
        return PreTrainedTokenizerFast(tokenizer_file=str(path))
    if path.exists():
        return AutoTokenizer.from_pretrained(path.parent if path.is_file() else path)
    check_reachable(name)
    return AutoTokenizer.from_pretrained(name)


def _by_tokenizers(path: Path, name: str) -> Any:
    if path.is_file():
        return FileTokenizer(path)
    return FileTokenizer((path if path.exists() else tokenizer_folder(name)) / "tokenizer.json")
