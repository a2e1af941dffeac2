"""How checkpoints come from the Hugging Face hub: without a long wait, and without many bars."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from attribot_integrations.errors import ModelError

__all__ = ["check_reachable", "quiet_loading"]


def check_reachable(name: str, revision: str | None = None) -> None:
    """Ask the hub once for a checkpoint that is not in its cache.

    Its own client asks five times, with pauses of half a minute in all.

    Args:
        name: The checkpoint; paths are let pass.
        revision: Branch, tag or commit.

    Raises:
        ModelError: If it is not in the cache, and the hub does not answer.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # Offline by choice, the client does not ask at all, and says so.
    if os.path.exists(name) or constants.HF_HUB_OFFLINE:
        return
    try:
        if try_to_load_from_cache(name, "config.json", revision=revision) is None:
            get_hf_file_metadata(
                hf_hub_url(name, "config.json", revision=revision),
                timeout=constants.HF_HUB_ETAG_TIMEOUT,
            )
    except (HfHubHTTPError, HFValidationError):
        return  # an answer, for the client to put into words
    except Exception as error:  # of whatever HTTP library the client uses
        raise ModelError(
            f"cannot load {name}: it is not in this machine's cache, and the Hugging Face hub does "
            f"not answer ({type(error).__name__}: {error}); check the connection, or name a folder "
            "or a GGUF file that is here"
        ) from error


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers from drawing bars for weights that are read; downloads have theirs."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging

    chosen = constants.HF_HUB_DISABLE_PROGRESS_BARS is not None  # in the environment, for all bars
    if chosen or not logging.is_progress_bar_enabled():
        yield
        return
    downloads = not are_progress_bars_disabled()
    logging.disable_progress_bar()  # which turns off the bars of downloads, too
    if downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.enable_progress_bar()
        if not downloads:
            disable_progress_bars()
