"""Faults: the product is killed under load, and a checker that was tested counts what was lost."""
