"""Feedback sent to tracing tools through their own clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.traces.feedback import trace_feedback

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["SENDERS", "send_feedback"]

Payloads = Sequence[Mapping[str, Any]]


def send_feedback(
    tool: str,
    attributions: Iterable[Attribution],
    client: Any = None,
    *,
    content: bool = False,
) -> int:
    """Send attributions of traces back to where the traces are.

    All that is sent is made before the first is sent.

    Args:
        tool: "langsmith", "langfuse", "phoenix" or "mlflow".
        attributions: Results of requests that `read_traces` gave.
        client: A `langsmith.Client`, a `langfuse.Langfuse`, a `phoenix.client.Client` or the module
            `mlflow`; by default as the tool's environment variables say.
        content: Whether the texts of cited sources go with it.

    Returns:
        How many pieces of feedback were sent.

    Raises:
        ConfigurationError: If there is no such tool.
        InputError: If a result is not of a trace.
        MissingExtraError: If the tool's client is not installed.
    """
    if tool not in SENDERS:
        raise ConfigurationError(f"feedback goes to {', '.join(SENDERS)}; got {tool!r:.60}")
    payloads = [
        payload
        for attribution in attributions
        for payload in trace_feedback(tool, attribution, content=content)
    ]
    if payloads:
        SENDERS[tool](payloads, client)
    return len(payloads)


def _to_langsmith(payloads: Payloads, client: Any) -> None:
    client = client if client is not None else _client("langsmith", "langsmith").Client()
    for payload in payloads:
        client.create_feedback(**payload)
    client.flush()


def _to_langfuse(payloads: Payloads, client: Any) -> None:
    client = client if client is not None else _client("langfuse", "langfuse").get_client()
    for payload in payloads:
        client.create_score(**payload)
    client.flush()


def _to_phoenix(payloads: Payloads, client: Any) -> None:
    client = client if client is not None else _client("phoenix", "phoenix.client").Client()
    documents = [payload for payload in payloads if "document_position" in payload]
    spans = [payload for payload in payloads if "document_position" not in payload]
    # At once, so that a span that is not there is an error here and not in a server's log.
    client.spans.log_span_annotations(span_annotations=spans, sync=True)
    if documents:
        client.spans.log_document_annotations(document_annotations=documents, sync=True)


def _to_mlflow(payloads: Payloads, client: Any) -> None:
    client = client if client is not None else _client("mlflow", "mlflow")
    source = _client("mlflow", "mlflow.entities").AssessmentSource
    for payload in payloads:
        client.log_feedback(**{**payload, "source": source(**payload["source"])})


SENDERS: Mapping[str, Callable[[Payloads, Any], None]] = {
    "langsmith": _to_langsmith,
    "langfuse": _to_langfuse,
    "phoenix": _to_phoenix,
    "mlflow": _to_mlflow,
}
"""What sends feedback to each tool."""


def _client(extra: str, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"sending feedback to {extra}", extra) from error
