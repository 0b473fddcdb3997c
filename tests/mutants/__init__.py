"""Planted bugs: each check is shown to find the bugs that it is there for."""
