"""Find the first syntax error of a JSON text and describe it with the text of Go's scanner.

    syntax_error(b'{"name" 1}')         ("invalid character '1' after object key", 8)

Used only for bodies that Python's parser has rejected, so the code favors clarity over speed.
"""

from typing import Final

_SPACE: Final = b" \t\r\n"
_DIGITS: Final = b"0123456789"


class _FoundError(Exception):
    """Ends the scan; its text is the description of the syntax error."""


def syntax_error(body: bytes) -> tuple[str, int]:
    """Return Go's text for the first syntax error of a JSON text, and its byte offset."""
    scanner = _Scanner(body)
    message = "unexpected EOF"
    try:
        scanner.value()
    except _FoundError as error:
        message = str(error)
    except RecursionError:
        message = "exceeded max depth"
    return message, scanner.at


class _Scanner:
    """A recursive-descent parser that discards values and stops at the first error."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def value(self) -> None:
        byte = self._peek_past_space()
        if byte == ord("{"):
            self._object()
        elif byte == ord("["):
            self._array()
        elif byte == ord('"'):
            self._string()
        elif byte == ord("-") or byte in _DIGITS:
            self._number()
        elif byte in b"tfn":
            self._literal({ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}[byte])
        else:
            self._fail("looking for beginning of value")

    def _object(self) -> None:
        self.at += 1
        if self._peek_past_space() == ord("}"):
            self.at += 1
            return
        while True:
            if self._peek_past_space() != ord('"'):
                self._fail("looking for beginning of object key string")
            self._string()
            if self._peek_past_space() != ord(":"):
                self._fail("after object key")
            self.at += 1
            self.value()
            byte = self._peek_past_space()
            if byte not in b",}":
                self._fail("after object key:value pair")
            self.at += 1
            if byte == ord("}"):
                return

    def _array(self) -> None:
        self.at += 1
        if self._peek_past_space() == ord("]"):
            self.at += 1
            return
        while True:
            self.value()
            byte = self._peek_past_space()
            if byte not in b",]":
                self._fail("after array element")
            self.at += 1
            if byte == ord("]"):
                return

    def _string(self) -> None:
        self.at += 1
        while (byte := self._peek()) != ord('"'):
            if byte < 0x20:
                self._fail("in string literal")
            self.at += 1
            if byte != ord("\\"):
                continue
            if (code := self._peek()) not in b'bfnrt\\/"u':
                self._fail("in string escape code")
            self.at += 1
            for _ in range(4 if code == ord("u") else 0):
                if self._peek() not in b"0123456789abcdefABCDEF":
                    self._fail("in \\u hexadecimal character escape")
                self.at += 1
        self.at += 1

    def _number(self) -> None:
        if self._peek() == ord("-"):
            self.at += 1
            if self._peek() not in _DIGITS:
                self._fail("in numeric literal")
        if self._peek() == ord("0"):
            self.at += 1
        else:
            self._digits()
        if self._skip_one_of(b"."):
            if self._peek() not in _DIGITS:
                self._fail("after decimal point in numeric literal")
            self._digits()
        if self._skip_one_of(b"eE"):
            self._skip_one_of(b"+-")
            if self._peek() not in _DIGITS:
                self._fail("in exponent of numeric literal")
            self._digits()

    def _digits(self) -> None:
        while self._skip_one_of(_DIGITS):
            pass

    def _literal(self, literal: bytes) -> None:
        for expected in literal:
            if self._peek() != expected:
                self._fail(f"in literal {literal.decode()} (expecting {_quoted(expected)})")
            self.at += 1

    def _skip_one_of(self, wanted: bytes) -> bool:
        """Skip the next byte if it is one of `wanted`; return whether it was."""
        if self.at < len(self._body) and self._body[self.at] in wanted:
            self.at += 1
            return True
        return False

    def _peek(self) -> int:
        if self.at >= len(self._body):
            raise _FoundError("unexpected EOF")
        return self._body[self.at]

    def _peek_past_space(self) -> int:
        while self._peek() in _SPACE:
            self.at += 1
        return self._peek()

    def _fail(self, context: str) -> None:
        raise _FoundError(f"invalid character {_quoted(self._peek())} {context}")


def _quoted(byte: int) -> str:
    """Return a byte as a quoted Go character literal."""
    special = {
        ord("'"): r"\'", ord('"'): '"', ord("\\"): r"\\", 7: r"\a", 8: r"\b", 12: r"\f",
        10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v",
    }  # fmt: skip
    if byte in special:
        return f"'{special[byte]}'"
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    if 0x80 <= byte < 0xA1 or byte == 0xAD:
        return f"'\\u{byte:04x}'"
    return f"'{chr(byte)}'"
