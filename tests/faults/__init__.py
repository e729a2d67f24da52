"""Faults: the product is killed under load, and a checker that was tested first counts what was lost."""
