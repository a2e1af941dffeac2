"""Attribution methods: which ablations to run, and how to turn log-probabilities into scores.

A method is a frozen configuration object with a `run`; none imports another.
"""

from attribot_integrations.methods.base import Method, MethodInput, MethodScores
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.methods.screening import ProxyScreen

__all__ = ["LeaveOneOut", "Method", "MethodInput", "MethodScores", "ProxyScreen"]
