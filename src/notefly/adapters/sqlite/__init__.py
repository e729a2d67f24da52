"""The embedded engine: one SQLite file, one writer, any number of readers.

Known limits: one process owns the file (a lock says so); writes go through one thread, which is
the ceiling of its speed; a reader that stays in one transaction for long keeps the WAL growing.
"""
