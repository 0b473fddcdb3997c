"""Chaos tests for services that depend on one data center.

    Stack + Scenario --run--> History --checks--> Verdicts --> report, gate, pytest, exit code

Each noun has a room (a package) of its own: `scenario` describes load, faults and expectations;
`stack` the services and where they run; `chaos` injects, verifies and heals faults; `load` sends
requests; `history` records events; `checks` turn a history into verdicts; `report` presents
them. `run` is the pipeline that connects these. Nothing in this package depends on the system
under test; the stack's Compose file names everything that does.
"""

__version__ = "0.1.0"
