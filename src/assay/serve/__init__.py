"""The HTTP API: OpenAI wire, search, feedback, health, keys."""
