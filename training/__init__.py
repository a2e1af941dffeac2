"""Trains the bundled models, `python -m training.train`.

`python -m training.evaluate` measures them.
"""
