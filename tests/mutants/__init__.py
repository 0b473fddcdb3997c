"""Planted bugs: what the checks are worth is shown by what they find."""
