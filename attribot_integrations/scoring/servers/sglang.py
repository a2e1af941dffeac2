"""SGLang's own `/generate`, with log-probabilities from the first scored token on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import (
    Asked,
    Written,
    checked,
    field_of,
    joined,
    next_to_ids,
    table_of,
)
from attribot_integrations.scoring.servers.transport import Call

__all__ = ["SglangGenerate"]

_PATH = "/generate"


@dataclass(frozen=True)
class SglangGenerate:
    """SGLang's `/generate`.

    The entry at `logprob_start_len` is always empty, so that is the token before the first scored
    one. From 0 on, the server would keep the logits of the whole prompt and not use its cache.
    """

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "sglang"

    def scoring(self, model: str, asked: Asked) -> Call:
        """Return the request for log-probabilities."""
        return _PATH, {
            "input_ids": list(asked.ids),
            "sampling_params": {"max_new_tokens": 0, "temperature": 0},
            "return_logprob": True,
            "logprob_start_len": asked.first - 1,
            "return_text_in_logprobs": True,
        }

    def log_probs(self, answer: Any, asked: Asked) -> list[float]:
        """Return the log-probability of each scored id, in nats."""
        values = next_to_ids(self._entries(answer, asked), asked.scored)
        return checked(values, len(asked.scored))

    def spelled(self, answer: Any, asked: Asked) -> str | None:
        """Return how the server spells the scored ids."""
        entries = self._entries(answer, asked)
        return joined([entry[2] if len(entry) > 2 else None for entry in entries])

    def writing(self, model: str, asked: Asked, count: int) -> Call:
        """Return the request for the likeliest tokens."""
        return _PATH, {
            "input_ids": list(asked.ids),
            "sampling_params": {"max_new_tokens": count, "temperature": 0},
            "return_logprob": True,
        }

    def written(self, answer: Any) -> Written:
        """Return what was written."""
        entries = table_of(answer, "meta_info", "output_token_logprobs")
        ids = tuple(int(field_of(entry, 1)) for entry in entries)
        values = [field_of(entry, 0) for entry in entries]
        return Written(str(field_of(answer, "text")), ids, tuple(checked(values, len(ids))))

    def _entries(self, answer: Any, asked: Asked) -> list[Any]:
        seen = field_of(answer, "meta_info", "prompt_tokens")
        if seen != len(asked.ids):
            raise ServerError(f"the server sees {seen} tokens in a prompt of {len(asked.ids)}")
        entries = table_of(answer, "meta_info", "input_token_logprobs")
        wanted = len(asked.scored) + 1
        if len(entries) != wanted:
            raise ServerError(f"the server gives {len(entries)} entries where {wanted} were wanted")
        return entries[1:]
