"""What is asked of the hub, and what is drawn meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars
from transformers.utils import logging

from attribot_integrations import AttributionEngine
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ModelError
from attribot_integrations.scoring.hub_access import check_reachable, quiet_loading
from attribot_integrations.scoring.language_model import LanguageModel


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("online")
def test_a_hub_that_does_not_answer_is_asked_once(caplog: pytest.LogCaptureFixture) -> None:
    """Tests have no network. The client by itself would wait for half a minute."""
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"not in this machine's cache.*hub does not answer"):
        LanguageModel.from_pretrained("nobody/nothing")
    assert time.monotonic() - start < 15
    assert "Retrying" not in caplog.text


@pytest.mark.usefixtures("online")
def test_what_the_hub_answers_is_left_to_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(url: str, **_: Any) -> None:
        asked.append(url)
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", answer)
    check_reachable("nobody/nothing", "main")
    check_reachable("no/such/name/at/all")
    assert asked == ["https://huggingface.co/nobody/nothing/resolve/main/config.json"]


@pytest.mark.usefixtures("online")
def test_what_is_here_is_not_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", fail)
    check_reachable(str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: "config.json")
    check_reachable("some/model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", fail)
    check_reachable("some/model")


def test_loading_draws_no_bars_and_leaves_the_setting(capfd: pytest.CaptureFixture[str]) -> None:
    assert logging.is_progress_bar_enabled()
    AttributionEngine.from_pretrained(bundled_model_path())
    assert "Loading weights" not in capfd.readouterr().err
    assert logging.is_progress_bar_enabled()
    with pytest.raises(ModelError):
        LanguageModel.from_pretrained(Path(__file__))
    assert logging.is_progress_bar_enabled()


def test_bars_of_downloads_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", None)
    logging.enable_progress_bar()
    with quiet_loading():
        assert not logging.is_progress_bar_enabled()
        assert not are_progress_bars_disabled()
    disable_progress_bars()
    with quiet_loading():
        assert are_progress_bars_disabled()
    assert are_progress_bars_disabled()
    assert logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    with quiet_loading():
        pass
    assert not logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with quiet_loading():
        assert logging.is_progress_bar_enabled()
