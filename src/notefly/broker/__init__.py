"""The REST service: what HTTP says in, what HTTP says out, and nothing that is decided there."""
