"""Small safetensors files."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save

from attribot_integrations.scoring.tensor_files import read_tensors, write_tensors


def test_what_is_written_is_read() -> None:
    data = write_tensors({"one": np.arange(3, dtype=np.float32)}, {"note": "ä"})
    tensors, metadata = read_tensors(data)
    assert tensors["one"].tolist() == [0, 1, 2]
    assert metadata == {"note": "ä"}
    assert read_tensors(save({"one": np.ones(1)}))[1] == {}


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"\xff" * 64])
def test_other_content_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_tensors(data)


def test_a_file_that_is_cut_off_is_refused() -> None:
    data = write_tensors({"one": np.arange(3, dtype=np.float32)}, {})
    with pytest.raises(ValueError, match=r"\w"):
        read_tensors(data[:-1])
