"""Entry point of `python -m harness.proxy`; see `harness.proxy`."""

import sys

from harness.proxy._main import main

if __name__ == "__main__":
    sys.exit(main())
