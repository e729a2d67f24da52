-- When changes of choices were durable: one row for a commit that moved the epoch, however often.
-- An epoch without a row of its own became durable with the next one that has.
CREATE TABLE epoch (number INTEGER PRIMARY KEY, at INTEGER NOT NULL);
