"""The Dockerfile names what there is; that it builds is not tested here."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, check_command

DOCKERFILE = ROOT / "docker" / "Dockerfile"
pytestmark = pytest.mark.skipif(not DOCKERFILE.is_file(), reason="in a checkout only")


def text() -> str:
    return DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")


def test_the_command_is_known() -> None:
    commands = re.findall(r"^ENTRYPOINT (.*)$", text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        check_command(json.loads(command))


def test_extras_are_there() -> None:
    installed = re.findall(r'"\.\[([\w,-]+)\]"', text())
    assert len(installed) == 2
    for extras in installed:
        check_command(shlex.split(f'pip install "attribot-integrations[{extras}]"'))


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = {
        name for line in re.findall(r"^COPY (.*)$", text(), re.M) for name in line.split()[:-1]
    }
    assert copied == kept
    assert all(Path(ROOT, name).exists() for name in copied)


def test_each_stage_serves_as_no_root() -> None:
    stages = re.split(r"^FROM ", text(), flags=re.MULTILINE)[1:]
    assert [stage.split()[2] for stage in stages] == ["base", "cpu", "cuda"]
    for stage in stages[1:]:
        assert stage.index("USER attribot") < stage.index("ENTRYPOINT")
