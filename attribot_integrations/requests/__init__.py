"""What an engine is asked: options, requests, and what may stand in an engine's place."""
