"""A mapping for what belongs to the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["ReadOnlyMapping"]


class ReadOnlyMapping(Mapping[str, Any]):
    """A mapping that cannot be changed; unlike a mappingproxy, it can be pickled and copied."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (self._items,)  # a copy is the caller's own, as in `dataclasses.asdict`
