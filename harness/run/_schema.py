"""The JSON Schema of scenario files, with every fault and check that a stack knows.

Editors complete and check `*.scenario.yaml` with it; it is generated, never written.
"""

import os
from pathlib import Path
from typing import Any

from harness import chaos, checks
from harness.scenario import Scenario, Target
from harness.stack import read_stack

from ._prepare import import_checks


def scenario_schema(directory: Path) -> dict[str, Any]:
    """The schema for scenarios of the stack in `directory`; generic where there is no stack.

    Raises:
        UsageError: the stack's file or its check modules are wrong.
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
        _when("fault", name, "with", _own(definitions, f"fault-{name}", model.model_json_schema()))
        for name, model in sorted(chaos.FAULT_TYPES.items())
    ]
    step["properties"]["fault"]["enum"] = sorted(chaos.FAULT_TYPES)
    definitions["Expectation"] = {
        "description": definitions["Expectation"].get("description", ""),
        "anyOf": [form for name, model in sorted(checks.CHECKS.items()) for form in _forms(
            name, _own(definitions, f"check-{name}", model.model_json_schema()))],
    }  # fmt: skip
    if services:
        target = definitions[Target.__name__]["properties"]
        for key, names in (("link", links), ("service", services)):
            one = {"enum": names}
            target[key]["anyOf"] = [one, {"type": "array", "items": one}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _own(definitions: dict[str, Any], name: str, schema: dict[str, Any]) -> dict[str, str]:
    """Put a model's schema among `definitions` and return the reference to it."""
    definitions.update(schema.pop("$defs", {}))
    definitions[name] = schema
    return {"$ref": f"#/$defs/{name}"}


def _when(key: str, value: str, then: str, schema: dict[str, str]) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": value}}, "required": [key]},
        "then": {"properties": {then: schema}},
    }


def _forms(name: str, schema: dict[str, str]) -> list[dict[str, Any]]:
    """The three ways in which an expectation may be written."""
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
