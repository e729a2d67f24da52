"""For every test."""

from importlib.util import find_spec

from hypothesis import settings

# The same examples each time: what passes on a desk passes elsewhere. `make machine` looks further.
settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.load_profile("same-each-time")

# The tier of the browser has needs of its own, which `make test-browser` sees to.
collect_ignore = [] if find_spec("playwright") else ["browser"]
