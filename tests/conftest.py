"""Shared by all tests."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The models are so small that threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
