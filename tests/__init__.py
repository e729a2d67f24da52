"""Tests of Notefly, from units to processes; `make test` runs the fast ones."""
