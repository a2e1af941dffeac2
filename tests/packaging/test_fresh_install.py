"""The wheel from an empty environment and the package index, as a user installs it."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from attribot_integrations import __version__
from tests.packaging.conftest import ROOT, Built
from tests.packaging.environments import Environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="knows the folders of POSIX only"),
]


SERVICE = """
import socket, uvicorn
from attribot_integrations import AttributionEngine
from attribot_integrations.service import service_app
from tests.unit.words import WordModel

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
app = service_app(AttributionEngine(WordModel()))
uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])
"""

LIGHT = """
import sys
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from attribot_integrations import AttributionEngine
from attribot_integrations.langchain import CitationCallbackHandler, register_documents
from attribot_integrations.service import RemoteEngine

handler = CitationCallbackHandler(RemoteEngine(sys.argv[1]))
found = [Document("Bragor sings."), Document("A river runs here.")]
search = RunnableLambda(lambda question: register_documents(found))
asked = search | (lambda documents: " ".join(each.page_content for each in documents))
chain = asked | FakeListChatModel(responses=["Bragor sings."])
chain.invoke("Who sings?", {"callbacks": [handler]})
assert handler.last.attribution is not None, handler.last.error
print([citation.text for citation in handler.last.attribution.citations])
try:
    AttributionEngine.from_pretrained("model")
except ImportError as error:
    print(error)
print(sorted({"torch", "transformers", "accelerate"} & {*sys.modules}))
"""

SIZES = """
import json
from importlib.metadata import distribution, distributions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(name, seen):
    if name not in seen:
        seen.add(name)
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                closure(canonicalize_name(needed.name), seen)
    return seen


theirs = closure("langchain-core", {"attribot-integrations", "pip", "setuptools"})
print(json.dumps({
    name: sum(file.size or 0 for file in each.files or ())
    for each in distributions()
    if (name := canonicalize_name(each.name)) not in theirs
}))
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Environment:
    """An empty environment, with pip."""
    made = Environment(tmp_path / "venv", tmp_path / "work")
    made.work.mkdir()
    venv.EnvBuilder(with_pip=True, symlinks=True).create(made.folder)
    return made


def install(fresh: Environment, wheel: Path, extras: str) -> dict[str, float]:
    """Install a wheel, and return the megabytes of what was downloaded for it, by name."""
    wheels = fresh.folder.parent / "wheels"
    pip = [str(fresh.python), "-m", "pip"]
    wanted = ["--constraint", str(ROOT / "constraints.txt"), f"{wheel}[{extras}]"]
    subprocess.run([*pip, "download", "--quiet", "--dest", str(wheels), *wanted], check=True)
    offline = ["--no-index", "--no-compile", "--find-links", str(wheels)]
    subprocess.run([*pip, "install", "--quiet", *offline, *wanted], check=True)
    assert "No broken requirements found." in fresh.output("python", "-m", "pip", "check")
    return {
        parse_wheel_filename(each.name)[0]: each.stat().st_size / 1e6
        for each in wheels.glob("*.whl")
    }


def test_installed_from_the_package_index(built: Built, fresh: Environment) -> None:
    install(fresh, built.wheel, "langchain,local")
    assert fresh.output("attribot", "--version") == f"attribot {__version__}\n"
    assert fresh.output("attribot", "demo").count("Q  ") == 3


def test_a_web_process_gets_no_torch_and_little_else(built: Built, fresh: Environment) -> None:
    downloaded = install(fresh, built.wheel, "langchain")
    installed = json.loads(fresh.output("python", "-m", "pip", "list", "--format", "json"))
    names = {each["name"] for each in installed}
    assert not names & {"torch", "transformers", "accelerate", "tokenizers"}
    service = [sys.executable, "-c", SERVICE]
    with subprocess.Popen(service, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        try:
            url = f"http://127.0.0.1:{serving.stdout.readline().strip()}"
            cited, complaint, loaded = fresh.output("python", "-c", LIGHT, url).splitlines()
        finally:
            serving.terminate()
    assert (cited, loaded) == ("['Bragor sings.']", "[]")
    assert complaint.endswith('pip install "attribot-integrations[local]"')

    unpacked: dict[str, int] = json.loads(fresh.output("python", "-c", SIZES))
    for name, size in sorted(unpacked.items(), key=lambda item: -item[1]):
        print(f"{name}: {downloaded[name]:.1f} MB, unpacked {size / 1e6:.1f} MB")
    fetched, total = sum(map(downloaded.__getitem__, unpacked)), sum(unpacked.values()) / 1e6
    print(f"beyond langchain-core: {fetched:.1f} MB, unpacked {total:.1f} MB")
    assert fetched < 60
    # The arrays of scores are numpy's, which takes more than all others together.
    assert total - unpacked["numpy"] / 1e6 < 25


def test_a_web_process_scores_on_a_server(built: Built, fresh: Environment) -> None:
    install(fresh, built.wheel, "langchain,server")
    program = Path(__file__).with_name("light_client.py").read_text(encoding="utf-8")
    cited, loaded = fresh.output("python", "-c", program).splitlines()
    assert cited == "1 cited: Ana Ruiz built the harbour."
    assert loaded == "[]"
