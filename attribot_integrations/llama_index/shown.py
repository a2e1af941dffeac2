"""Where responses show payloads: beside LlamaIndex's own entries, and not among them."""

from __future__ import annotations

from typing import Any

__all__ = ["ResponseMetadata", "payload_under", "show_payload"]


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
    """Return what a response's metadata holds under a key, `None` if it has nothing there."""
    metadata = getattr(response, "metadata", None)
    return metadata.get(key) if key is not None and isinstance(metadata, dict) else None


def show_payload(response: Any) -> ResponseMetadata | None:
    """Return the metadata in which a response can show payloads; its entries are kept.

    `None` for what has no place for any.
    """
    metadata = getattr(response, "metadata", None)
    if isinstance(metadata, ResponseMetadata):
        return metadata
    if metadata is not None and not isinstance(metadata, dict):
        return None
    made = ResponseMetadata(metadata or {})
    try:
        response.metadata = made
    except (AttributeError, TypeError, ValueError):
        return None
    return made
