"""Text that can be shown anywhere, and numbers as text."""

from __future__ import annotations

from attribot_integrations.context.sources import clean_text

__all__ = ["model_name", "nats", "one_line", "visible"]


def model_name(model: str) -> str:
    """Return the last part of a model's path or hub name, which tells a few models apart."""
    return one_line(model).replace("\\", "/").rstrip("/").rpartition("/")[2]


def nats(score: float) -> str:
    """Return a score with two digits, and no minus before zero."""
    return f"{round(score, 2) + 0.0:.2f}"


def one_line(text: str) -> str:
    """Return text on one line, with control characters shown as spaces."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """Replace control characters but line breaks and tabs by spaces, lone surrogates by U+FFFD.

    The characters that join emoji, and join or part Persian or Indic letters, are kept.
    """
    return "".join(
        character if character.isprintable() or character in "\n\t\u200c\u200d" else " "
        for character in clean_text(text)
    )
