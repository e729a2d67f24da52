"""How large a request may be; more is 413."""

LARGEST_DOCUMENT = 256 * 1024
"""Bytes of a body, and of a line of NDJSON: what can be sent among others can be sent alone."""
LARGEST_NDJSON = 16 * 1024 * 1024
MOST_LINES = 10_000
