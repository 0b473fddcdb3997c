"""toxiproxy.json, which `docker compose up` by hand uses, has the links of the Compose file."""

import json
import os
from pathlib import Path

from harness.stack import read_stack

ROOT = Path(__file__).parents[2]


def test_toxiproxy_json_has_the_links_of_the_compose_file() -> None:
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
