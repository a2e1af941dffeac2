"""Sources and citations, gathered."""

from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Cost, ModelCost
from attribot_integrations.results.gathering import Composed, cited_key, key_of, total_cost
from tests.integrations.overlap import OverlapEngine

CHUNKS = (Chunk("Ada is 90. Bea is 7."), Chunk("Ada is 90."))


def row(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_sources_are_gathered_in_order() -> None:
    composed = Composed(CHUNKS, 3)
    composed.add((1, "sentence", 0, 10), row(1), 2, exact=True, estimand="target_loo")
    composed.add((0, "chunk", 0, 20), row(1, 1, 1), 0, exact=True, estimand="target_loo")
    composed.add((0, "sentence", 11, 20), row(2), 0, exact=True, estimand="target_loo")
    composed.add((0, "sentence", 11, 20), row(3), 1, exact=False, estimand="through")
    sources = composed.sources()
    assert [(each.level, each.text, each.sentence_ids) for each in sources] == [
        ("sentence", "Bea is 7.", (0,)),
        ("sentence", "Ada is 90.", (1,)),
        ("chunk", "Ada is 90. Bea is 7.", (0,)),
    ]
    mixed = composed.rows[key_of(sources[0])]
    assert (mixed.scores.tolist(), mixed.exact, mixed.estimand) == ([2, 3, 0], False, "through")


def test_citations_of_one_source_are_added_up() -> None:
    found = OverlapEngine().attribute_request(AttributionRequest("?", CHUNKS, "Ada is 90."))
    composed = Composed(CHUNKS, len(found.token_spans))
    first = found.citations[0]
    key = cited_key(first, 1, found.sources)
    assert key == (1, "sentence", 0, 10)
    for _ in range(2):
        composed.add(key, found.scores[0], 0, exact=True, estimand="target_loo")
        composed.cite(key, first)
    (cited,) = composed.cited(composed.sources(), found.support)
    assert (cited.score, cited.number) == (2 * first.score, 1)
    assert cited.share == pytest.approx(min(1.0, 2 * first.share))


def test_a_citation_of_one_kind_joins_one_of_the_other() -> None:
    found = OverlapEngine().attribute_request(AttributionRequest("?", CHUNKS, "Ada is 90."))
    composed = Composed(CHUNKS, len(found.token_spans))
    first = found.citations[0]
    key = cited_key(first, 1, found.sources)
    composed.add(key, found.scores[0], 0, exact=True, estimand="target_loo")
    composed.cite(key, replace(first, states=0.25))
    composed.cite(key, replace(first, basis="states", states=0.75))
    composed.cite(key, first)
    (cited,) = composed.cited(composed.sources(), found.support)
    assert (cited.basis, cited.states) == ("both", 0.75)


def test_costs_are_added_up_model_by_model() -> None:
    one, other = ModelCost("a", 5, 10, 1, 20), ModelCost("b", 5, 1, 1, 1)
    whole = total_cost([Cost(1.0, (one,)), Cost(2.0, (one, other))])
    assert whole == Cost(3.0, (ModelCost("a", 5, 20, 2, 40), other))
