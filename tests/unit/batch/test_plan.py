"""Which rows belong to which part."""

from __future__ import annotations

import pytest

from attribot_integrations.batch.plan import Plan, Share
from attribot_integrations.errors import ConfigurationError


@pytest.mark.parametrize("text", ["1/1", "2/8", "8/8"])
def test_shards_are_written_as_they_are_read(text: str) -> None:
    assert str(Share.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"a shard is i/n with i from 1 to n.*got '"):
        Share.parse(text)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("stop", [0, 1, 6, 7, 20])
@pytest.mark.parametrize("part_rows", [1, 3, 64])
def test_every_row_is_in_one_part_of_one_share(count: int, stop: int, part_rows: int) -> None:
    seen: list[int] = []
    for index in range(count):
        plan = Plan(stop, Share(index, count), part_rows)
        parts = [plan.part_of(place) for place in range(30)]
        own = [part for part in parts if part is not None]
        assert own == sorted(own)
        assert [own.count(part) for part in range(plan.parts)] == [
            plan.size(part) for part in range(plan.parts)
        ]
        assert len(own) == plan.rows
        seen += [place for place, part in enumerate(parts) if part is not None]
    assert sorted(seen) == list(range(stop))


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_part_is_of_one_process(processes: int) -> None:
    plan = Plan(100, part_rows=9)
    dealt = [part for index in range(processes) for part in plan.of_process(index, processes)]
    assert sorted(dealt) == list(range(plan.parts))


@pytest.mark.parametrize(("rows", "part_rows"), [(0, 1), (8, 1), (240, 3), (4096, 64), (10**9, 64)])
def test_small_jobs_have_small_parts(rows: int, part_rows: int) -> None:
    assert Plan.of(rows, Share()) == Plan(rows, Share(), part_rows)
    assert Plan.of(3 * rows, Share(1, 3)) == Plan(3 * rows, Share(1, 3), part_rows)
