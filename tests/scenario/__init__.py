"""Tests of harness.scenario."""
