"""Tests of experiments.journeys."""
