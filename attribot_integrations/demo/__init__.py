"""Bundled demo models and the corpus of made-up facts that they were trained on.

A tiny target and a tinier proxy make a first run, tests and fidelity tables work without a
download, a GPU or a key. They answer questions about made-up entities from a context, and nothing
else. `python -m attribot_integrations.demo.train` trains them anew and
`python -m attribot_integrations.demo.evaluate` measures them. Importing this package imports no
model library.
"""

from attribot_integrations.demo.bundled import bundled_model_path
from attribot_integrations.demo.corpus import (
    DemoExample,
    DemoQuestion,
    demo_examples,
    generate_example,
)

__all__ = ["DemoExample", "DemoQuestion", "bundled_model_path", "demo_examples", "generate_example"]
