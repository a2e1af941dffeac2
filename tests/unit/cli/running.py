"""Running the command line, with a stub in the engine's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from attribot_integrations.cli import app
from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from tests.unit.attributions import make_attribution


class StubEngine:
    """Attributes by hand; some answers make it fail."""

    def __init__(self) -> None:
        self.requests: list[AttributionRequest] = []
        self.loaded_with: dict[str, Any] = {}
        self.watched: Path | None = None
        self.seen: list[str] = []

    def sharing_context(self) -> StubEngine:
        return self

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.requests.append(request)
        if self.watched is not None:
            self.seen.append(self.watched.read_text())
        if request.answer == "too long":
            raise PromptTooLongError("prompt and answer hold 9 tokens, \x1b[1mone\x1b[0m too many")
        if request.answer == "bug":
            raise TypeError("unforeseen")
        if request.answer == "interrupt":
            raise KeyboardInterrupt
        score = float("nan") if request.answer == "nan" else 2.0
        return make_attribution(
            request.question, request.chunks, request.answer, score=score, id=request.id
        )


def run(*arguments: object) -> Result:
    # Messages without colours, which CI services ask for, and in lines long enough to hold them.
    colours = dict.fromkeys(("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TTY_COMPATIBLE"))
    return CliRunner(env={**colours, "COLUMNS": "200"}).invoke(
        app, [str(argument) for argument in arguments]
    )
