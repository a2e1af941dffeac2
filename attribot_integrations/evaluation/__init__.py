"""Measures attribution methods: fidelity to exact leave-one-out, gold evidence, cost.

`examples` reads what is evaluated, `contenders` names what competes, `measuring` runs all of it on
one example, `method_runs` on all examples, `summary` turns the rows into figures with confidence
intervals, `method_report` and `fidelity_plots` show them. `metrics` and `bootstrap` need numpy
alone.

Filtering before generation has its own: `filter_contenders`, `filter_runs` and `filter_report`.
`calibration` and `relevance_calibration` fit probabilities to labelled data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.evaluation.calibration import Calibration, calibrate
    from attribot_integrations.evaluation.contenders import Contender
    from attribot_integrations.evaluation.examples import (
        EvaluationExample,
        ExampleSet,
        demo_set,
        read_set,
    )
    from attribot_integrations.evaluation.judged import read_judged
    from attribot_integrations.evaluation.measuring import MeasureOptions
    from attribot_integrations.evaluation.method_runs import Evaluation
    from attribot_integrations.evaluation.relevance_calibration import (
        LabelledChunks,
        RelevanceCalibration,
        calibrate_relevance,
    )
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Calibration": "calibration",
            "Contender": "contenders",
            "Evaluation": "method_runs",
            "EvaluationExample": "examples",
            "ExampleSet": "examples",
            "LabelledChunks": "relevance_calibration",
            "MeasureOptions": "measuring",
            "RelevanceCalibration": "relevance_calibration",
            "calibrate": "calibration",
            "calibrate_relevance": "relevance_calibration",
            "demo_set": "examples",
            "read_judged": "judged",
            "read_set": "examples",
        },
    )

__all__ = [
    "Calibration",
    "Contender",
    "Evaluation",
    "EvaluationExample",
    "ExampleSet",
    "LabelledChunks",
    "MeasureOptions",
    "RelevanceCalibration",
    "calibrate",
    "calibrate_relevance",
    "demo_set",
    "read_judged",
    "read_set",
]


def __dir__() -> list[str]:
    return sorted(__all__)
