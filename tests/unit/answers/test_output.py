"""What a pipeline handed back."""

from attribot_integrations.answers.output import Output


def test_an_output_holds_nothing_that_it_was_not_given() -> None:
    output = Output()
    assert (output.answer, output.statements, output.named) == (None, None, False)
    assert (output.texts, output.plain, output.with_documents) == ((), (), False)
