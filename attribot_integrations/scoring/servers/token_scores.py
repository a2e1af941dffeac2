"""vLLM's newer route: token ids in, log-probabilities of chosen tokens at chosen places out."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import (
    Asked,
    Written,
    checked,
    field_of,
    table_of,
)
from attribot_integrations.scoring.servers.transport import Call

__all__ = ["VllmTokens"]

_PATH = "/inference/v1/generate"


@dataclass(frozen=True)
class VllmTokens:
    """vLLM's `/inference/v1/generate` with `prompt_logprob_token_ids`.

    Only the rows of the answer are kept on the server, and only the answer's own tokens of them.
    It takes the server's second model runner, and an option that opens this path.
    """

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "vllm-tokens"

    def scoring(self, model: str, asked: Asked) -> Call:
        """Return the request for log-probabilities."""
        return _PATH, {
            "model": model,
            "token_ids": list(asked.ids),
            "stream": False,
            "sampling_params": {
                "max_tokens": 1,
                "temperature": 0,
                "prompt_logprob_token_ids": [[id_] for id_ in asked.scored],
                "prompt_logprob_start": asked.first - 1,
            },
        }

    def log_probs(self, answer: Any, asked: Asked) -> list[float]:
        """Return the log-probability of each scored id, in nats."""
        packed = field_of(answer, "prompt_token_id_logprobs")
        try:
            raw = base64.b64decode(packed, validate=True)
            scores: Any = np.load(io.BytesIO(raw), allow_pickle=False)
        except (binascii.Error, TypeError, ValueError, EOFError) as error:
            raise ServerError(f"prompt_token_id_logprobs cannot be read: {error}") from error
        if getattr(scores, "shape", None) != (len(asked.scored), 1):
            raise ServerError(
                f"the server gives log-probabilities of shape {getattr(scores, 'shape', None)} for "
                f"{len(asked.scored)} tokens"
            )
        return checked(scores[:, 0].tolist(), len(asked.scored))

    def spelled(self, answer: Any, asked: Asked) -> str | None:
        """Return `None`: this route knows no text."""
        return None

    def writing(self, model: str, asked: Asked, count: int) -> Call:
        """Return the request for the likeliest tokens."""
        sampling = {"max_tokens": count, "temperature": 0, "logprobs": 1}
        body = {"model": model, "token_ids": list(asked.ids), "stream": False}
        return _PATH, {**body, "sampling_params": sampling}

    def written(self, answer: Any) -> Written:
        """Return what was written; the text is for the caller's own tokenizer to tell."""
        choice = field_of(answer, "choices", 0)
        ids = tuple(int(each) for each in table_of(choice, "token_ids"))
        entries = table_of(choice, "logprobs", "content")
        return Written(
            "", ids, tuple(checked([field_of(each, "logprob") for each in entries], len(ids)))
        )
