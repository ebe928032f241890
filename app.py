"""``python app.py``: the whole product on this machine, as `emberone up`."""

import sys

from emberone.cli import main

if __name__ == "__main__":
    main(["up", *sys.argv[1:]])
