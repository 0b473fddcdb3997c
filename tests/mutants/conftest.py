"""Keeps pytest from collecting the scenarios here, which the tests run with and without bugs."""

collect_ignore_glob = ["scenarios/*"]
