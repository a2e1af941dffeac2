"""Copies of a text in all forms of a prompt."""

from __future__ import annotations

from attribot_integrations.context.copies import Needle, PromptTexts, stretches

TEXT = "We “left” & went.\nThey stayed-\non there."
HTML = "<p>We &quot;left&quot; &amp; went. They stayedon there.</p>"


def test_copies_in_several_forms() -> None:
    prompt = PromptTexts([f"{TEXT}\n\n{HTML}", TEXT.replace("\n", " ")])
    needle = Needle(TEXT)
    free, blocked = prompt.copies(needle)
    assert [(copy.place[0], copy.dress) for copy in free] == [
        (0, "exact"),
        (0, "escaped"),
        (1, "exact"),
    ]
    assert blocked == []
    for copy in free:
        number, start, end = copy.place
        assert prompt.texts[number][start:end] in (TEXT, HTML[3:-4], TEXT.replace("\n", " "))
        prompt.take(copy)
    assert all(not prompt.is_free(copy) for copy in free)
    assert prompt.copies(needle)[0] == []


def test_spans_are_projected() -> None:
    prompt = PromptTexts([HTML])
    (copy,), _ = prompt.copies(Needle(TEXT))
    first, second = copy.project(0, 17), copy.project(18, len(TEXT))
    assert first is not None
    assert second is not None
    assert first[0] == (0, 17)
    assert HTML[slice(*first[1])] == "We &quot;left&quot; &amp; went."
    assert HTML[slice(*second[1])] == "They stayedon there."
    assert copy.project(17, 18) is None


def test_the_place_of_the_question() -> None:
    prompt = PromptTexts(["Who left? Who left?"])
    (first, second), _ = prompt.copies(Needle("Who left?"))
    prompt.take(first, for_question=True)
    assert prompt.in_question(first)
    assert not prompt.in_question(second)
    assert prompt.copies(Needle("left?"))[1][0].place == (0, 4, 9)
    assert prompt.left()[0][1] == [" Who left?"]


def test_short_texts_are_looked_for_as_they_are_only() -> None:
    prompt = PromptTexts(["R&amp;D"])
    assert prompt.copies(Needle("R&D"))[0] == []
    assert len(prompt.copies(Needle("R&amp;D"))[0]) == 1


def test_stretches() -> None:
    assert list(stretches(bytearray(b"\x00\x00\x01\x02\x00"))) == [(0, 2), (4, 5)]
    assert list(stretches(bytearray(b"\x01"))) == []


def test_paths_do_not_end_texts() -> None:
    assert PromptTexts(["in docs\\new release notes"]).copies(Needle("ew release notes"))[0] == []
    assert PromptTexts(["'gold and silver\\nore'"]).copies(Needle("gold and silver"))[0] == []
    (copy,), _ = PromptTexts(["'gold and silver\\nore'"]).copies(Needle("gold and silver\nore"))
    assert copy.dress == "escaped"
