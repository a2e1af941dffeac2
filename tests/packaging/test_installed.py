"""The wheel in environments of its own: what a user gets who is no developer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attribot_integrations import __version__
from tests.packaging.conftest import Built
from tests.packaging.environments import Environment, metadata_of
from tests.unit.attributions import make_attribution

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def test_import_is_of_the_wheel_and_light(plain: Environment) -> None:
    program = (
        "import sys, attribot_integrations\n"
        "from importlib.metadata import version\n"
        "print(attribot_integrations.__file__)\n"
        "print(attribot_integrations.__version__, version('attribot-integrations'))\n"
        "print({'torch', 'transformers', 'numpy'} & {*sys.modules})\n"
    )
    place, versions, heavy = plain.output("python", "-c", program).splitlines()
    assert Path(place).is_relative_to(plain.folder)
    assert versions == f"{__version__} {__version__}"
    assert heavy == "set()"


def test_commands_say_their_version(plain: Environment) -> None:
    for command in (["attribot"], ["python", "-m", "attribot_integrations"]):
        assert plain.output(*command, "--version") == f"attribot {__version__}\n"


def test_no_model_library_is_there_without_its_extra(
    plain: Environment, light: Environment
) -> None:
    program = (
        "from importlib.util import find_spec\n"
        "print([name for name in ('torch', 'transformers', 'accelerate') if find_spec(name)])\n"
    )
    for environment in (plain, light):
        assert environment.output("python", "-c", program) == "[]\n"


def test_a_chain_is_scored_on_a_server_without_torch(light: Environment) -> None:
    program = Path(__file__).with_name("light_client.py").read_text(encoding="utf-8")
    cited, loaded = light.output("python", "-c", program).splitlines()
    assert cited == "1 cited: Ana Ruiz built the harbour."
    assert loaded == "[]"


def test_all_names_but_those_of_a_model_here_are_there_without_extras(plain: Environment) -> None:
    program = (
        "from importlib.resources import files\n"
        "import attribot_integrations\n"
        "from attribot_integrations.errors import MissingExtraError\n"
        "for name in attribot_integrations.__all__:\n"
        "    try:\n"
        "        getattr(attribot_integrations, name)\n"
        "    except MissingExtraError as error:\n"
        "        print(name, error.extra)\n"
        "assert files(attribot_integrations).joinpath('py.typed').is_file()\n"
    )
    assert plain.output("python", "-c", program) == "LanguageModel local\n"


def test_commands_that_need_no_model_work_without_one(plain: Environment) -> None:
    assert "audit" in plain.output("attribot", "--help")
    written = make_attribution("Who sings?", ["Bragor sings."], "Bragor.").to_json()
    (plain.work / "attributed.jsonl").write_text(written + "\n")
    shown = plain.output("attribot", "audit", "attributed.jsonl", "--html", "audit.html")
    assert ["answers", "1"] in [line.split() for line in shown.splitlines()]
    assert "attributed.jsonl" in (plain.work / "audit.html").read_text()


@pytest.mark.parametrize(
    "command",
    [
        ["audit", "asked.jsonl"],
        ["evaluate", "--demo", "1"],
    ],
    ids=lambda command: command[0],
)
def test_commands_that_need_a_model_say_what_to_install(
    plain: Environment, command: list[str]
) -> None:
    line = {"question": "Who sings?", "chunks": ["Bragor sings."], "answer": "Bragor [1]."}
    (plain.work / "asked.jsonl").write_text(json.dumps(line) + "\n")
    done = plain.run("attribot", *command)
    assert done.returncode == 1
    assert done.stderr.endswith('pip install "attribot-integrations[local]"\n')
    assert "Traceback" not in done.stderr


# Extras

USES = {
    "local": "attribot_integrations.AttributionEngine.demo()",
    "langchain": "import attribot_integrations.langchain.agents",
    "llama-index": "import attribot_integrations.llama_index",
    "pandas": "result.to_pandas()",
    "plots": "result.plot()",
    "tracing": "attribot_integrations.render.tracing.trace_attribution(result)",
    "evaluation": "attribot_integrations.evaluation.text_scorers.TfidfSimilarity()",
    "embeddings": "attribot_integrations.verifying.EncoderVerifier('encoder')",
    "parquet": "attribot_integrations.batch.parquet.check_installed()",
    "gguf": "attribot_integrations.scoring.gguf_header.gguf_package()",
    "serve": "attribot_integrations.service.service_app",
    "server": "attribot_integrations.scoring.servers.ServerModel.connect('http://x', model='m')",
}
"""What needs an extra; in an environment with the one for LangChain, agents need another."""

FAILING = """
import json, sys
from attribot_integrations import Attribution, AttribotError
import attribot_integrations
import attribot_integrations.batch.parquet
import attribot_integrations.evaluation.text_scorers
import attribot_integrations.render.tracing
import attribot_integrations.scoring.gguf_header
import attribot_integrations.scoring.servers
import attribot_integrations.service
import attribot_integrations.verifying

