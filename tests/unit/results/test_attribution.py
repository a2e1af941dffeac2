"""Results hold finite numbers only, and can be copied and stored."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError, ModelError
from attribot_integrations.results import Attribution, Cost, FailedAttribution
from tests.unit.attributions import make_attribution

CHUNK = Chunk("It rained. We left.", id="a", metadata={"page": 3})


def attribution() -> Attribution:
    return make_attribution("Who?", [CHUNK], "One.")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "name", ["scores", "token_log_probs", "token_log_probs_without_context", "sufficiency"]
)
def test_numbers_that_are_not_finite_are_refused(name: str, value: float) -> None:
    shape = (2, 4) if name in ("scores", "sufficiency") else (4,)
    array = np.zeros(shape, dtype=np.float32)
    array[..., 1] = value
    message = f"{name} must hold finite numbers, but {array.size // 4} of {array.size} are not"
    with pytest.raises(ModelError, match=rf"{message} \({value}\); the model overflows"):
        replace(attribution(), **{name: array})  # type: ignore[arg-type]
    data = {**attribution().to_dict(), name: array.tolist()}
    with pytest.raises(InputError, match=f"the data is no attribution: {name} must hold finite"):
        Attribution.from_dict(data)


def test_other_numbers_that_are_not_finite_are_not_written() -> None:
    message = "the result holds a number that JSON cannot hold: "
    with pytest.raises(ModelError, match=message):
        replace(attribution(), cost=Cost(math.nan, ())).to_json()
    text = attribution().to_json().replace('"seconds": 0.25', '"seconds": NaN')
    with pytest.raises(InputError, match="the text is no JSON: NaN is not a JSON number"):
        Attribution.from_json(text)
    with pytest.raises(InputError, match=r"cost\.seconds must be a finite number, got inf"):
        Attribution.from_json(text.replace("NaN", "1e999"))


@pytest.mark.parametrize(
    "remake",
    [copy.deepcopy, copy.copy, lambda made: pickle.loads(pickle.dumps(made))],
    ids=["deepcopy", "copy", "pickle"],
)
def test_results_can_be_copied_and_pickled(remake: Callable[[Attribution], Attribution]) -> None:
    made = attribution()
    scores = made.source_scores.tolist()
    again = remake(made)
    assert again.to_dict() == made.to_dict()
    assert again.source_scores.tolist() == scores
    for array in (again.scores, again.exact, again.token_log_probs, made.scores):
        assert not array.flags.writeable


def test_failures_can_be_pickled() -> None:
    failed = pickle.loads(pickle.dumps(FailedAttribution(InputError("no text"), "x")))
    assert (type(failed.error), str(failed.error), failed.id) == (InputError, "no text", "x")


def test_asdict() -> None:
    made = attribution()
    plain = asdict(made)
    assert plain["chunks"][0] == {
        "text": CHUNK.text,
        "id": "a",
        "metadata": {"page": 3},
        "body": None,
        "shown_metadata": (),
        "origin": None,
        "said": None,
    }
    assert plain["citations"][0]["text"] == "It rained."
    plain["chunks"][0]["metadata"]["page"] = 4
    assert made.chunks[0].metadata["page"] == 3


def test_supporting_chunks() -> None:
    chunks = [Chunk("It rained."), Chunk("We left."), Chunk("The end.")]
    made = make_attribution("Who?", chunks, "One. Two.")
    (citation,) = made.citations
    cited = tuple(
        replace(citation, chunk_index=index, statement_index=statement)
        for index, statement in ((2, 0), (0, 0), (2, 1))
    )
    assert replace(made, citations=cited).supporting_chunks() == (chunks[0], chunks[2])
    assert replace(made, citations=()).supporting_chunks() == ()
