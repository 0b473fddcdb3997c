"""`python -m benchmarks [NAME...]`: run the benchmarks named, or all, one after the other."""

import sys

from . import judge, load, proxy, stack

_ALL = {"stack": stack.main, "load": load.main, "judge": judge.main, "proxy": proxy.main}


def main(names: list[str]) -> int:
    """Run the benchmarks `names`, or all if empty; return the exit code."""
    unknown = [name for name in names if name not in _ALL]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(_ALL)}")
        return 2
    for name in names or _ALL:
        print(f"== {name}", flush=True)
        _ALL[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
