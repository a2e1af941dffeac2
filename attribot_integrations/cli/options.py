"""Options that several commands have."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

__all__ = ["DeviceMapOption", "Dtype", "DtypeOption", "ModelOption", "ProxyOption"]


class Dtype(str, Enum):
    """Precision of the models' weights."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Target: name on the Hugging Face hub, or path. By default the bundled demo model, "
        "which is not for real text.",
        show_default=False,
    ),
]
ProxyOption = Annotated[
    str | None,
    typer.Option(
        help="Smaller model for what runs one; the bundled proxy with the bundled target.",
        show_default=False,
    ),
]
DtypeOption = Annotated[
    Dtype | None,
    typer.Option(
        help="Precision of the weights. By default the model's own, and float32 on a CPU.",
        show_default=False,
    ),
]
DeviceMapOption = Annotated[
    str, typer.Option(help='Where accelerate puts the weights: "auto", "cpu", "cuda:0", …')
]
