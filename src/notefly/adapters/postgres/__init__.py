"""The store on PostgreSQL, and what many brokers and workers on it need of each other.

Known weaknesses: a commit that accepts and one that records each hold a counter while they are
flushed, so across processes these flushes follow one another; what waits meanwhile is grouped.
A pooler that shares sessions between transactions (pgbouncer) knows neither prepared statements,
nor who listens, nor who holds the lock of the leader.
"""
