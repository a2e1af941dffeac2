"""Options that name models and say how they are loaded, for every command that runs any."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from attribot_integrations.scoring.loading import LoadingOptions

__all__ = [
    "ApiOption",
    "ChatOption",
    "DeviceMapOption",
    "Dtype",
    "DtypeOption",
    "ModelOption",
    "ProxyOption",
    "ServerOption",
    "TokenizerOption",
    "chat_options",
    "loading_options",
]

_JSON_WORDS = {"true", "false", "null"}


class Dtype(str, Enum):
    """Precision of the models' weights."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Target: name on the Hugging Face hub, or path of a folder or GGUF file. By default "
        "the bundled demo model, which is not for real text.",
        show_default=False,
    ),
]
ProxyOption = Annotated[
    str | None,
    typer.Option(
        help="Smaller model for what runs one; the bundled proxy with the bundled target.",
        show_default=False,
    ),
]
DtypeOption = Annotated[
    Dtype | None,
    typer.Option(
        help="Precision of the weights. By default the model's own, and float32 on a CPU.",
        show_default=False,
    ),
]
DeviceMapOption = Annotated[
    str, typer.Option(help='Where accelerate puts the weights: "auto", "cpu", "cuda:0", …')
]
ChatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chat-option",
        metavar="NAME=VALUE",
        help="Variable for the chat templates of the models, such as enable_thinking=false for "
        "Qwen3; may be given several times. The value is JSON, or else text.",
        show_default=False,
    ),
]

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Server that runs the target, such as http://localhost:8000: vLLM, SGLang, or another "
        "with echo and logprobs. --model is its name there. Its key, if it needs one, is read from "
        "the environment variable ATTRIBOT_API_KEY.",
        show_default=False,
    ),
]
ApiOption = Annotated[
    str,
    typer.Option(
        help="Interface of the server: auto, vllm, vllm-tokens, sglang or echo.",
    ),
]
TokenizerOption = Annotated[
    str | None,
    typer.Option(
        help="Tokenizer of the server's model: name on the hub, folder, or tokenizer.json. By "
        "default the model's name is the tokenizer's, too.",
        show_default=False,
    ),
]


def loading_options(
    dtype: Dtype | None, device_map: str, variables: Mapping[str, Any]
) -> LoadingOptions:
    """Return how models are loaded.

    Args:
        dtype: What `--dtype` says.
        device_map: What `--device-map` says.
        variables: What `chat_options` found.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """
    from attribot_integrations.scoring.loading import LoadingOptions

    precision = dtype.value if dtype else None
    return LoadingOptions(device_map=device_map, dtype=precision, chat_options=variables)


def chat_options(given: Sequence[str] | None) -> dict[str, Any]:
    """Return the variables that `--chat-option` gives to chat templates.

    Raises:
        BadParameter: If an argument is not of the form NAME=VALUE.
    """
    found: dict[str, Any] = {}
    for each in given or ():
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(
                f"must be NAME=VALUE, got {each!r}", param_hint="--chat-option"
            )
        # "False" is no JSON, and as a text it would be true.
        text = value.lower() if value.lower() in _JSON_WORDS else value
        try:
            found[name.strip()] = json.loads(text)
        except ValueError:
            found[name.strip()] = value
    return found
