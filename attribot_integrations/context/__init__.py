"""What is retrieved and shown: chunks, their sentences, prompts, and chunks located in a prompt."""
