"""What loads and works where torch, transformers and accelerate are not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "accelerate"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Blocked())
"""

LOADING = """
import importlib, json, pkgutil
import attribot_integrations
from attribot_integrations.errors import MissingExtraError

failed = {}
for module in pkgutil.walk_packages(attribot_integrations.__path__, "attribot_integrations."):
    try:
        importlib.import_module(module.name)
    except MissingExtraError as error:
        failed[module.name.partition(".")[2]] = error.extra
    except ModuleNotFoundError as error:
        failed[module.name.partition(".")[2]] = error.name
print(json.dumps(failed))
"""

DOORS = (
    "demo.chain",
    "demo.library_chain",
    "demo.query_engine",
    "evaluation.cases",
    "evaluation.filter_runs",
    "evaluation.measuring",
    "evaluation.method_runs",
    "evaluation.recordings",
    "evaluation.screen_fitting",
    "evaluation.screen_rows",
    "evaluation.suite",
    "evaluation.suite_dependence",
    "scoring.borrowed",
    "scoring.language_model",
)
"""What runs a model in this process, and names the extra that it needs."""

BEHIND_THEM = (
    "evaluation.baselines_model",
    "scoring.apart",
    "scoring.attention",
    "scoring.attention_kernels",
    "scoring.attention_parts",
    "scoring.cache",
    "scoring.drafting",
    "scoring.forward",
    "scoring.growing",
    "scoring.packed",
    "scoring.packing",
    "scoring.paths",
    "scoring.probes",
    "scoring.scorer",
    "scoring.signature",
    "scoring.cached_path",
    "scoring.path_base",
    "scoring.plain_path",
    "scoring.prefix_path",
    "scoring.split_attention",
    "scoring.verification",
    "scoring.verified",
)
"""What only those import."""

USING = """
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from attribot_integrations import Attribution, AttributionEngine
from attribot_integrations.langchain import CitationCallbackHandler, register_documents
from tests.unit.words import WordModel

handler = CitationCallbackHandler(AttributionEngine(WordModel()))
found = [Document("Bragor sings."), Document("A river runs here.")]
search = RunnableLambda(lambda question: register_documents(found))
asked = search | (lambda documents: " ".join(each.page_content for each in documents))
chain = asked | FakeListChatModel(responses=["Bragor sings."])
chain.invoke("Who sings?", {"callbacks": [handler]})
result = handler.last.attribution
print(len(result.citations), "citation of", result.citations[0].text)
again = Attribution.from_json(result.to_json())
assert again.to_html() == result.to_html()
assert str(again) == str(result)
try:
    AttributionEngine.demo()
except ImportError as error:
    print(error)
assert not {"torch", "transformers", "accelerate"} & {*sys.modules}
"""


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What one process prints, for starting several takes its time."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join((BLOCKED, LOADING, USING))],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_loads_but_what_runs_a_model_and_that_names_the_extra(printed: list[str]) -> None:
    failed = json.loads(printed[0])
    assert failed == {**dict.fromkeys(DOORS, "local"), **dict.fromkeys(BEHIND_THEM, "torch")}


def test_a_handler_takes_an_engine_of_any_kind(printed: list[str]) -> None:
    assert printed[1] == "1 citation of Bragor sings."


def test_what_would_run_a_model_says_what_to_install(printed: list[str]) -> None:
    assert printed[2:] == [
        "running a model in this process needs packages that are not installed: "
        'pip install "attribot-integrations[local]"'
    ]
