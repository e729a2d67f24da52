"""What the scaled-out set-up does, on servers that the benchmark starts itself."""
