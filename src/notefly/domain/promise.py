"""The invariants behind the promise, in words; `notefly verify` proves them from the store."""

INVARIANTS = {
    "I1": "every accepted message is planned for its whole audience",
    "I2": "no delivery without an accepted message and a choice",
    "I3": "one terminal state per delivery and round",
    "I4": "attempts are numbered without gaps along a delivery's lineage",
    "I5": "nothing ended without a call, and calls stay within the attempts",
    "I6": "only the newest attempt of a batch can record anything",
    "I7": "an idempotency key stands for one request and its messages",
    "I8": "what was given is what ended, moved on, or is still open",
    "I9": "whatever is open will be looked at again",
    "I10": "nobody is handed over after taking the choice back",
}
