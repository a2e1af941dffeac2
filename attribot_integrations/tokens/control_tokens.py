"""Which tokens only a chat template may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["can_hide_one_another", "find_control_ids"]

_MARKUP = re.compile(r"[<\[{].*[>\]}]", re.DOTALL)
_HTML = re.compile(
    r"</?(a|abbr|b|blockquote|br|caption|center|code|dd|del|div|dl|dt|em|figure|h[1-6]|hr|i|img|ins"
    r"|kbd|li|mark|ol|p|pre|q|s|samp|section|small|span|strike|strong|sub|sup|table|tbody|td|tfoot"
    r"|th|thead|tr|tt|u|ul|var)\s*/?>"
)


def find_control_ids(
    tokenizer: PreTrainedTokenizerBase, chat_options: Mapping[str, Any]
) -> frozenset[int]:
    """Return the ids that no text but the chat template's own may become.

    Special tokens, and added tokens in brackets (`<think>`, `[INST]`) even where the tokenizer
    does not call them special. Other added tokens (runs of spaces, domain words) are plain text.
    So are HTML tags (`<table>`), which some tokenizers have, unless the chat template uses them.

    Args:
        tokenizer: Any tokenizer.
        chat_options: Variables for its chat template, which may hold tokens too.
    """
    templates = f"{tokenizer.chat_template or ''}{dict(chat_options)}"
    found = set(tokenizer.all_special_ids)
    for id_, token in tokenizer.added_tokens_decoder.items():
        content = token.content.strip()
        html = _HTML.fullmatch(content) and content not in templates
        if token.special or (_MARKUP.fullmatch(content) and not html):
            found.add(id_)
    return frozenset(found)


def can_hide_one_another(tokenizer: PreTrainedTokenizerBase, ids: Iterable[int]) -> bool:
    """Tell whether text beside a token of the template may keep it from being found.

    A text could then forge a token here and hide the template's own there, and the tokens would
    still be the same in number and order. That takes tokens of which one may begin where another
    ends, or which are found only between certain characters.

    Args:
        tokenizer: Any tokenizer.
        ids: Ids of its control tokens.
    """
    added = tokenizer.added_tokens_decoder
    ids = list(ids)
    if any(id_ not in added or added[id_].single_word for id_ in ids):
        return True
    names = [added[id_].content for id_ in ids]
    if any(name != name.strip() for name in names):  # others may swallow their white space
        return True
    begins = {name[:length] for name in names for length in range(1, len(name))}
    return any(name[place:] in begins for name in names for place in range(1, len(name)))
