"""`python -m notefly` is `notefly`."""

from notefly.cli import main

main(prog_name="notefly")
