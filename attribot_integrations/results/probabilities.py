"""From a logit to a probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["logistic"]

_LIMIT = 500.0  # exp of more than about 709 is no float any more


def logistic(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)) of each logit, in the shape of what is given."""
    limited = np.clip(np.asarray(logits, dtype=np.float64), -_LIMIT, _LIMIT)
    return np.asarray(1 / (1 + np.exp(-limited)))
