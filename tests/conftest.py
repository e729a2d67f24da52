"""For every test."""

from hypothesis import settings

# The same examples each time: what passes on a desk passes elsewhere. `make machine` looks further.
settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.load_profile("same-each-time")
