"""`docker compose up` by hand has the links that the harness has: toxiproxy.json follows them."""

import json
import os
from pathlib import Path

from harness.stack import read_stack

ROOT = Path(__file__).parents[2]


def test_the_links_that_toxiproxy_reads_are_those_of_the_stack_file() -> None:
    spec = read_stack(ROOT, os.environ)
    written = json.loads((ROOT / "toxiproxy.json").read_text())
    assert written == [
        {
            "name": link.name,
            "listen": f"0.0.0.0:{link.listen}",
            "upstream": f"{link.target}:{spec.services[link.target].port}",
            "enabled": True,
        }
        for link in spec.links.values()
    ]
