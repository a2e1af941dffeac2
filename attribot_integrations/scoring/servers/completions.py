"""Legacy completions: vLLM's `prompt_logprobs`, and `echo` with `logprobs` of many servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import (
    Asked,
    Written,
    checked,
    field_of,
    joined,
    own_entry,
    table_of,
)
from attribot_integrations.scoring.servers.transport import Call

__all__ = ["Echo", "VllmCompletions"]

_PATH = "/v1/completions"


@dataclass(frozen=True)
class VllmCompletions:
    """vLLM's `prompt_logprobs`: a table for each token of the prompt, its own entry in it."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "vllm"

    def scoring(self, model: str, asked: Asked) -> Call:
        """Return the request for log-probabilities."""
        body = {"model": model, "prompt": list(asked.ids), "max_tokens": 1, "temperature": 0}
        return _PATH, {**body, "prompt_logprobs": 0}

    def log_probs(self, answer: Any, asked: Asked) -> list[float]:
        """Return the log-probability of each scored id, in nats."""
        values = [entry.get("logprob") for entry in self._entries(answer, asked)]
        return checked(values, len(asked.scored))

    def spelled(self, answer: Any, asked: Asked) -> str | None:
        """Return how the server spells the scored ids."""
        return joined([entry.get("decoded_token") for entry in self._entries(answer, asked)])

    def writing(self, model: str, asked: Asked, count: int) -> Call:
        """Return the request for the likeliest tokens."""
        return _writing(model, list(asked.ids), count)

    def written(self, answer: Any) -> Written:
        """Return what was written."""
        return _written(answer)

    def _entries(self, answer: Any, asked: Asked) -> list[Any]:
        table = table_of(answer, "choices", 0, "prompt_logprobs")
        if len(table) != len(asked.ids):
            raise ServerError(
                f"the server gives {len(table)} entries for a prompt of {len(asked.ids)} tokens"
            )
        return [
            own_entry(entry, id_)
            for entry, id_ in zip(table[asked.first :], asked.scored, strict=True)
        ]


@dataclass(frozen=True)
class Echo:
    """`echo` with `logprobs`: the prompt comes back, with a log-probability for each token."""

    prompt: Literal["ids", "text", "text behind the start"] = "ids"
    """What is sent; servers that take no ids may put the id of the start before a text."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "echo" if self.prompt == "ids" else f"echo, {self.prompt}"

    def scoring(self, model: str, asked: Asked) -> Call:
        """Return the request for log-probabilities."""
        body = {"model": model, "prompt": self._sent(asked), "max_tokens": 1, "temperature": 0}
        return _PATH, {**body, "echo": True, "logprobs": 1}

    def log_probs(self, answer: Any, asked: Asked) -> list[float]:
        """Return the log-probability of each scored id, in nats."""
        entries, _ = self._entries(answer, asked)
        return checked(entries, len(asked.scored))

    def spelled(self, answer: Any, asked: Asked) -> str | None:
        """Return how the server spells the scored ids."""
        return joined(self._entries(answer, asked)[1])

    def writing(self, model: str, asked: Asked, count: int) -> Call:
        """Return the request for the likeliest tokens."""
        return _writing(model, self._sent(asked), count)

    def written(self, answer: Any) -> Written:
        """Return what was written."""
        return _written(answer)

    def _sent(self, asked: Asked) -> list[int] | str:
        if self.prompt == "ids":
            return list(asked.ids)
        behind = self.prompt == "text behind the start"
        if behind and asked.start is None:
            raise ServerError("the server puts a token before each text that this prompt has not")
        text = asked.spell(asked.ids[behind:])
        if text is None:
            raise ServerError(
                "the server takes the prompt as text only, and no text becomes just these tokens "
                "(a forged control token may have been cut): use a server that takes token ids"
            )
        return text

    def _entries(self, answer: Any, asked: Asked) -> tuple[list[Any], list[Any]]:
        """Return values and texts of the scored tokens, which are the last of the prompt."""
        values = table_of(answer, "choices", 0, "logprobs", "token_logprobs")
        texts = table_of(answer, "choices", 0, "logprobs", "tokens")
        length, usage = len(asked.ids), field_of(answer, "usage")
        seen, new = field_of(usage, "prompt_tokens"), usage.get("completion_tokens") or 0
        if seen != length:
            raise ServerError(f"the server sees {seen} tokens in a prompt of {length}")
        # Some leave the start of the text out.
        kept = len(values) - new
        if len(texts) != len(values) or not length - (asked.start is not None) <= kept <= length:
            raise ServerError(
                f"the server gives {len(values)} entries, {new} of them for new tokens, for a "
                f"prompt of {length} tokens"
            )
        first = kept - len(asked.scored)
        return values[first:kept], texts[first:kept]


def _writing(model: str, prompt: list[int] | str, count: int) -> Call:
    body = {"model": model, "prompt": prompt, "max_tokens": count, "temperature": 0}
    return _PATH, {**body, "logprobs": 1, "return_token_ids": True}


def _written(answer: Any) -> Written:
    choice = field_of(answer, "choices", 0)
    values = table_of(choice, "logprobs", "token_logprobs")
    ids = choice.get("token_ids")
    return Written(
        str(field_of(choice, "text")),
        tuple(ids) if isinstance(ids, list) else None,
        tuple(checked(values, len(values))),
    )
