"""Attribution methods: which ablations to run, and how to turn log-probabilities into scores.

A method is a frozen configuration object with a `run`. Methods do not import each other; those that
build on another are given it as an option. What several share is in `base` and `grouping`.
"""

from attribot_integrations.methods.base import (
    Method,
    MethodInput,
    MethodScores,
    ModelRole,
    Removal,
    remove_each,
)
from attribot_integrations.methods.certifying import CertifySets
from attribot_integrations.methods.hierarchical import Hierarchical
from attribot_integrations.methods.knockout import Knockout
from attribot_integrations.methods.learned_attention import LearnedAttention
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.methods.presets import METHODS, MethodName
from attribot_integrations.methods.pruning import ScreenAndPrune
from attribot_integrations.methods.redundancy import FindAlternatives
from attribot_integrations.methods.rescoring import ScreenAndRescore
from attribot_integrations.methods.screens import AttentionScreen

__all__ = [
    "METHODS",
    "AttentionScreen",
    "CertifySets",
    "FindAlternatives",
    "Hierarchical",
    "Knockout",
    "LearnedAttention",
    "LeaveOneOut",
    "Method",
    "MethodInput",
    "MethodName",
    "MethodScores",
    "ModelRole",
    "Removal",
    "ScreenAndPrune",
    "ScreenAndRescore",
    "remove_each",
]
