"""The corpus of made-up facts that the bundled models were trained on, and pipelines over it.

They make a first run, tests and fidelity tables work without a download, a GPU or a key. Importing
this package imports no model library.
"""

from attribot_integrations.demo.corpus import (
    DemoExample,
    DemoQuestion,
    demo_examples,
    generate_example,
)

__all__ = ["DemoExample", "DemoQuestion", "demo_examples", "generate_example"]
