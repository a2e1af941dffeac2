"""The notebooks run from top to bottom, and show what they gave when they were saved.

To save them anew: `ATTRIBOT_SAVE_NOTEBOOKS=1 python -m pytest tests/notebooks`, with `-m real` for
those that need real models, one of them on a running vLLM, see its first cell.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator, Sequence
from html import unescape
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import attribot_integrations
from benchmarks.real_models import FOLDER as MODELS
from tests.real.conftest import real_file

Cell = dict[str, Any]

FOLDER = Path(attribot_integrations.__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
REAL = FOLDER / "real_text.ipynb"
SERVED = FOLDER / "vllm.ipynb"
LONG = {"methods_and_fidelity"}
"""What takes more than ten seconds."""
BUNDLED = [path for path in NOTEBOOKS if path not in (REAL, SERVED)]
"""Those that run on the bundled models."""
SAVES = "ATTRIBOT_SAVE_NOTEBOOKS" in os.environ
MOST_BYTES = 200_000
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SECONDS = re.compile(r", \d+\.\d+ s\b")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


CLEARED = """
%reset -f
%matplotlib inline
%cd -q {folder}
get_ipython().execution_count = 1
"""
"""Leaves a kernel as a new one is, but for the modules that it has loaded."""


@pytest.fixture(scope="module")
def kernel() -> Iterator[AsyncKernelManager]:
    """What the notebooks run in one by one: each would take seconds to load torch by itself."""

    async def start(manager: AsyncKernelManager) -> None:
        await manager.start_kernel(
            env={**os.environ, "TQDM_DISABLE": "1"},
            extra_arguments=["--HistoryManager.enabled=False"],
        )

    async def end(manager: AsyncKernelManager) -> None:
        await manager.shutdown_kernel(now=True)

    with TemporaryDirectory() as sockets:  # Unix ones; their paths must be short
        manager = AsyncKernelManager(transport="ipc", ip=str(Path(sockets) / "kernel"))
        asyncio.run(start(manager))
        yield manager
        asyncio.run(end(manager))


async def execute(
    path: Path, folder: Path, kernel: AsyncKernelManager, *, timeout: int = 60
) -> list[Cell]:
    """Run a notebook in a cleared kernel, and return its cells.

    Args:
        path: The notebook.
        folder: Where it runs.
        kernel: The kernel.
        timeout: Most seconds of a cell.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, km=kernel, timeout=timeout, record_timing=False, coalesce_streams=True
    )
    async with client.async_setup_kernel(cleanup_kc=False):
        shell: Any = client.kc
        cleared = CLEARED.format(folder=folder)
        reply = await shell.execute_interactive(cleared, store_history=False)
        assert reply["content"]["status"] == "ok", reply
        await client.async_execute(cleanup_kc=False)
        shell.stop_channels()
    # JSON as files have it, with texts divided into lines.
    written = StringIO()
    nbformat.write(notebook, written)
    cells: list[Cell] = json.loads(written.getvalue())["cells"]
    return cells


def saved(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def cleaned(cell: Cell) -> Cell:
    """A cell as it is saved: without logs, progress bars and timings."""
    if cell["cell_type"] != "code":
        return cell
    outputs = []
    for output in cell["outputs"]:
        if output.get("name") == "stderr":
            continue
        data = output.get("data", {})
        if len(data) > 1:  # the plain form of what is shown better, with seconds in it
            data.pop("text/plain", None)
        if "text/html" in data:
            data["text/html"] = [SECONDS.sub("", line) for line in data["text/html"]]
        outputs.append(output)
    return {**cell, "metadata": {}, "outputs": outputs}


def shown(cells: Sequence[Cell]) -> list[str]:
    """What a reader sees of the outputs, but for images."""
    texts = []
    for cell in cells:
        for output in cell.get("outputs", ()):
            parts = [output.get("text", ""), *output.get("data", {}).values()]
            kinds = [output["output_type"], *output.get("data", {})]
            texts += [
                visible("".join(part))
                for kind, part in zip(kinds, parts, strict=True)
                if not kind.startswith("image/")
            ]
    return texts


def visible(text: str) -> str:
    text = re.sub(r"<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(text).split())


def numbers(texts: Sequence[str]) -> list[float]:
    return [float(number) for text in texts for number in NUMBER.findall(text)]


def words(texts: Sequence[str]) -> list[str]:
    return [NUMBER.sub("0", text) for text in texts]


def save(path: Path, cells: list[Cell]) -> None:
    content = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])
        for path in BUNDLED
    ],
)
async def test_notebook_runs_and_shows_what_is_saved(
    path: Path, tmp_path: Path, kernel: AsyncKernelManager
) -> None:
    await run_and_compare(path, tmp_path, kernel)


