"""Benchmarks; `make bench` runs them all. Comparisons are ratios measured in the same run."""
