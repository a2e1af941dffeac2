"""Tables of what was measured with real models on real text, by kind of file."""

from __future__ import annotations

from collections.abc import Iterator

from figure_layout import Figures, capital, cell, lines, number, short, table

__all__ = [
    "audits",
    "candidates",
    "contest",
    "held",
    "knockouts",
    "paces",
    "relevance",
    "screen",
    "structure",
    "suite",
    "verifiers",
    "word_relevance",
]

_GOLD = {
    "rows": ("gold_map_n", 0),
    "gold mAP": ("gold_map", 2),
    "F1": ("sentence_f1", 2),
    "chunk mAP": ("chunk_map", 2),
    "chunk F1": ("chunk_f1", 2),
    "LDS": ("lds", 2),
    "drop@1": ("drop_1", 1),
    "keep@1": ("keep_1", 2),
    "tokens": ("tokens_vs_naive", 3),
}
_LABELS = {
    "supported": ("supported_n", 0),
    "labelled so": ("supported_right", 2),
    "not supported": ("unsupported_n", 0),
    "not labelled so": ("unsupported_right", 2),
    "AUROC": ("auroc", 2),
    "ECE": ("calibration_error", 2),
}
_AUDITS = {
    "exchanged, found": ("exchanged", 2),
    "added, found": ("added", 2),
    "dropped, found": ("dropped", 2),
    "right ones called wrong": ("alarms", 3),
}
_SCREEN = {
    "answers": ("answers", 0),
    "with something to find": ("map_n", 0),
    "mAP": ("map", 2),
    "mAP, mean attention": ("mean_map", 2),
    "passes": ("passes", 2),
    "rescored, answers": ("rescored_answers", 0),
    "rescored, mAP": ("rescored_map", 2),
    "its tokens, of `balanced`'s": ("rescored_of_balanced", 2),
}
_CONTEST = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "LDS": ("lds", 2),
    "tokens": ("tokens_vs_naive", 3),
    "x naive": ("speedup_naive", 1),
    "x cached": ("speedup_cached", 1),
    "x generating": ("speedup_generate", 2),
}
_HELD = {
    "questions": ("questions", 0),
    "tokens": ("tokens", 0),
    "held": ("tokens_held", 0),
    "fewer by": ("token_ratio", 2),
    "seconds": ("seconds", 1),
    "held, seconds": ("seconds_held", 1),
    "faster by": ("second_ratio", 2),
}
_PACE = {
    "tokens": ("tokens", 0),
    "seconds": ("seconds", 2),
    "tokens a second": ("pace", 0),
    "of a plain pass's": ("of_plain", 2),
    "with the prompt's pass": ("with_prompt", 2),
}
_STRUCTURE = {
    "highest score is marked": ("first", 0),
    "a citation is": ("cited", 0),
    "citations": ("citations", 0),
    "of them marked": ("right", 0),
    "seconds": ("seconds", 0),
}
_KNOCKOUTS = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "F1 of citations": ("cited", 2),
    "error, nats": ("error", 2),
    "of exact's tokens": ("tokens", 2),
}
_RESCORING = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "F1 of citations": ("cited", 3),
    "sources rescored": ("rescored", 1),
    "of exact's tokens": ("tokens", 2),
}
_RELEVANCE = {
    "questions": ("questions", 0),
    "mAP": ("map", 2),
    "kept at .5": ("recall", 2),
    "others dropped": ("dropped", 2),
    "others dropped where 95 % are kept": ("dropped_at_recall", 2),
}
_WORD_RELEVANCE = {**_RELEVANCE, "kept at .5": ("recall", 3)}


def suite(results: Figures) -> Iterator[str]:
    """Yield what is ranked and cited on each set, and how statements are labelled."""
    parts = {**results["sets"], "all sets": results["all"]}
    ranked = {
        f"{short(name)}, {method}": figures
        for name, part in parts.items()
        for method, figures in (part["methods"] | part["scorers"]).items()
        if figures.get("gold_map") is not None
    }
    yield f"Target: `{_target(results)}`."
    yield from lines(
        ["data, method", *_GOLD],
        [
            [name, *(cell(each, *column) for column in _GOLD.values())]
            for name, each in ranked.items()
        ],
    )
    labelled = {
        f"{short(name)}, {method}": figures
        | {f"{side}_n": figures[f"{side}_right_n"] for side in ("supported", "unsupported")}
        for name, part in parts.items()
        for method, figures in part["methods"].items()
    }
    yield "Labels:"
    yield from lines(
        ["data, method", *_LABELS],
        [
            [name, *(cell(each, *column) for column in _LABELS.values())]
            for name, each in labelled.items()
        ],
    )


def audits(results: Figures) -> Iterator[str]:
    """Yield how many planted faults audits find, and how many right citations they call wrong."""
    yield "Planted faults:"
    yield from lines(
        ["judge, data", "answers", "evidence", *_AUDITS],
        [
            [
                f"{results['target'].partition('.')[0]}, {short(name)}",
                str(figures["answers"]),
                evidence,
                *(cell(figures, *column) for column in _AUDITS.values()),
            ]
            for name, part in results["sets"].items()
            for evidence, figures in part.items()
        ],
    )


