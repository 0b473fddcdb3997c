"""Text from elsewhere, printed as one line."""

import pytest

from harness.text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("gate 3 is closed", "gate 3 is closed"),
        ("a\n\n b\r\tc\u2028d ", "a b c d"),
        ("a\n::error::b", "a ::error::b"),  # obeyed at the beginning of a line only
        ("\n ::error::b", ": :error::b"),
        ("a ##[error]b", "a ## [error]b"),
        ("\x1b[31mred\x07", "\ufffd[31mred\ufffd"),
        ("half \ud800", "half \ufffd"),
        ("", ""),
    ],
)
def test_a_text_becomes_one_line_that_is_only_shown(text: str, line: str) -> None:
    assert one_line(text) == line
