"""Validation errors of users' files as one line per problem, with place and cure."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError

from ._model import Model

_WANTED = {
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "string_type": "must be text; put quotes around it",
    "bool_type": "must be true or false",
}
"""Pydantic's error types, with messages in the terms of YAML instead of Python."""

_PATTERNS = {
    "^[a-z0-9_]+$": "must be lowercase letters, digits and _ only",
    r"^[A-Za-z_][\w.]*$": "must be a module name, such as experiments.journeys",
    "^/": "must be a path that begins with /",
}
"""Regular expressions of fields, with messages that say what they require."""


def one_line_problems(
    place: str, error: ValidationError, model: type[Model] | None = None
) -> Iterator[str]:
    """Yield each problem of a validation as one line, `place: key.path: problem; cure`.

    Args:
        place: the file, or another name of what was validated.
        error: the result of the validation.
        model: the model that was validated, for suggesting the key that was meant.
    """
    for problem in error.errors():
        keys = _keys(problem["loc"])
        key = ".".join(keys)
        text = problem["msg"].removeprefix("Value error, ")
        error_type = problem["type"]
        if error_type == "extra_forbidden":
            near = get_close_matches(keys[-1], _known(model, keys[:-1]), n=1)
            cure = f"did you mean {near[0]}?" if near else "harness schema lists the keys"
            text = f"unknown key; {cure}"
        elif error_type == "missing":
            text = "is missing; add it"
        elif error_type == "json_invalid":
            text = f"is damaged: {text}"
        elif error_type != "value_error":
            wanted = _PATTERNS.get(problem.get("ctx", {}).get("pattern", "")) or _WANTED.get(
                error_type
            )
            text = f"{wanted or text}; it is {_value_text(problem['input'])}"
        line = f"{place}: {key}: {text}" if key else f"{place}: {text}"
        yield " ".join(line.split())


def _value_text(value: Any) -> str:
    """Return `value` in Python's notation, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys as in the file; pydantic adds a step's type after its number."""
    keys = tuple(str(part) for part in location)
    return keys[:2] + keys[3:] if keys[:1] == ("timeline",) else keys


def _known(model: type[Model] | None, place: Sequence[str]) -> list[str]:
    """Return the keys that are allowed at `place` in a `model`."""
    models = {model} if model is not None else set()
    for part in place:
        fields = [
            f for m in models for name, f in m.model_fields.items() if part in (name, f.alias)
        ]
        if fields:  # otherwise `part` is the number of an item
            models = {inner for field in fields for inner in _models(field.annotation)}
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[Model]]:
    """Yield the models in `annotation`, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
