"""The product with its waits between tries in hundredths of seconds: `python -m … broker`.

The number of tries and their rule stay what they are; a night of backoff fits into a test.
"""

import sys
from datetime import timedelta
from functools import partial

from notefly.application import stride
from notefly.bootstrap import surroundings
from notefly.cli import main
from notefly.domain.outcome import RetryPolicy

HURRIED = ("-m", "tests.faults.hurried", "broker")
POLICY = partial(RetryPolicy, base=timedelta(milliseconds=50), cap=timedelta(milliseconds=400))

if __name__ == "__main__":
    setattr(surroundings, "RetryPolicy", POLICY)  # noqa: B010 - what is not exported
    stride.REST_SECONDS = 0.02
    main(sys.argv[1:], prog_name="notefly")
