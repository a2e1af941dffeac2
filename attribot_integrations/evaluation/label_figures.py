"""Support labels, judged by statements that are known to be supported or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.calibration import expected_calibration_error

if TYPE_CHECKING:
    from attribot_integrations.evaluation.recordings import Recorded
    from attribot_integrations.evaluation.variants import VariantKind
    from attribot_integrations.results import Attribution
    from attribot_integrations.results.support import Support

__all__ = ["JudgedStatement", "judged_statements", "known_support", "label_figures"]

_EXPERTS = {"Complete": True, "Missing": False}
"""Words of experts that leave no doubt."""


@dataclass(frozen=True)
class JudgedStatement:
    """A statement whose support is known, with its label."""

    kind: VariantKind
    supported: bool
    """Whether the context supports it in truth."""
    support: Support


def known_support(recorded: Recorded) -> Iterator[tuple[int, bool]]:
    """Yield the statements of a recorded answer whose support is known, and whether they have any.

    Statements are supported that people marked evidence for, or an expert calls "Complete";
    those are not that an expert calls "Missing", or that a variant changed.
    """
    variant, attribution = recorded.variant, recorded.attribution
    example = variant.example
    for statement in attribution.statements:
        if statement.tokens[0] == statement.tokens[1]:
            continue
        if variant.changed is not None:
            if statement.start < variant.changed[1] and variant.changed[0] < statement.end:
                yield statement.index, False
        elif example.statements is not None:
            for marked in example.statements:
                if marked.span[0] <= statement.start < marked.span[1]:
                    if marked.support in _EXPERTS:
                        yield statement.index, _EXPERTS[marked.support]
                    elif marked.support is None and (marked.gold or marked.gold_chunks):
                        yield statement.index, True
        elif example.gold:
            yield statement.index, True


def judged_statements(recorded: Recorded, attribution: Attribution) -> Iterator[JudgedStatement]:
    """Yield the statements of a recorded answer whose support is known.

    Args:
        recorded: The answer.
        attribution: Its attribution, with labels as they are judged.
    """
    for index, supported in known_support(recorded):
        yield JudgedStatement(recorded.variant.kind, supported, attribution.support[index])


def label_figures(statements: Iterable[JudgedStatement]) -> dict[str, Any]:
    """Return how often labels are right, and how good the probabilities are.

    `supported_right` is the share of supported statements with the label `supported`,
    `unsupported_right` the share of the others with any other label; both with intervals. `auroc`
    and `calibration_error` are of the probabilities, where there are any.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
    """
    judged = list(statements)
    figures: dict[str, Any] = {
        **_share("supported_right", [_says(each) for each in judged if each.supported]),
        **_share("unsupported_right", [not _says(each) for each in judged if not each.supported]),
    }
    for kind in dict.fromkeys(each.kind for each in judged):
        labels = Counter(each.support.label for each in judged if each.kind == kind)
        figures.setdefault("confusion", {})[kind] = dict(labels.most_common())
    right = [_says(each) == each.supported for each in judged]
    figures["accuracy"] = sum(right) / len(right) if right else None
    return figures | _of_probabilities(judged)


def _says(statement: JudgedStatement) -> bool:
    return statement.support.label == "supported"


def _share(name: str, right: Sequence[bool]) -> dict[str, Any]:
    mean = bootstrap_mean([float(each) for each in right])
    return {
        name: mean.value if mean else None,
        f"{name}_ci": [mean.low, mean.high] if mean else None,
        f"{name}_n": len(right),
    }


def _of_probabilities(judged: Sequence[JudgedStatement]) -> dict[str, float | None]:
    known = [each for each in judged if each.support.probability is not None]
    truth = np.array([each.supported for each in known], dtype=np.bool_)
    values = np.array([each.support.probability for each in known], dtype=np.float64)
    if not known:
        return {"auroc": None, "calibration_error": None}
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise MissingExtraError("an evaluation of labels", "evaluation") from error
    both = bool(truth.any() and not truth.all())
    return {
        "auroc": float(roc_auc_score(truth, values)) if both else None,
        "calibration_error": expected_calibration_error(values, truth),
    }
