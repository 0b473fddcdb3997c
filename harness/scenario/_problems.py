"""What is wrong with something that a person wrote: one line a problem, with place and cure."""

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
"""What pydantic says in Python's words, in YAML's."""

_SHAPES = {
    "^[a-z0-9_]+$": "must be small letters, digits and _ only",
    r"^[A-Za-z_][\w.]*$": "must be a module's name, as in experiments.journeys",
    "^/": "must be a path that begins with /",
}
"""What a pattern wants, for people."""


def one_line_problems(
    place: str, error: ValidationError, model: type[Model] | None = None
) -> Iterator[str]:
    """Each problem of a validation as `place: key.path: what is wrong`, on one line.

    With the `model` that was validated, a misspelt key is told with the one that was meant.
    """
    for problem in error.errors():
        keys = _keys(problem["loc"])
        key = ".".join(keys)
        text = problem["msg"].removeprefix("Value error, ")
        kind = problem["type"]
        if kind == "extra_forbidden":
            near = get_close_matches(keys[-1], _known(model, keys[:-1]), n=1)
            cure = f"did you mean {near[0]}?" if near else "harness schema lists the keys"
            text = f"unknown key; {cure}"
        elif kind == "missing":
            text = "is missing; add it"
        elif kind == "json_invalid":
            text = f"is damaged: {text}"
        elif kind != "value_error":
            wanted = _SHAPES.get(problem.get("ctx", {}).get("pattern", "")) or _WANTED.get(kind)
            text = f"{wanted or text}; it is {_shown(problem['input'])}"
        shown = f"{place}: {key}: {text}" if key else f"{place}: {text}"
        yield " ".join(shown.split())


def _shown(value: Any) -> str:
    """`value` as far as it helps to find it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys as they are written; pydantic adds the kind of a step behind its number."""
    keys = tuple(str(part) for part in location)
    return keys[:2] + keys[3:] if keys[:1] == ("timeline",) else keys


def _known(model: type[Model] | None, place: Sequence[str]) -> list[str]:
    """The keys that may stand at `place` in a `model`."""
    models = {model} if model is not None else set()
    for part in place:
        fields = [
            f for m in models for name, f in m.model_fields.items() if part in (name, f.alias)
        ]
        if fields:  # else it is the number of an item
            models = {inner for field in fields for inner in _models(field.annotation)}
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[Model]]:
    """The models that `annotation` names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
