"""What may stand in an engine's place, and what of it is asked at run time."""

from __future__ import annotations

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.requests.attributors import KnowsItsModel


class Knows:
    """An engine that can tell what its target is."""

    uses_chat_template = True

    def runs(self, model: object) -> bool:
        return model == "mine"


def test_an_engine_that_knows_its_model_is_told_from_others() -> None:
    assert isinstance(Knows(), KnowsItsModel)
    assert not isinstance(object(), KnowsItsModel)


def test_the_engine_itself_knows() -> None:
    engine = AttributionEngine.demo()
    assert isinstance(engine, KnowsItsModel)
    assert engine.uses_chat_template
    assert not engine.runs(None)
    assert not engine.runs("another")


def test_the_engine_attributes_requests_alone_and_in_turn() -> None:
    assert callable(AttributionEngine.attribute_request)
    assert callable(AttributionEngine.sharing_context)
