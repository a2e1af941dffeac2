"""Methods by name, and what each is good for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import Method
from attribot_integrations.methods.hierarchical import Hierarchical
from attribot_integrations.methods.knockout import Knockout
from attribot_integrations.methods.learned_attention import LearnedAttention
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.methods.pruning import ScreenAndPrune
from attribot_integrations.methods.rescoring import ScreenAndRescore

__all__ = ["METHODS", "MethodName", "named_method"]

MethodName = Literal[
    "exact",
    "balanced",
    "fast",
    "instant",
    "attribot",
    "proxy",
    "knockout",
    "proxy-knockout",
    "hierarchical",
    "hierarchical-full",
    "pruning",
    "pruning-full",
]
"""Names that options take in the place of a method."""

METHODS: Mapping[MethodName, Method] = MappingProxyType(
    {
        "exact": LeaveOneOut(),
        "balanced": ScreenAndRescore(Knockout(), at_least=1),
        "fast": Knockout(on="proxy", rerun=4),
        "instant": LearnedAttention(),
        "attribot": ScreenAndPrune(Hierarchical(on="proxy", within="pruned")),
        "proxy": LeaveOneOut(on="proxy"),
        "knockout": Knockout(),
        "proxy-knockout": Knockout(on="proxy"),
        "hierarchical": Hierarchical(within="pruned"),
        "hierarchical-full": Hierarchical(within="full"),
        "pruning": ScreenAndPrune(LeaveOneOut(on="proxy")),
        "pruning-full": ScreenAndRescore(LeaveOneOut(on="proxy")),
    }
)
"""Methods by name.

`exact`: leave-one-out on the target, every score exact. `balanced`: knockout screen on the target,
every source that may matter rescored exactly. `fast`: knockout on the proxy, the target is never
run. `instant`: predicted from what the answer attends to, in one pass over prompt and answer, where
the model has an attention screen. `attribot`: the paper's combination, hierarchical leave-one-out
on the proxy and the best three sentences rescored on the target, in the context of those three. The
others are the parts.
"""


def named_method(name: str) -> Method:
    """Return the method of a name.

    Raises:
        ConfigurationError: If there is none.
    """
    for known in get_args(MethodName):
        if known == name:
            return METHODS[known]
    raise ConfigurationError(f"method must be one of {list(get_args(MethodName))}, got {name!r}")