def candidates(results: Figures) -> Iterator[str]:
    """Yield the citation rules that were tried, and the fit of the labels."""
    yield "Citation rules:"
    names = list(results["sets"])
    yield from lines(
        ["rule", *names],
        [
            [f"`{row['policy']}`", *(number(row["f1"][name], ".3f") for name in names)]
            for row in results["policies"]
        ],
    )
    for key, what in (("support", "with"), ("support_without_verifier", "without")):
        fit = results[key]
        yield (
            f"Labels, {what} a verifier: fitted to {fit['statements']} statements, "
            f"{fit['supported']} of them supported; cross-validated, AUROC {fit['auroc']:.3f}, "
            f"{fit['accuracy']:.1%} on the right side of {fit['best_threshold']:.2f}, expected "
            f"calibration error {fit['calibration_error']:.3f}."
        )
        yield ""


def verifiers(results: Figures) -> Iterator[str]:
    """Yield how well verifiers rank marked sentences, and tell supported statements from others."""
    for title, keys in (
        ("Marked sentences, mAP:", ("map",)),
        ("Supported statements against others, AUROC:", ("auroc", "auroc_of")),
    ):
        rows = {
            name: {column: value for key in keys for column, value in each[key].items()}
            for name, each in results["verifiers"].items()
        }
        columns = list(dict.fromkeys(column for each in rows.values() for column in each))
        yield title
        yield from lines(
            ["verifier", *columns],
            [
                [name, *(number(each.get(column), ".3f") for column in columns)]
                for name, each in rows.items()
            ],
        )
    fit = results["fit"]
    weights = zip(fit["measures"], fit["weights"], strict=True)
    yield (
        f"Fit on {results['answers']:,} answers: "
        + ", ".join(f"`{name}` {weight:.2f}" for name, weight in weights)
        + f", bias {fit['bias']:.2f}."
    )


def screen(results: Figures) -> Iterator[str]:
    """Yield how well a learned screen ranks, and what rescoring behind it costs."""
    screen = results["screen"]
    yield (
        f"`{results['target']}`, fitted to {screen['answers']} answers of "
        f"{' and '.join(screen['data'])}; heads with a weight: {screen['heads']}. On answers that "
        "it was not fitted to:"
    )
    yield from lines(
        ["data, compared with", *_SCREEN],
        [
            [name, *(cell(figures, *column) for column in _SCREEN.values())]
            for name, figures in results["held_back"].items()
        ],
    )


def contest(results: Figures) -> Iterator[str]:
    """Yield every way's fidelity to exact scores and its cost, a table for each data set."""
    models = " with ".join(
        f"`{results[role]}`" for role in ("target", "proxy") if results[role] is not None
    )
    for name, part in results["contest"].items():
        yield (
            f"{models}, {name}: {part['n']} answers, on average {part['sources']:.0f} sources, "
            f"{part['prompt_tokens']:,.0f} + {part['answer_tokens']:.0f} tokens:"
        )
        yield from table("way", part["ways"], _CONTEST)


def held(results: Figures) -> Iterator[str]:
    """Yield what holding contexts saves."""
    count = results["documents"]
    yield f"`{results['target']}`, {count} document{'s' * (count > 1)} of {results['data']}:"
    yield from table("method", results["held"], _HELD)


def paces(results: Figures) -> Iterator[str]:
    """Yield how fast passes run beside a plain one."""
    for name, part in results["paces"].items():
        yield (
            f"`{results['target']}`, {name}, {part['prompt_and_answer']:,} tokens of prompt and "
            "answer:"
        )
        yield from table("way", part["ways"], _PACE)


def relevance(results: Figures) -> Iterator[str]:
    """Yield how well chunks are told apart before there is an answer."""
    for name, ways in results["relevance"].items():
        yield f"`{results['target']}`, {name}:"
        yield from table("by", ways, _RELEVANCE)


def word_relevance(results: Figures) -> Iterator[str]:
    """Yield how well words tell chunks apart, by their default and by fits to other data."""
    for name, ways in results["word_relevance"].items():
        yield f"{name}:"
        yield from table("by", ways, _WORD_RELEVANCE)


def structure(results: Figures) -> Iterator[str]:
    """Yield whether the marked sentence is found in the other forms that it was written in."""
    yield f"{capital(str(results['answers']))} answers of SQuAD, exact scores:"
    yield from table("form", results["forms"], _STRUCTURE)


def knockouts(results: Figures) -> Iterator[str]:
    """Yield how far knockouts are from exact scores, and what rescoring behind them needs."""
    for name, found in results["knockouts"].items():
        yield f"{capital(short(name))}, {found['answers']} answers, by tokens run again:"
        yield from table("run again", found["reruns"], _KNOCKOUTS)
        least = found["shortfall"]["0.9"]
        yield (
            "Nine in ten of those below the threshold of a citation fall short of exact scores by "
            f"less than {least:.2f} of it. Rescoring behind them:"
        )
        yield from table("settings", found["rescoring"], _RESCORING)


def _target(results: Figures) -> str:
    first = next(iter(results["settings"]["sets"].values()))
    target: str = next(iter(first.values()))["target"]
    return target
