"""`python -m customhouse` is the command line."""

from customhouse.cli import main

main()
