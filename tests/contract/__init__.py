"""One behavioural suite for each port, run over every adapter and over wrong ones.

Where a store and a queue meet: `tests/application/test_pairs.py`. CONTRIBUTING.md has the table.
"""
