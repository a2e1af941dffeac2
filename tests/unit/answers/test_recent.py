"""The newest are kept, in order, whoever adds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from attribot_integrations.answers.recent import Recent, check_positive
from attribot_integrations.errors import ConfigurationError


def test_the_oldest_go_first() -> None:
    recent: Recent[str, int] = Recent(2)
    assert (recent.newest(), recent.items(), len(recent)) == (None, (), 0)
    for number, key in enumerate("abc"):
        recent.add(key, number)
    assert recent.items() == (("b", 1), ("c", 2))
    assert (recent.get("a"), recent.get("b"), recent.newest()) == (None, 1, 2)
    recent.add("b", 9)
    assert recent.items() == (("c", 2), ("b", 9))
    recent.clear()
    assert len(recent) == 0


def test_many_threads_may_add() -> None:
    recent: Recent[int, int] = Recent(50)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: recent.add(number, number), range(500)))
    assert len(recent) == 50
    assert all(key == value for key, value in recent.items())


def test_counts_are_checked() -> None:
    check_positive(one=1, two=2)
    with pytest.raises(ConfigurationError, match="two must be at least 1, got 0"):
        check_positive(one=1, two=0)
