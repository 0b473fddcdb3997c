"""How a process ended, in words."""

_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 9: "SIGKILL"}
_SIGNALS |= {7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}


def exit_text(code: int | None) -> str:
    """How a process ended, for people: `exit status 1`, `killed by SIGKILL`."""
    if code is None:
        return "not known"
    if code >= 0:
        return f"exit status {code}"
    return f"killed by {_SIGNALS.get(-code, f'signal {-code}')}"
