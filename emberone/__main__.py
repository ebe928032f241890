"""``python -m emberone``: the command line."""

from emberone.cli import main

main()
