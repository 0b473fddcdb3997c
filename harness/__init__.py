"""Chaos tests for services that depend on one data center.

    Stack + Scenario --run--> History --checks--> Verdicts --> report, gate, pytest, exit code

Each noun has a room of its own: `scenario` (what is to happen), `stack` (what it happens to),
`chaos` (faults), `load` (travellers, customers), `history` (what happened), `checks` (what it
means), `report` (how it is told), and `run`, which walks the arrow. Nothing in here knows the
system under test; everything that does is named by the stack's Compose file.
"""

__version__ = "0.1.0"
