"""One behavioural suite for each port, run over every adapter and over wrong ones."""
