"""What importing the integration needs and loads."""

import importlib
import re
import subprocess
import sys

import pytest

from attribot_integrations.errors import MissingExtraError


@pytest.mark.parametrize(
    ("module", "feature"),
    [("llama_index", "LlamaIndex integration"), ("demo.query_engine", "the demo query engine")],
)
def test_missing_llama_index_names_the_extra(
    module: str, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ["llama_index", "llama_index.core", *sys.modules]:
        if name.split(".")[0] == "llama_index":
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"attribot_integrations.{module}", raising=False)
    message = re.escape(
        f"{feature} needs packages that are not installed: "
        'pip install "attribot-integrations[llama-index]"'
    )
    with pytest.raises(MissingExtraError, match=message):
        importlib.import_module(f"attribot_integrations.{module}")


def test_import_loads_no_model_library_and_no_other_framework() -> None:
    code = (
        "import sys, attribot_integrations.llama_index\n"
        "print({'torch', 'transformers', 'langchain_core'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
