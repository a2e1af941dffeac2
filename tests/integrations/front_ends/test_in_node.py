"""What the npm packages say of our parts and types: `make front-ends` installs them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.render import answer_data, front_end_folder, ui_message_parts
from attribot_integrations.results import Attribution
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
    pytest.mark.skipif(
        not (NODE / "node_modules").is_dir(), reason="needs npm packages: run `make front-ends`"
    ),
]


def ran(*command: str | Path, given: str = "") -> str:
    done = subprocess.run(
        [str(each) for each in command],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=NODE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_by(package: str, attribution: Attribution) -> list[dict[str, Any]]:
    """The parts of the message that a version of the SDK makes of a stream with our parts."""
    parts = [
        {"type": "start", "messageId": "m"},
        {"type": "text-start", "id": "t"},
        {"type": "text-delta", "id": "t", "delta": attribution.answer},
        {"type": "text-end", "id": "t"},
        *ui_message_parts(attribution),
        {"type": "finish"},
    ]
    lines = [f"data: {json.dumps(part)}\n\n" for part in parts]
    found: list[dict[str, Any]] = json.loads(
        ran("node", "read_message.mjs", package, given="".join([*lines, "data: [DONE]\n\n"]))
    )
    return found


@pytest.mark.parametrize("package", ["ai", "ai-v5"])
@pytest.mark.parametrize("made", [sample, weighed, lambda: hostile("".join(HOSTILE))])
def test_the_sdk_reads_our_parts(package: str, made: Callable[[], Attribution]) -> None:
    text, *parts = read_by(package, made())
    assert text["type"] == "text"
    assert parts == json.loads(json.dumps(ui_message_parts(made())))


@pytest.mark.parametrize("package", ["ai", "ai-v5"])
def test_the_sdk_refuses_others(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [{"type": "source-document", "sourceId": "a"}]
    monkeypatch.setitem(globals(), "ui_message_parts", lambda _: wrong)
    with pytest.raises(AssertionError, match="mediaType"):
        read_by(package, sample())


def test_the_types_compile() -> None:
    shipped = NODE / "shipped"
    shutil.rmtree(shipped, ignore_errors=True)
    shutil.copytree(front_end_folder(), shipped)
    # As literals, of which the compiler allows no field that the types lack.
    values = {
        "Attribution": weighed().to_dict(offsets="utf-16"),
        "AnswerData": answer_data(sample()),
    }
    lines = ['import type { AnswerData, Attribution } from "./attribot-answer.js";']
    lines += [
        f"export const of{kind}: {kind} = {json.dumps(data)};" for kind, data in values.items()
    ]
    (shipped / "values.ts").write_text("\n".join(lines), encoding="utf-8")
    ran("node", NODE / "node_modules/typescript/bin/tsc", "--project", NODE / "tsconfig.json")
    shutil.rmtree(shipped)
