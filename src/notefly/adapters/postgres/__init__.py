"""The store on PostgreSQL: many brokers and workers on one record.

Known weaknesses: a commit that accepts and one that records each hold a counter while they are
flushed, so across processes these flushes follow one another; what waits meanwhile is grouped.
A pooler that shares sessions between transactions (pgbouncer) does not know prepared statements.
"""
