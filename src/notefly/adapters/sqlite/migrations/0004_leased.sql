-- What is leased right now: a few batches, however many wait. Looked at every other second.
CREATE INDEX batch_leased ON batch (lease_until) WHERE state = 1;
