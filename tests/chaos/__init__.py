"""Tests of harness.chaos."""
