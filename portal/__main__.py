"""`python -m portal`: the same as the `upkeep` command."""

from portal.cli import main

main()
