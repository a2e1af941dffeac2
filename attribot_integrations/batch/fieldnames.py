"""What a file calls the fields of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.errors import ConfigurationError

__all__ = ["FieldNames"]

_ROW: Final = ("question", "chunks", "answer", "id", "prompt")
_CHUNK: Final = ("text", "title", "metadata")
_MISSING: Final = object()


@dataclass(frozen=True)
class FieldNames:
    """Where a row holds the fields that are wanted.

    Raises:
        ConfigurationError: If there is no field of a name, or its place is blank.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    """Their names by ours: `question`, `chunks`, `answer`, `id` and `prompt` of a row, `text`,
    `title` and `metadata` of its chunks. A dot leads into an object: `inputs.question`."""

    def __post_init__(self) -> None:
        for name, place in self.places.items():
            if name not in _ROW + _CHUNK:
                raise ConfigurationError(
                    f"a field must be one of {[*_ROW, *_CHUNK]}, got {name!r:.60}"
                )
            if not place.strip():
                raise ConfigurationError(f"the field {name!r} must have a name, it is blank")
        object.__setattr__(self, "places", ReadOnlyMapping(self.places))

    @classmethod
    def parse(cls, given: Sequence[str]) -> FieldNames:
        """Read `question=query` and the like.

        Raises:
            ConfigurationError: If one is of another form, or twice there.
        """
        places: dict[str, str] = {}
        for each in given:
            name, sign, place = (part.strip() for part in each.partition("="))
            if not sign:
                raise ConfigurationError(f"a field is given as OURS=THEIRS, got {each!r:.60}")
            if name in places:
                raise ConfigurationError(f"the field {name!r} is given twice")
            places[name] = place
        return cls(places)

    @property
    def columns(self) -> frozenset[str]:
        """What the columns of a table that hold a row's fields may be called."""
        places = [self.places.get(name, name) for name in _ROW]
        return frozenset([*places, *(place.partition(".")[0] for place in places)])

    def of_row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row under our names; fields that are not named stay as they are."""
        renamed = _renamed(row, self.places, _ROW)
        chunks = renamed.get("chunks")
        if isinstance(chunks, list) and any(name in self.places for name in _CHUNK):
            new = [
                _renamed(each, self.places, _CHUNK) if isinstance(each, dict) else each
                for each in chunks
            ]
            return {**renamed, "chunks": new}
        return renamed


def _renamed(
    row: Mapping[str, Any], places: Mapping[str, str], names: Sequence[str]
) -> Mapping[str, Any]:
    wanted = {name: places[name] for name in names if name in places}
    if not wanted:
        return row
    # What another field is called by is not that field any more, even where it is not there.
    kept = {name: value for name, value in row.items() if name not in wanted}
    found = {name: _at(row, place) for name, place in wanted.items()}
    return kept | {name: value for name, value in found.items() if value is not _MISSING}


def _at(row: Mapping[str, Any], place: str) -> Any:
    if place in row:
        return row[place]
    value: Any = row
    for name in place.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value
