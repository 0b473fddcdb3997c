"""Run the proxy server: `python -m harness.proxy`. `harness.proxy` describes it."""

import sys

from harness.proxy._main import main

if __name__ == "__main__":
    sys.exit(main())
