"""Channels: how they render, and how they are hosted."""
