"""A model that is run only in ways that have been verified for it as it is."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from attribot_integrations.errors import OutOfMemoryError
from attribot_integrations.scoring.capabilities import check_mode, inner_model, inspect_model
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.state import ModelState
from attribot_integrations.scoring.verification import check, verify_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["VerifiedModel"]

_logger = logging.getLogger(__name__)


class VerifiedModel:
    """Knows how a model may be run, and finds it out anew when the model has been changed.

    Args:
        model: A causal language model.

    Raises:
        UnsupportedModelError: If it cannot be scored.
        ModelError: If it is in training mode.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._checking = threading.Lock()
        self._running = threading.Lock()
        self._forward = self._verified()
        self._too_far: ForwardPass | None = None

    @property
    def forward(self) -> ForwardPass:
        """Runs the model, in the ways that were last verified."""
        return self._forward

    def ready(self, length: int) -> ForwardPass:
        """Return what runs the model for a prompt and answer of so many tokens.

        Raises:
            UnsupportedModelError: If the model has been changed and cannot be scored any more.
            ModelError: If it has been put into training mode.
        """
        with self._checking:
            changes = self._forward.state.changes(ModelState.of(self._model))
            if changes:
                name = type(inner_model(self._model)).__name__
                _logger.info("%s was changed (%s) and is checked anew", name, ", ".join(changes))
                self._forward, self._too_far = self._verified(), None
            able = self._forward.capabilities
            known, limit = able.verified_length, able.context_length
            refused = limit is not None and length - 1 > limit  # by the scorer, which says why
            if able.path != "packed" or known is None or length <= known or refused:
                return self._forward
            return self._farther(known, length)

    def _verified(self) -> ForwardPass:
        check_mode(self._model)
        forward = ForwardPass(self._model, inspect_model(self._model), lock=self._running)
        check(forward)
        return forward

    def _farther(self, known: int, length: int) -> ForwardPass:
        """Find out whether packs are right at a length, and keep to the model's own mask if not."""
        capabilities = self._forward.capabilities
        if self._too_far is None:
            limit = capabilities.context_length
            doubled = max(length, 2 * known)
            wanted = doubled if limit is None else min(doubled, max(length, limit))
            for each in dict.fromkeys((wanted, length)):
                if self._reaches(each):
                    self._forward.capabilities = replace(capabilities, verified_length=each)
                    return self._forward
            reason = f"packs could not be verified at {length:,} tokens"
            _logger.warning(
                "%s: %s; longer prompts than %d take a slower path, scores stay exact",
                type(inner_model(self._model)).__name__,
                reason,
                known,
            )
            self._too_far = ForwardPass(
                self._model,
                capabilities.restricted_to("cached", reason),
                self._forward.state,
                self._running,
            )
        return self._too_far

    def _reaches(self, length: int) -> bool:
        try:
            return verify_at(self._forward, length)
        except OutOfMemoryError:
            return False