async def run_and_compare(
    path: Path, folder: Path, kernel: AsyncKernelManager, *, timeout: int = 60
) -> None:
    cells = [cleaned(cell) for cell in await execute(path, folder, kernel, timeout=timeout)]
    if SAVES:
        save(path, cells)
    now, then = shown(cells), shown(saved(path)["cells"])
    assert words(now) == words(then), "save the notebook anew"
    # Numbers are rounded, and differ a little from one processor to the next.
    assert numbers(now) == pytest.approx(numbers(then), rel=0.02, abs=0.11)


@pytest.mark.real
async def test_the_notebook_with_real_models(tmp_path: Path, kernel: AsyncKernelManager) -> None:
    real_file("all-minilm-l6-v2")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / ".models").symlink_to(MODELS)
    await run_and_compare(REAL, folder, kernel, timeout=900)


@pytest.mark.real
@pytest.mark.enable_socket
async def test_the_notebook_with_a_server(tmp_path: Path, kernel: AsyncKernelManager) -> None:
    if "VLLM_URL" not in os.environ:
        pytest.skip("VLLM_URL names no server, and VLLM_TOKENIZER no folder")
    await run_and_compare(SERVED, tmp_path, kernel, timeout=300)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook_is_small_and_clean(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    content = saved(path)
    assert content["metadata"] == METADATA
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert all(not cell["metadata"] for cell in content["cells"])
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not {output.get("name") for output in outputs} & {"stderr"}
    assert not [output for output in outputs if output["output_type"] == "error"]
    for text in shown(content["cells"]):
        assert not re.search(r"(?<![\w.:/])/(?:home|tmp|root|usr|work|var|Users)/|[A-Z]:\\", text)
        assert not re.search(r"seconds=|\d (?:ms|s)\b", text)


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 5


def test_saves_no_log_and_no_timing() -> None:
    log = {"output_type": "stream", "name": "stderr", "text": ["/home/x\n"]}
    html = {"text/plain": ["A(seconds=1)"], "text/html": ["<p>\n", "exact, 0.12 s.</p>"]}
    result = {"output_type": "execute_result", "data": html}
    cell = {"cell_type": "code", "metadata": {"x": 1}, "outputs": [log, result]}
    clean = {"output_type": "execute_result", "data": {"text/html": ["<p>\n", "exact.</p>"]}}
    assert cleaned(cell) == {"cell_type": "code", "metadata": {}, "outputs": [clean]}


def test_outputs_are_compared_as_readers_see_them() -> None:
    html = {"text/html": ["<style>.a {\n}</style><b>1.5 &amp; x</b>"], "image/png": "abc"}
    cells: list[Cell] = [
        {"outputs": [{"output_type": "stream", "text": ["a\n", "b -2\n"]}]},
        {"outputs": [{"output_type": "execute_result", "data": html}]},
    ]
    assert shown(cells) == ["a b -2", "", "1.5 & x"]
    assert numbers(shown(cells)) == [-2, 1.5]
    assert words(shown(cells)) == ["a b 0", "", "0 & x"]
