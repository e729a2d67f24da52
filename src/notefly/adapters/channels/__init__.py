"""Channels: the built-in ones in log mode, and the host that runs everybody else's in a process."""
