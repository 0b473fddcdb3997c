"""The JSON Schema of scenario files, with every fault type and check that a stack has.

Editors use it to complete and validate `*.scenario.yaml`. It is generated from the models.
"""

import os
from pathlib import Path
from typing import Any

from harness import chaos, checks
from harness.scenario import Scenario, Target
from harness.stack import read_stack

from ._prepare import import_checks


def scenario_schema(directory: Path) -> dict[str, Any]:
    """Return the schema for scenarios of the stack in `directory`.

    Without a stack there, the names of links and services are not restricted.

    Raises:
        UsageError: the stack's file is wrong, or a check module cannot be imported.
    """
    links: list[str] = []
    services: list[str] = []
    if any(directory.glob("*compose.y*ml")):
        spec = read_stack(directory, os.environ)
        import_checks(spec)
        links, services = list(spec.links), list(spec.services)
    schema = Scenario.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    step = definitions["FaultStep"]
    step["allOf"] = [
        _if_equals(
            "fault", name, "with", _define(definitions, f"fault-{name}", model.model_json_schema())
        )
        for name, model in sorted(chaos.FAULT_TYPES.items())
    ]
    step["properties"]["fault"]["enum"] = sorted(chaos.FAULT_TYPES)
    definitions["Expectation"] = {
        "description": definitions["Expectation"].get("description", ""),
        "anyOf": [form for name, model in sorted(checks.CHECKS.items()) for form in _forms(
            name, _define(definitions, f"check-{name}", model.model_json_schema()))],
    }  # fmt: skip
    if services:
        target = definitions[Target.__name__]["properties"]
        for key, names in (("link", links), ("service", services)):
            one = {"enum": names}
            target[key]["anyOf"] = [one, {"type": "array", "items": one}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _define(definitions: dict[str, Any], name: str, schema: dict[str, Any]) -> dict[str, str]:
    """Add a model's schema to `definitions` and return a reference to it."""
    definitions.update(schema.pop("$defs", {}))
    definitions[name] = schema
    return {"$ref": f"#/$defs/{name}"}


def _if_equals(key: str, value: str, then: str, schema: dict[str, str]) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": value}}, "required": [key]},
        "then": {"properties": {then: schema}},
    }


def _forms(name: str, schema: dict[str, str]) -> list[dict[str, Any]]:
    """Return schemas for the three forms in which an expectation may be written."""
    return [
        {"const": name},
        {
            "type": "object",
            "properties": {name: {"anyOf": [schema, {"type": "null"}]}},
            "required": [name],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"check": {"const": name}, "name": {"type": "string"}, "params": schema},
            "required": ["check"],
            "additionalProperties": False,
        },
    ]
