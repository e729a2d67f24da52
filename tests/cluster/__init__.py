"""The scaled-out set-up as processes: PostgreSQL, NATS, brokers, workers, doors between them."""
