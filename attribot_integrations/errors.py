"""Every exception this package raises, in one tree.

```
AttribotError
├── ConfigurationError        an option has a value it cannot have        (also ValueError)
├── InputError                the caller's data cannot be attributed      (also ValueError)
│   ├── EmptyContextError     no chunk, or only blank ones
│   ├── EmptyAnswerError      no answer text to explain
│   ├── PromptTooLongError    prompt and answer exceed the model's context
│   ├── ChunkNotFoundError    no chunk stands in the captured prompt
│   ├── ControlTokenError     text that cannot be kept from becoming a control token
│   ├── PromptError           the model's chat template refuses the messages
│   └── DataFileError         a line of a data file cannot be read
├── ModelError                the model cannot be used
│   ├── UnsupportedModelError not a decoder-only language model, or no offsets in its tokenizer
│   ├── ServerError           a server cannot be reached, or gives no log-probabilities to rely on
│   └── OutOfMemoryError      not even one ablation fits in memory        (also MemoryError)
└── MissingExtraError         an optional dependency is not installed     (also ImportError)
```
"""

from __future__ import annotations

import traceback

__all__ = [
    "AttribotError",
    "ChunkNotFoundError",
    "ConfigurationError",
    "ControlTokenError",
    "DataFileError",
    "EmptyAnswerError",
    "EmptyContextError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "OutOfMemoryError",
    "PromptError",
    "PromptTooLongError",
    "ServerError",
    "UnsupportedModelError",
]


class AttribotError(Exception):
    """Base class: catching it catches everything this package raises on purpose."""


class ConfigurationError(AttribotError, ValueError):
    """An option has a value it cannot have."""


class InputError(AttribotError, ValueError):
    """The caller's question, chunks, answer or prompt cannot be attributed."""


class EmptyContextError(InputError):
    """There is no chunk, or no chunk holds any text."""


class EmptyAnswerError(InputError):
    """The answer holds no text, so there is nothing to explain."""


class PromptTooLongError(InputError):
    """Prompt and answer together exceed the model's context."""


class ChunkNotFoundError(InputError):
    """None of the chunks stands in the captured prompt."""


class ControlTokenError(InputError):
    """Some text would become a control token of the model and could not be kept from it."""


class PromptError(InputError):
    """The model's chat template refuses the messages, or does not show them."""


class DataFileError(InputError):
    """A line of a data file cannot be read as an attribution request."""


class ModelError(AttribotError):
    """The model cannot be used for attribution."""


class UnsupportedModelError(ModelError):
    """The model is not a causal language model, or its tokenizer reports no offsets."""


class ServerError(ModelError):
    """A scoring server cannot be reached, or gives no log-probabilities that can be relied on."""


class OutOfMemoryError(ModelError, MemoryError):
    """Not even a single ablation fits in the device's memory."""


class MissingExtraError(AttribotError, ImportError):
    """An optional dependency is not installed; the message holds the pip command."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed: "
            f'pip install "attribot-integrations[{extra}]"'
        )
        self.feature = feature
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # An exception is rebuilt from its message by default, which would be one argument short.
        return MissingExtraError, (self.feature, self.extra)


def free_frames(error: BaseException) -> None:
    """Take the tracebacks off an error that is kept, and off its causes.

    Their frames hold on to cached activations, and to whatever called; log a traceback before that
    someone may want to read.

    Args:
        error: The error, which has been caught.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        one.__traceback__ = None
        waiting += [one.__cause__, one.__context__]
