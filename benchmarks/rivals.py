"""ContextCite as its package is used: random ablations in batches, then a Lasso.

The package is no dependency: where it is not installed (`pip install context-cite`), its rows say
so. It gets our sentences and the same answer, and the batch size that suits it best.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import AutoTokenizer

from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.engine.bundled import bundled_model_path
from benchmarks.contexts import Case
from benchmarks.ways import Job, Outcome, Setting, UnavailableError, Way, best_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RIVALS"]

_BATCHES = (1, 2, 4, 8, 16, 32)
_TEMPLATE = DEFAULT_TEMPLATE.replace("{question}", "{query}")


def _context_cite(ablations: int) -> Way:
    return Way(
        name=f"ContextCite, {ablations} ablations",
        group="rival",
        run=_run,
        ablations=lambda case: ablations,
        prepare=_tune,
    )


def _run(job: Job) -> Outcome:
    with _quiet():
        citer = _citer(job.setting, job.cases[0], job.ablations, job.prepared)
        citer.get_attributions(verbose=False)
    return Outcome()


def _tune(setting: Setting, case: Case) -> int:
    _import()
    measured = _runner(setting, case)
    with _quiet():
        return best_batch(measured, setting.device, _BATCHES, setting.tuning_seconds)


def _runner(setting: Setting, case: Case) -> Callable[[int], object]:
    return lambda size: _citer(setting, case, size, size).get_attributions(verbose=False)


def _citer(setting: Setting, case: Case, ablations: int, batch: int) -> Any:
    """Build a citer whose response is the case's answer instead of a generated one."""
    package = _import()
    tokenizer = AutoTokenizer.from_pretrained(bundled_model_path())
    tokenizer.padding_side = "left"  # its batches take the last positions for the response's
    partitioner = _partitioner(package, case)
    citer = package.ContextCiter(
        setting.target.model,
        tokenizer,
        partitioner.context,
        case.question,
        num_ablations=ablations,
        batch_size=batch,
        prompt_template=_TEMPLATE,
        partitioner=partitioner,
    )
    _, prompt = citer._get_prompt_ids(return_prompt=True)
    citer._cache["output"] = prompt + case.answer
    return citer


def _partitioner(package: Any, case: Case) -> Any:
    """Divide the context as the engine does, chunks two line breaks apart."""
    sentences = case.sources.sentences
    parts = [source.text for source in sentences]
    separators = ["\n\n" if source.sentence_index == 0 else " " for source in sentences]
    whole = "".join(part for pair in zip(separators, parts, strict=True) for part in pair)

    class OurSentences(package.context_partitioner.BaseContextPartitioner):  # type: ignore[misc]
        @property
        def num_sources(self) -> int:
            return len(parts)

        def split_context(self) -> None:
            pass

        def get_source(self, index: int) -> str:
            return parts[index]

        def get_context(self, mask: Any = None) -> str:
            kept = np.ones(len(parts), dtype=bool) if mask is None else mask
            shown = [place for place in range(len(parts)) if kept[place]]
            return "".join(separators[place] + parts[place] for place in shown).lstrip("\n ")

    return OurSentences(whole.lstrip("\n "))


def _import() -> Any:
    try:
        with _quiet():
            return import_module("context_cite")
    except ImportError as error:
        raise UnavailableError("context-cite is not installed") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep its progress bars, notices and deprecation warnings off the terminal."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


RIVALS: tuple[Way, ...] = (_context_cite(32), _context_cite(64))
