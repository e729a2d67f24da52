"""A queue on Redis Streams, or on a server that speaks the same protocol."""
