"""The exit status of a process as text."""

_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 9: "SIGKILL"}
_SIGNALS |= {7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}


def exit_text(code: int | None) -> str:
    """Return text for an exit code: `exit status 1`, or for -9 `killed by SIGKILL`."""
    if code is None:
        return "exit status unknown"
    if code >= 0:
        return f"exit status {code}"
    return f"killed by {_SIGNALS.get(-code, f'signal {-code}')}"
