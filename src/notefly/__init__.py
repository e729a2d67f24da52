"""Notefly: notification infrastructure that loses nothing it accepted."""

__version__ = "0.1.0"
