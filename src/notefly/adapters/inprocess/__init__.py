"""What one process needs no server for."""
