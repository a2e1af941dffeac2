"""`verified` passes on what a verifier says, and refuses what is no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.results.fitted import MIN_STATED
from attribot_integrations.results.judging import judged
from attribot_integrations.results.policies import CiteSupport
from attribot_integrations.results.support import LabelSupport
from attribot_integrations.verifying import LexicalVerifier, Verifier
from attribot_integrations.verifying.protocol import verified, with_verifier
from tests.unit.attributions import make_attribution


@dataclass
class Says:
    """Returns what it is told to."""

    returned: Any
    name: Any = "fixed"
    asked: int = 0

    def verify(self, question: str, statements: Sequence[str], passages: Sequence[str]) -> Any:
        self.asked += 1
        return self.returned


def test_scores_are_a_copy_in_one_type() -> None:
    given = np.array([[0.0], [1.0]])
    scores = verified(Says(given), "q", ["s"], ["p", "p"])
    assert scores.dtype == np.float32
    assert scores.tolist() == [[0.0], [1.0]]
    scores[:] = 0.5
    assert given.tolist() == [[0.0], [1.0]]


def test_lists_are_scores_too() -> None:
    assert verified(Says([[0.25, 0.5]]), "q", ["s", "t"], ["p"]).tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize(
    ("statements", "passages", "shape"), [([], ["p"], (1, 0)), (["s"], [], (0, 1))]
)
def test_nothing_to_compare_asks_nobody(
    statements: list[str], passages: list[str], shape: tuple[int, int]
) -> None:
    verifier = Says(None)
    assert verified(verifier, "q", statements, passages).shape == shape
    assert verifier.asked == 0


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([[0.5]], r"2 passages and 1 statements, got shape \(1, 1\)"),
        ([0.5, 0.5], r"got shape \(2,\)"),
        ([[0.5], [1.5]], "from 0 to 1, got 1.5 for passage 1 and statement 0"),
        ([[-0.25], [1]], "got -0.25 for passage 0 and statement 0"),
        ([[0], [float("nan")]], "got nan for passage 1"),
        ([[0], [float("inf")]], "got inf for passage 1"),
        (None, r"shape \(\)"),
        ("text", "an array of numbers, got 'text'"),
        ([[0], [0, 1]], "an array of numbers"),
    ],
)
def test_what_is_no_score_is_refused(returned: Any, message: str) -> None:
    with pytest.raises(ModelError, match=f'the verifier "fixed" must return.*{message}'):
        verified(Says(returned), "q", ["s"], ["p", "p"])


@pytest.mark.parametrize("wrong", [None, "lexical", object(), LexicalVerifier])
def test_what_is_no_verifier_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="must have a method verify"):
        verified(wrong, "q", ["s"], ["p"])


@pytest.mark.parametrize("name", [None, "", 3])
def test_a_verifier_has_a_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="must have a name"):
        verified(Says([[0.5]], name), "q", ["s"], ["p"])


def test_the_built_in_one_is_a_verifier() -> None:
    verifier: Verifier = LexicalVerifier()
    assert verified(verifier, "", ["Cats sleep."], ["Cats sleep."]).shape == (1, 1)


@dataclass
class Reads(Says):
    """Keeps the passages that it is given."""

    passages: Sequence[str] = ()
    frames: Sequence[str] = ()

    def verify(self, question: str, statements: Sequence[str], passages: Sequence[str]) -> Any:
        self.passages = passages
        return np.full((len(passages), len(statements)), 0.5)


class ReadsApart(Reads):
    def verify_framed(
        self,
        question: str,
        statements: Sequence[str],
        passages: Sequence[str],
        frames: Sequence[str],
    ) -> Any:
        self.frames = frames
        return self.verify(question, statements, passages)


ROWS = "canal,country,opened\nKiel,Germany,1895\nSuez,Egypt,1869\nErie,USA,1825"
PROSE = "Ships go there. They are slow."


def test_a_verifier_reads_rows_below_their_header_and_prose_as_it_is() -> None:
    made = make_attribution("When?", [ROWS, PROSE], "In 1895.", splitter=SplitStructure())
    prose = ["Ships go there.", "They are slow."]
    rows = ["Kiel,Germany,1895", "Suez,Egypt,1869", "Erie,USA,1825"]
    below, apart = Reads(None), ReadsApart(None)
    for verifier in (below, apart):
        stated = with_verifier(made, verifier).stated
        assert stated is not None
        assert stated.shape == (5, 1)
    assert below.passages == [*(f"canal,country,opened\n{row}" for row in rows), *prose]
    assert apart.passages == [*rows, *prose]
    assert apart.frames == ["canal,country,opened"] * 3 + [""] * 2


def test_without_a_frame_there_is_one_way_to_ask() -> None:
    apart = ReadsApart(None)
    with_verifier(make_attribution("When?", [PROSE], "Soon."), apart)
    assert apart.passages == ["Ships go there.", "They are slow."]
    assert apart.frames == ()


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        "| Canal | Country | Opened |\n| --- | --- | --- |\n"
        "| Kiel | Germany | 1895 |\n| Suez | Egypt | 1869 |\n| Erie | USA | 1825 |",
        "<table><tr><th>Canal</th><th>Opened</th></tr><tr><td>Kiel</td><td>1895</td></tr>"
        "<tr><td>Suez</td><td>1869</td></tr><tr><td>Erie</td><td>1825</td></tr></table>",
    ],
)
def test_a_row_states_what_its_header_says_of_it(table: str) -> None:
    prose = "The lock was built in the harbour. It was the first of its kind in Europe."
    made = make_attribution(
        "When was it opened?",
        [table, prose],
        "The Kiel Canal was opened in 1895.",
        splitter=SplitStructure(),
    )
    found = judged(with_verifier(made, LexicalVerifier()), CiteSupport(), LabelSupport())
    assert found.stated is not None
    assert found.stated[0, 0] >= MIN_STATED > found.stated[1:, 0].max()
    assert [each.basis for each in found.citations] == ["both"]
    assert found.remarks == (None,)
