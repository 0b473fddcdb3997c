"""`python -m benchmarks.proxy` runs all measurements; with `peer`, only the peer process."""

import sys

from benchmarks.proxy import main
from benchmarks.proxy._peer import peer

if __name__ == "__main__":
    if sys.argv[1:] == ["peer"]:
        peer()
    else:
        main()