result = Attribution.from_json(sys.argv[1])
messages = {}
for extra, code in json.loads(sys.argv[2]).items():
    try:
        exec(code)
    except ImportError as error:
        assert isinstance(error, AttribotError), repr(error)
        messages[extra] = str(error)
print(json.dumps(messages))
"""


def complaints(environment: Environment, uses: dict[str, str]) -> dict[str, str]:
    """What is said where extras are missing, by the extra."""
    result = make_attribution("Who sings?", ["Bragor sings."], "Bragor.").to_json()
    said = environment.output("python", "-c", FAILING, result, json.dumps(uses))
    messages: dict[str, str] = json.loads(said)
    return messages


def test_a_missing_extra_is_named_with_its_pip_command(plain: Environment) -> None:
    messages = complaints(plain, USES)
    assert set(messages) == set(USES)
    for extra, message in messages.items():
        command = f'pip install "attribot-integrations[{extra}]"'
        assert message.endswith(f" needs packages that are not installed: {command}")


def test_agents_need_more_than_langchain_core(light: Environment) -> None:
    messages = complaints(light, {"agents": USES["langchain"]})
    assert messages["agents"].endswith('pip install "attribot-integrations[langchain-agents]"')


def test_every_extra_is_missed_somewhere(built: Built) -> None:
    extras = set(metadata_of(built.wheel).get_all("Provides-Extra", []))
    # Who uses Ray has it, and a tool's traces come with its client; the others gather extras, or
    # are for developers.
    at_hand = {"code", "ray", "ray-serve", "langfuse", "langsmith", "mlflow", "phoenix"}
    assert extras - {"all", "dev", "dev-front-ends", "docs"} - at_hand == {
        *USES,
        "langchain-agents",
    }


def test_demo_without_anything_says_what_to_install(plain: Environment) -> None:
    done = plain.run("attribot", "demo")
    assert done.returncode == 1
    assert ': pip install "attribot-integrations[langchain]"\n' in done.stderr
    assert done.stderr.endswith(': pip install "attribot-integrations[local]"\n')
    assert "Traceback" not in done.stderr


def test_demo_without_a_model_library_says_what_to_install(light: Environment) -> None:
    done = light.run("attribot", "demo")
    assert done.returncode == 1
    assert done.stderr.endswith(': pip install "attribot-integrations[local]"\n')
    assert "Traceback" not in done.stderr


def test_demo(with_model: Environment) -> None:
    shown = with_model.output("attribot", "demo", "--html", "demo.html")
    assert shown.count("Q  ") == 3
    assert "[1]" in shown
    assert (with_model.work / "demo.html").stat().st_size > 10_000


# Types

TYPED = """
from attribot_integrations import Attribution, AttributionEngine, Chunk, Citation


def best(result: Attribution) -> Citation | None:
    result.citations.append(1)  # type: ignore[attr-defined]
    return max(result.citations, key=lambda citation: citation.score, default=None)


engine = AttributionEngine.demo()
found = best(engine.attribute(question="Who?", chunks=[Chunk("Ada sings.")], answer="Ada."))
if found is not None:
    text: str = found.text
    number: str = found.number  # type: ignore[assignment]
"""


def test_a_strictly_typed_script_passes(plain: Environment) -> None:
    # An ignored error that is none would be one: the types are seen, they are not just Any.
    (plain.work / "script.py").write_text(TYPED)
    (plain.work / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n"
        # Large, and none of their types is in the script.
        "[mypy-numpy.*,rich.*]\nfollow_imports = skip\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--python-executable={plain.python}", "script.py"],
        cwd=plain.work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Success: no issues found in 1 source file\n", done.stderr


# Completion in shells

ASK = """
eval "$(attribot --show-completion)"
complete -p attribot
for line in "ev" "attribute --form"; do
    COMP_WORDS=(attribot $line)
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _attribot_completion attribot
    echo "${COMPREPLY[@]}"
done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_options(plain: Environment) -> None:
    registered, commands, options = plain.output("bash", "-c", ASK).splitlines()
    assert registered == "complete -o default -F _attribot_completion attribot"
    assert commands == "evaluate evaluate-filter"
    assert options == "--format"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_is_installed_for_the_shell_in_use(plain: Environment) -> None:
    # Two commands, for a shell replaces itself by a single one.
    said = plain.output("bash", "-c", "attribot --install-completion; echo done")
    assert said.startswith("bash completion installed in ")
    assert "_attribot_completion" in (plain.work / ".bash_completions/attribot.sh").read_text()
    assert "attribot.sh" in (plain.work / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("shell", "expected"), [("zsh", "#compdef attribot"), ("fish", "complete --command attribot")]
)
def test_other_shells_get_a_script_too(plain: Environment, shell: str, expected: str) -> None:
    script = plain.output("env", f"_ATTRIBOT_COMPLETE=source_{shell}", "attribot")
    assert expected in script
