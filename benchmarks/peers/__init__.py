"""Notefly and what a Python team would otherwise use, on the same work in the same run."""
