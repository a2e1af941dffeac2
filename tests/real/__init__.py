"""Tests with real weights on real text: `make models` fetches them, `make real` runs these."""
