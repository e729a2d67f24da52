"""What Notefly promises in figures, measured: `python -m benchmarks`, see README.md."""
