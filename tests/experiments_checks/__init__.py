"""Tests of experiments.checks."""
