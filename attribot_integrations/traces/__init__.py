"""Traces of other tools: read as requests, and given the citations back as their feedback.

A reader for each tool fills the same steps (`tracespans`), `assembling` finds what belongs to an
answer, and `feedback` says in each tool's form what an attribution says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.traces.feedback import trace_feedback
    from attribot_integrations.traces.reading import TraceRemark, Traces, read_traces
    from attribot_integrations.traces.sending import send_feedback
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "TraceRemark": "reading",
            "Traces": "reading",
            "read_traces": "reading",
            "send_feedback": "sending",
            "trace_feedback": "feedback",
        },
    )

__all__ = ["TraceRemark", "Traces", "read_traces", "send_feedback", "trace_feedback"]


def __dir__() -> list[str]:
    return sorted(__all__)
