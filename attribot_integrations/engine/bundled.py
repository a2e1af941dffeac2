"""Where the bundled demo models are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

BundledModel: TypeAlias = Literal["target", "proxy"]

BUNDLED_MODELS: Final[tuple[BundledModel, ...]] = get_args(BundledModel)


def bundled_model_path(name: BundledModel = "target") -> Path:
    """Returns the folder of a bundled model, for ``from_pretrained``.

    Args:
        name: ``"target"`` or ``"proxy"``; both have the same tokenizer.

    Raises:
        ValueError: If there is no bundled model of that name.
    """
    if name not in BUNDLED_MODELS:
        raise ValueError(
            f"no bundled model is called {name!r}; there are {', '.join(BUNDLED_MODELS)}"
        )
    # The package is always installed as plain files, since transformers reads models from folders.
    return Path(str(files("attribot_integrations.engine"))) / "models" / name
