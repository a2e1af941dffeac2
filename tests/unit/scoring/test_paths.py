"""The paths by name; that they agree is shown in tests/parity."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.path_base import ScoringPath
from attribot_integrations.scoring.paths import PATHS
from tests.unit.scoring.small import ANSWER, PROMPT, llama, without


def test_every_name_has_a_path_fastest_first() -> None:
    assert (*PATHS,) == get_args(PathName)
    assert all(issubclass(path, ScoringPath) for path in PATHS.values())
    ablated = [without(start, start + 2) for start in range(4, 20, 2)]
    work = {}
    for name, kind in PATHS.items():
        path = kind(*llama(), PROMPT, ANSWER, 4096)
        path.score(ablated)
        work[name] = path.work
    assert work["packed"].passes < work["plain"].passes == len(ablated) + 1
    assert work["packed"].tokens < work["plain"].tokens
    assert work["cached"].tokens < work["plain"].tokens


@pytest.mark.parametrize("name", PATHS)
def test_rows_come_in_the_order_asked(name: PathName) -> None:
    ablated = [without(18, 20), without(4, 6), PROMPT]
    path = PATHS[name](*llama(), PROMPT, ANSWER, 4096)
    there, back = path.score(ablated), path.score(ablated[::-1])
    torch.testing.assert_close(there.log_probs, back.log_probs.flip(0), atol=1e-5, rtol=0)
    torch.testing.assert_close(there.log_probs[2], there.reference[2], atol=1e-5, rtol=0)
    assert there.log_probs.dtype == torch.float32
