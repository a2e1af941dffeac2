"""Trains the bundled models, `python -m training.train`.

`python -m training.measure` measures them.
"""
