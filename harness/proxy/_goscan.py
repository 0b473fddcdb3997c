"""Describes the first fault of an invalid JSON text in the words of Go's scanner.

It runs only on bodies that Python's parser has refused, so it is written for clarity, not speed.
"""

from typing import Final

_SPACE: Final = b" \t\r\n"
_DIGITS: Final = b"0123456789"


class _SyntaxFault(Exception):  # noqa: N818  (not an error: it carries the result)
    pass


def syntax_error(body: bytes) -> tuple[str, int]:
    """Return Go's description of the first fault of a JSON text, and its offset in bytes."""
    scanner = _Scanner(body)
    problem = "unexpected EOF"
    try:
        scanner.value()
    except _SyntaxFault as fault:
        problem = str(fault)
    except RecursionError:
        problem = "exceeded max depth"
    return problem, scanner.at


class _Scanner:
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
            self._word({ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}[byte])
        else:
            self._fault("looking for beginning of value")

    def _object(self) -> None:
        self.at += 1
        if self._peek_past_space() == ord("}"):
            self.at += 1
            return
        while True:
            if self._peek_past_space() != ord('"'):
                self._fault("looking for beginning of object key string")
            self._string()
            if self._peek_past_space() != ord(":"):
                self._fault("after object key")
            self.at += 1
            self.value()
            byte = self._peek_past_space()
            if byte not in b",}":
                self._fault("after object key:value pair")
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
                self._fault("after array element")
            self.at += 1
            if byte == ord("]"):
                return

    def _string(self) -> None:
        self.at += 1
        while (byte := self._peek()) != ord('"'):
            if byte < 0x20:
                self._fault("in string literal")
            self.at += 1
            if byte != ord("\\"):
                continue
            if (code := self._peek()) not in b'bfnrt\\/"u':
                self._fault("in string escape code")
            self.at += 1
            for _ in range(4 if code == ord("u") else 0):
                if self._peek() not in b"0123456789abcdefABCDEF":
                    self._fault("in \\u hexadecimal character escape")
                self.at += 1
        self.at += 1

    def _number(self) -> None:
        if self._peek() == ord("-"):
            self.at += 1
            if self._peek() not in _DIGITS:
                self._fault("in numeric literal")
        if self._peek() == ord("0"):
            self.at += 1
        else:
            self._digits()
        if self._next_is(b"."):
            if self._peek() not in _DIGITS:
                self._fault("after decimal point in numeric literal")
            self._digits()
        if self._next_is(b"eE"):
            self._next_is(b"+-")
            if self._peek() not in _DIGITS:
                self._fault("in exponent of numeric literal")
            self._digits()

    def _digits(self) -> None:
        while self._next_is(_DIGITS):
            pass

    def _word(self, word: bytes) -> None:
        for expected in word:
            if self._peek() != expected:
                self._fault(f"in literal {word.decode()} (expecting {_quoted(expected)})")
            self.at += 1

    def _next_is(self, wanted: bytes) -> bool:
        if self.at < len(self._body) and self._body[self.at] in wanted:
            self.at += 1
            return True
        return False

    def _peek(self) -> int:
        if self.at >= len(self._body):
            raise _SyntaxFault("unexpected EOF")
        return self._body[self.at]

    def _peek_past_space(self) -> int:
        while self._peek() in _SPACE:
            self.at += 1
        return self._peek()

    def _fault(self, where: str) -> None:
        raise _SyntaxFault(f"invalid character {_quoted(self._peek())} {where}")


def _quoted(byte: int) -> str:
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
