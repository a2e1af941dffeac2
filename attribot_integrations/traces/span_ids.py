"""Fields of records that must be there, and ids as each tool shows them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from attribot_integrations.context.sources import clean_text
from attribot_integrations.errors import DataFileError

__all__ = ["SPAN_BYTES", "TRACE_BYTES", "hex_id", "id_in", "needed_id"]

TRACE_BYTES = 16
SPAN_BYTES = 8

_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)")


def id_in(record: Mapping[str, Any], *names: str) -> str | None:
    """Return the id that stands under the first name that has one; `None` if none does.

    Raises:
        DataFileError: If it is neither text nor a number.
    """
    for name in names:
        value = record.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str | int) and not isinstance(value, bool):
            return clean_text(str(value))
        raise DataFileError(f"an id is no text: {name} is {type(value).__name__}")
    return None


def needed_id(record: Mapping[str, Any], *names: str) -> str:
    """Return the id that stands under the first name that has one.

    Raises:
        DataFileError: If none has one, or it is neither text nor a number.
    """
    found = id_in(record, *names)
    if found is None:
        raise DataFileError(f"an id is missing: {' or '.join(names)}")
    return found


def hex_id(text: str, size: int) -> str:
    """Return an id of OpenTelemetry in hexadecimal, as tools show it.

    Args:
        text: The id in hexadecimal, with or without 0x, or in Base64, as protobuf writes JSON.
        size: How many bytes it has.

    Returns:
        The id; the text as it stands if it is neither.
    """
    found = _HEX.fullmatch(text)
    if found is not None and len(found[1]) <= 2 * size:
        return found[1].lower().rjust(2 * size, "0")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text
    return content.hex() if len(content) == size else text
