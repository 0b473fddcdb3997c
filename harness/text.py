"""Text from elsewhere, such as a service's answer, made safe to print as one line."""

_UNREADABLE = "\ufffd"


def one_line(text: str) -> str:
    """Return `text` as one line that a terminal and the log of a CI job only show.

    White space is collapsed, and control characters are replaced. A CI job obeys lines that begin
    with `::` and lines with `##[`; a space between the characters prevents that.
    """
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else _UNREADABLE for c in line).replace("##[", "## [")
    return f": {line[1:]}" if line.startswith("::") else line
