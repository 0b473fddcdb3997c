"""`python -m benchmarks.proxy`: all figures; with `peer`, only what the clients connect to."""

import sys

from benchmarks.proxy import main
from benchmarks.proxy._peer import peer

if __name__ == "__main__":
    if sys.argv[1:] == ["peer"]:
        peer()
    else:
        main()
