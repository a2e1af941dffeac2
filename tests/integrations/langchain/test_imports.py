"""What importing the integration needs and loads."""

import importlib
import re
import subprocess
import sys

import pytest

from attribot_integrations.errors import MissingExtraError


@pytest.mark.parametrize(
    ("module", "feature"),
    [("langchain", "LangChain integration"), ("demo.chain", "the demo chain")],
)
def test_missing_langchain_names_the_extra(
    module: str, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ["langchain_core", *sys.modules]:
        if name.split(".")[0] == "langchain_core":
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"attribot_integrations.{module}", raising=False)
    message = re.escape(f'{feature} needs packages that are not installed: pip install "attribot-')
    with pytest.raises(MissingExtraError, match=message):
        importlib.import_module(f"attribot_integrations.{module}")


def test_import_loads_no_model_library() -> None:
    code = "import sys, attribot_integrations.langchain; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
