"""Figures, as ratios in one run where two things are compared. `make bench` prints them all."""
