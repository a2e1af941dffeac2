"""What results are made of: plain values, which can neither be changed nor mixed up."""

from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest

from attribot_integrations.results.parts import (
    Alternatives,
    Audit,
    Citation,
    Cost,
    Estimand,
    FloatArray,
    ModelCost,
    Statement,
)


def test_tokens_of_all_models_are_added() -> None:
    models = (ModelCost("target", 9, 100, 2, 400), ModelCost("proxy", 1, 25, 1, 400))
    assert Cost(0.5, models).tokens == 125
    assert Cost(0.5, ()).tokens == 0


def test_a_citation_stands_for_itself_unless_it_has_alternatives() -> None:
    citation = Citation(1, 0, 4, 2, None, 0, 9, 3, 12, "It opened", 1.5, exact=True)
    assert (citation.share, citation.alternatives, citation.sufficiency) == (1.0, (), None)
    assert citation.chunk_end - citation.chunk_start == len(citation.text)
    assert dataclasses.replace(citation, share=0.5) != citation
    assert len({citation, dataclasses.replace(citation)}) == 1


@pytest.mark.parametrize(
    "part",
    [
        Audit(1, 2, 0, 1.0),
        Statement(0, 0, 4, "One.", (0, 1)),
        Alternatives(0, (1, 2), (3.0, 2.0), 4.0),
        ModelCost("m", 1, 1, 1, 1),
        Cost(0.0, ()),
    ],
    ids=lambda part: type(part).__name__,
)
def test_parts_are_frozen(part: object) -> None:
    name = dataclasses.fields(part)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(part, name, 1)


def test_one_estimand_is_exact() -> None:
    names = get_args(Estimand)
    assert [name for name in names if name == "target_loo"] == ["target_loo"]
    models = {name.partition("_")[0] for name in names if "_" in name}
    assert models == {"target", "proxy"}
    assert {"dropped", "unscored", "baseline", "through"} == {
        name for name in names if "_" not in name
    }


def test_arrays_are_of_32_bits() -> None:
    assert get_args(get_args(FloatArray)[1]) == (np.float32,)
