"""What is kept of a growing answer: as much as there is room for, and only of one prompt."""

from __future__ import annotations

import gc

import torch

from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.growing import GrowingAnswer, Room, own_of
from attribot_integrations.scoring.packing import Branch

PROMPT = (1, 2, 3, 4)
ANSWER = (7, 8, 9)


def cache_of(tokens: int, first: float = 0.0) -> PrefixCache:
    keys = torch.arange(first, first + tokens)[None, None, :, None].float()
    return PrefixCache(((keys, -keys), (None, None)))


def branch(answer: tuple[int, ...] = ANSWER, start: int = 2) -> Branch:
    return Branch(0, start, (*PROMPT[start:], *answer[:-1]))


def kept(growing: GrowingAnswer, answer: tuple[int, ...] = ANSWER) -> None:
    row = torch.arange(len(answer)).float()
    tokens = len(branch(answer).tokens)
    growing.keep(branch(answer), answer, cache_of(tokens), row, row + 10)


def test_a_branch_goes_on_where_the_answers_part() -> None:
    growing = GrowingAnswer(Room(1 << 20))
    growing.begin(PROMPT)
    assert growing.continued(branch(), ANSWER) == branch()
    kept(growing)
    longer = (*ANSWER, 5, 6)
    found = growing.continued(branch(longer), longer)
    assert (found.done, found.known, found.left) == (4, 3, 2)
    assert found.tokens[found.done :] == (9, 5), "the last token that is known was not run"
    other = (7, 4, 4, 4)
    found = growing.continued(branch(other), other)
    assert (found.done, found.known, found.left) == (2, 1, 3)
    assert growing.continued(branch((4, 4)), (4, 4)).known == 0
    again = growing.continued(branch(), ANSWER)
    assert (again.left, again.known) == (0, 3)


def test_what_is_done_comes_behind_the_prefix() -> None:
    growing = GrowingAnswer(Room(1 << 20))
    kept(growing)
    longer = (*ANSWER, 5)
    (own,) = growing.behind([growing.continued(branch(longer), longer), branch(longer, 1)], longer)
    assert own.layers[0][0] is not None
    assert own.layers[0][0].flatten().tolist() == [0, 1, 2, 3]


def test_each_branch_keeps_its_own_tokens() -> None:
    whole = cache_of(3 + 2 + 4).view(9)  # three of a prefix, two kept, four run
    first = Branch(0, 3, (1, 1, 1, 1), done=2)
    second = Branch(1, 1, (1, 1))
    found = own_of(whole, [first, second], 3)
    keys = [each.layers[0][0] for each in found]
    assert [key.flatten().tolist() for key in keys if key is not None] == [[3, 4, 5, 6], [7, 8]]


def test_nothing_is_kept_that_there_is_no_room_for() -> None:
    room = Room(cache_of(4).size + 1)
    one, other = GrowingAnswer(room), GrowingAnswer(room)
    kept(one)
    assert room.taken == cache_of(4).size
    kept(other)
    assert other.of(branch(), ANSWER) is None
    longer = (*ANSWER, 5, 6)
    kept(one, longer)
    found = one.of(branch(longer), longer)
    assert found is not None
    assert found.answer == ANSWER, "what there is room for stays"
    assert one.let_go()
    assert not one.let_go()
    kept(other)
    assert other.of(branch(), ANSWER) is not None
    del other, found
    gc.collect()
    assert room.taken == 0


def test_another_prompt_takes_the_place_of_the_first() -> None:
    room = Room(1 << 20)
    growing = GrowingAnswer(room)
    growing.begin(PROMPT)
    kept(growing)
    growing.begin(PROMPT)
    assert growing.of(branch(), ANSWER) is not None
    growing.begin((1, 2))
    assert growing.of(branch(), ANSWER) is None
    assert room.taken == 0
