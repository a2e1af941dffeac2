"""Running language models: loading, tokenising, and scoring an answer under ablations."""
