"""The scenarios here are run by the tests, with bugs and without, and not collected as they are."""

collect_ignore_glob = ["scenarios/*"]
