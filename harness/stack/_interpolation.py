"""Interpolation of variables in a Compose file, as Compose does it, with one difference.

`$X`, `${X}`, `${X:-default}`, `${X-default}`, `${X:?error}`, `${X?error}`, `${X:+instead}`,
`${X+instead}` and `$$` are supported; a default may contain variables. Compose replaces an unset
variable by the empty string and only warns. Here it is an error, because a service that starts
with half an address fails much later, with a message that does not name the variable.
"""

import re
from collections.abc import Mapping
from typing import Any

from ._problems import Key, Problems

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


def interpolate(value: Any, environment: Mapping[str, str], problems: Problems, at: Key) -> Any:
    """Return `value` with the variables in all its strings replaced; keys stay as they are.

    A variable that cannot be replaced is added to `problems`; `at` is the key of `value`.
    """
    if isinstance(value, str):
        try:
            return expand(value, environment)
        except ValueError as error:
            problems.add(at, str(error))
            return value
    if isinstance(value, dict):
        return {
            key: interpolate(item, environment, problems, (*at, str(key)))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            interpolate(item, environment, problems, (*at, number))
            for number, item in enumerate(value)
        ]
    return value


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced.

    Raises:
        ValueError: a variable is unset, required by `:?`, or malformed; the text has the cure.
    """
    done, rest = [], text
    while "$" in rest:
        before, _, rest = rest.partition("$")
        done.append(before)
        if rest.startswith("$"):
            done.append("$")
            rest = rest[1:]
        elif rest.startswith("{"):
            inside, rest = _braced(rest, text)
            done.append(_substitute(inside, environment, text))
        elif name := _NAME.match(rest):
            done.append(_value(name.group(), environment))
            rest = rest[name.end() :]
        else:
            raise ValueError(f"{text!r} has a single $; write $$ for a dollar sign")
    return "".join(done) + rest


def _braced(rest: str, text: str) -> tuple[str, str]:
    """Return the text between the `{` at the start of `rest` and its `}`, and the text after it."""
    depth = 0
    for position, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:position], rest[position + 1 :]
    raise ValueError(f"{text!r} has ${{ without }}; add the }}")


def _substitute(inside: str, environment: Mapping[str, str], text: str) -> str:
    name = _NAME.match(inside)
    if name is None:
        raise ValueError(f"{text!r} has ${{{inside}}}, which names no variable; write ${{NAME}}")
    variable, rest = name.group(), inside[name.end() :]
    if not rest:
        return _value(variable, environment)
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise ValueError(f"${{{inside}}} is malformed; write ${{NAME}} or ${{NAME:-default}}")
    sign, word = operator.group(), rest[operator.end() :]
    is_set = bool(environment.get(variable)) if sign[0] == ":" else variable in environment
    if sign[-1] == "+":
        return expand(word, environment) if is_set else ""
    if is_set:
        return environment[variable]
    if sign[-1] == "-":
        return expand(word, environment)
    reason = f" ({expand(word, environment)})" if word else ""
    raise ValueError(f"${{{variable}}} must be set{reason}; export {variable} or put it in .env")


def _value(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise ValueError(f"${{{name}}} is not set; export it, or write ${{{name}:-default}}")
    return environment[name]
