"""One module for each peer; it runs in that peer's own environment, which holds nothing of ours."""
