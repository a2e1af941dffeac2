"""What a pipeline handed back."""

from attribot_integrations.answers.output import Field, Output


def test_an_output_holds_nothing_that_it_was_not_given() -> None:
    output = Output()
    assert (output.answer, output.statements, output.named) == (None, None, False)
    assert (output.texts, output.fields, output.with_documents) == ((), (), False)


def test_fields_are_lines_of_an_answer() -> None:
    fields = (Field("$.a", "One. Two."), Field("$.b", "3", is_number=True), Field("$.c[0]", "Four"))
    output = Output(fields=fields)
    assert output.texts == ("One. Two.", "Four")
    made = output.of_fields(fields)
    assert made.answer == "One. Two.\n3\nFour"
    assert made.statements is not None
    assert [made.answer[slice(*span)] for span in made.statements] == ["One. Two.", "3", "Four"]
    assert made.paths == ("$.a", "$.b", "$.c[0]")


def test_numbers_are_what_an_output_says_that_holds_nothing_else() -> None:
    numbers = Field("$.a", "3", is_number=True), Field("$.b", "4.5", is_number=True)
    assert Output(fields=numbers).texts == ("3", "4.5")
    assert Output(fields=(*numbers, Field("$.c", "One."))).texts == ("One.",)
