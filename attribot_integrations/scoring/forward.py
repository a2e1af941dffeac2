"""One forward pass of a model: devices, logits, and memory that runs out.

Each loaded model has one `ForwardPass`, shared by all requests on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from attribot_integrations.errors import ModelError, OutOfMemoryError
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.split_attention import PackMask
from attribot_integrations.scoring.state import ModelState

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attribot_integrations.scoring.capabilities import Capabilities

__all__ = ["ForwardPass", "execution_device", "tolerance", "within_memory"]

_Result = TypeVar("_Result")

_LEAST_CAP = 256
"""Token budget below which a shortage of memory is not remembered: it may be another program's."""


class ForwardPass:
    """Runs a model, and remembers what running it has taught.

    Args:
        model: A causal language model in evaluation mode.
        capabilities: What the model's architecture allows.
        state: The model as it was when that was verified; read now by default.
        lock: Held during forward passes, so that threads share the device in turn.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        capabilities: Capabilities,
        state: ModelState | None = None,
        lock: threading.Lock | None = None,
    ) -> None:
        self.model = model
        self.device = execution_device(model)
        self.lock = lock or threading.Lock()
        self.token_cap: int | None = None
        """Most tokens in one pass, once more have not fitted in memory."""
        self.capabilities = capabilities
        self.state = state or ModelState.of(model)
        self._on_several_devices = len(set(getattr(model, "hf_device_map", {}).values())) > 1

    def __call__(self, tokens: torch.Tensor, rows: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Run tokens `[1, tokens]` and return the logits at `rows`, `[rows, vocabulary]`.

        Args:
            tokens: Their ids.
            rows: Places among them.
            inputs: What else the model is given; `position_ids` are counted from 0 here, whatever
                the model calls its first.

        Raises:
            ModelError: If the model has been changed since it was verified, or fails.
        """
        first = self.capabilities.first_position
        if first is None:
            inputs.pop("position_ids", None)
        elif first and "position_ids" in inputs:
            inputs["position_ids"] = inputs["position_ids"] + first
        if self.capabilities.takes_logits_to_keep:
            # The last layer's device may not be the first's, where hooks put every tensor.
            inputs["logits_to_keep"] = rows.tolist() if self._on_several_devices else rows
        inputs = {key: self._moved(value) for key, value in inputs.items()}
        logits = self.run(tokens, **inputs)
        return logits if self.capabilities.takes_logits_to_keep else logits[rows]

    def run(self, tokens: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Run tokens `[1, tokens]` with just these inputs, in the model's own precision.

        Returns:
            Logits `[tokens, vocabulary]`, or fewer rows where `logits_to_keep` is among the inputs.

        Raises:
            ModelError: If the model has been changed since it was verified, or fails in any way but
                for a lack of memory.
        """
        precision = torch.autocast(self.device.type, enabled=False)  # whatever the caller is in
        with self.lock, torch.inference_mode(), precision:
            self._check_state()
            try:
                output = self.model(input_ids=tokens.to(self.device), **inputs)
                logits: torch.Tensor = output.logits[0]
            except Exception as error:
                if should_reduce_batch_size(error):
                    raise
                raise ModelError(
                    f"{type(inner_model(self.model)).__name__} fails on {tokens.numel():,} tokens: "
                    f"{type(error).__name__}: {error}"
                ) from error
        return logits

    def _check_state(self) -> None:
        changes = self.state.changes(ModelState.of(self.model))
        if changes:
            raise ModelError(
                f"{type(inner_model(self.model)).__name__} was changed while it was in use "
                f"({', '.join(changes)}), so scores before and after do not go together: ask again"
            )

    def _moved(self, value: Any) -> Any:
        # A pack's mask is made where it belongs; moving it would make it dense.
        movable = isinstance(value, torch.Tensor) and not isinstance(value, PackMask)
        return value.to(self.device) if movable else value

    def remember_shortage(self, tokens: int) -> None:
        """Keep later requests from passes that are as large as one that did not fit."""
        self.token_cap = max(_LEAST_CAP, min(tokens, self.token_cap or tokens))


def execution_device(model: PreTrainedModel) -> torch.device:
    """Return the device that token ids must be on.

    With weights offloaded by accelerate, `model.device` may be the meta device; the hook of the
    first layer knows where it computes.
    """
    embeddings = model.get_input_embeddings()
    for module in (embeddings, model):
        hook = getattr(module, "_hf_hook", None)
        for each in getattr(hook, "hooks", (hook,)):  # a SequentialHook holds several
            device = getattr(each, "execution_device", None)
            if device is not None:
                return torch.device(device)
    weight = getattr(embeddings, "weight", None)
    return weight.device if isinstance(weight, torch.Tensor) else model.device


def tolerance(dtype: torch.dtype) -> float:
    """Return the largest difference, in nats a token, that rounding in `dtype` explains."""
    if dtype not in (torch.float32, torch.float64):
        return 0.3
    if torch.get_float32_matmul_precision() == "highest":
        return 2e-4
    return 0.03  # products are rounded to 10 bits


def within_memory(run: Callable[[], _Result], what: Callable[[], str]) -> _Result:
    """Call a function, and turn a lack of memory into an error with advice.

    Args:
        run: The function.
        what: Says what did not fit.

    Raises:
        OutOfMemoryError: If memory runs out. The error holds on to nothing of the failed call.
    """
    try:
        return run()
    except RuntimeError as error:
        if not should_reduce_batch_size(error):
            raise
        detail = str(error)
    # Behind the except block, where the failed call's tensors are free.
    clear_device_cache(garbage_collection=True)
    raise OutOfMemoryError(
        f"{what()} does not fit in memory; pass fewer or shorter chunks, or use a smaller model "
        f"or dtype ({detail})"
    )
