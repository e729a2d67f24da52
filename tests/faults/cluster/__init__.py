"""The promise under faults of the cluster: many brokers and workers, PostgreSQL, NATS."""
