"""What states a statement: verifiers, which read texts and run no causal model.

Leave-one-out says what an answer depends on; a verifier says which passages state what it says,
used or not. `LexicalVerifier` compares words, and needs neither a download nor another package.
Encoders and any function can take its place, and what an application already has in LangChain or
LlamaIndex, by the adapters' own verifiers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.verifying.encoders import CrossEncoderVerifier, EncoderVerifier
    from attribot_integrations.verifying.functions import FunctionVerifier
    from attribot_integrations.verifying.lexical import LexicalVerifier
    from attribot_integrations.verifying.protocol import Verifier, with_verifier
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "CrossEncoderVerifier": "encoders",
            "EncoderVerifier": "encoders",
            "FunctionVerifier": "functions",
            "LexicalVerifier": "lexical",
            "Verifier": "protocol",
            "with_verifier": "protocol",
        },
    )

__all__ = [
    "CrossEncoderVerifier",
    "EncoderVerifier",
    "FunctionVerifier",
    "LexicalVerifier",
    "Verifier",
    "with_verifier",
]


def __dir__() -> list[str]:
    return sorted(__all__)
