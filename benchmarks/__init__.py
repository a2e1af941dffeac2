"""Benchmarks: run `python -m benchmarks`."""
