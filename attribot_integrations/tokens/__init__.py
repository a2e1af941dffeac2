"""Text to token ids: chat templates, control tokens, the layout of an ablated prompt."""
