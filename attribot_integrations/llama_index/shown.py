"""Where responses show payloads: beside LlamaIndex's own entries, and not among them."""

from __future__ import annotations

from typing import Any

from llama_index.core.workflow import Event

__all__ = ["ResponseMetadata", "payload_under", "payloads_of"]


class ResponseMetadata(dict[str, Any]):
    """A response's `{node_id: metadata}`, which gives payloads under their keys, too.

    `metadata[key]`, `metadata.get(key)` and `key in metadata` find a payload; nothing else does, so
    that code which walks through the metadata of nodes meets what it would meet without us.
    """

    def __init__(self, *args: Any, payloads: dict[str, Any] | None = None) -> None:
        super().__init__(*args)
        self.payloads = {} if payloads is None else payloads

    def __missing__(self, key: str) -> Any:
        """Return a payload."""
        return self.payloads[key]

    def __contains__(self, key: object) -> bool:
        """Tell whether there is an entry or payload."""
        return super().__contains__(key) or key in self.payloads

    def __bool__(self) -> bool:
        """Tell whether there is any entry or payload."""
        return bool(len(self) or self.payloads)

    def get(self, key: str, default: Any = None) -> Any:
        """Return an entry or payload."""
        found = super().get(key, default)
        return self.payloads.get(key, default) if found is default else found

    def copy(self) -> ResponseMetadata:
        """Copy entries and payloads."""
        return ResponseMetadata(self, payloads=dict(self.payloads))

    def __reduce__(self) -> tuple[Any, ...]:
        return _metadata, (dict(self), self.payloads)


def _metadata(entries: dict[str, Any], payloads: dict[str, Any]) -> ResponseMetadata:
    return ResponseMetadata(entries, payloads=payloads)


def payload_under(response: object, key: str | None) -> Any:
    """Return what a response shows under a key, `None` if it has nothing there."""
    if isinstance(response, Event):
        return response.get(key) if key is not None else None
    metadata = getattr(response, "metadata", None)
    return metadata.get(key) if key is not None and isinstance(metadata, dict) else None


def payloads_of(response: Any) -> dict[str, Any] | None:
    """Return the table in which a response can show payloads.

    Of LlamaIndex's responses, it stands beside their metadata, whose entries are kept. Of an
    agent's output, it is the output's own further fields, which are dumped and loaded with it.
    `None` for what has no place for any, such as a text.
    """
    if isinstance(response, Event):
        fields: dict[str, Any] = response.to_dict()
        return fields
    metadata = getattr(response, "metadata", None)
    if isinstance(metadata, ResponseMetadata):
        return metadata.payloads
    if not hasattr(response, "metadata") or not isinstance(metadata, dict | None):
        return None
    made = ResponseMetadata(metadata or {})
    try:
        response.metadata = made
    except (AttributeError, TypeError, ValueError):
        return None
    return made.payloads
