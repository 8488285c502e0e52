"""`python -m kvcluster` is the command `kvcluster`."""

from kvcluster.cli import main

main()
