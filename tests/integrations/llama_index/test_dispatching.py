"""Handlers are attached to a dispatcher and taken off again, others' left alone."""

from llama_index_instrumentation.dispatcher import Dispatcher

from attribot_integrations.llama_index import AttributionEventHandler
from attribot_integrations.llama_index.dispatching import Attachment
from tests.integrations.engines import StubEngine


def test_only_the_attached_are_taken_off() -> None:
    dispatcher = Dispatcher()
    spans = list(dispatcher.span_handlers)
    first, second = AttributionEventHandler(StubEngine()), AttributionEventHandler(StubEngine())
    attachments = [Attachment(one, one.span_handler, dispatcher) for one in (first, second)]
    assert dispatcher.event_handlers == [first, second]
    walked = dispatcher.event_handlers
    attachments[0].detach()
    attachments[0].detach()
    assert len(dispatcher.event_handlers) == 1
    assert dispatcher.event_handlers[0] is second
    assert dispatcher.span_handlers[-1] is second.span_handler
    assert len(walked) == 2, "who walks through them goes on"
    attachments[1].detach()
    assert dispatcher.event_handlers == []
    assert dispatcher.span_handlers == spans


def test_one_that_is_attached_twice_is_taken_off_once() -> None:
    dispatcher = Dispatcher()
    handler = AttributionEventHandler(StubEngine())
    with handler.attach(dispatcher) as attached, handler.attach(dispatcher):
        assert attached is handler
        assert len(dispatcher.event_handlers) == 2
    assert dispatcher.event_handlers == []
