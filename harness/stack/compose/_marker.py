"""The marker file of a Compose project, apart from `_project` so that no Docker SDK is imported."""

MARKER = "compose.project"
"""A file in the state directory with the project's name. While it exists, the engine may have
containers, networks or volumes of the project."""
