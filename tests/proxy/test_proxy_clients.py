"""Other people's clients, unchanged, against both servers.

toxiproxy-python is one of our dependencies. chaostoolkit-toxiproxy and toxiproxy-node-client are
fetched from their registries into a cache outside the repository, without their dependencies;
where that cannot be done their tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from proxy_kit import ProxyHandle, Server, Upstream, exchange
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

CACHE = Path(tempfile.gettempdir()) / f"harness-proxy-clients-{os.getuid()}"
FETCH_S = 60


@pytest.fixture
def client(server: Server) -> Iterator[Toxiproxy]:
    before = APIConsumer.host, APIConsumer.port
    toxiproxy = Toxiproxy()
    toxiproxy.update_api_consumer(server.host, server.port)
    yield toxiproxy
    APIConsumer.host, APIConsumer.port = before


def test_toxiproxy_python_manages_proxies(
    client: Toxiproxy, server: Server, echo: Upstream
) -> None:
    assert client.running()
    assert b"2.12.0" in client.version()
    upstream = f"127.0.0.1:{echo.port}"
    proxy = client.create(name="one", upstream=upstream)
    assert (proxy.name, proxy.upstream, proxy.enabled) == ("one", upstream, True)
    assert list(client.proxies()) == ["one"]
    assert client.get_proxy("one").listen == proxy.listen
    assert client.get_proxy("two") is None
    with pytest.raises(ProxyExists):
        client.create(name="one", upstream=upstream)
    handle = ProxyHandle(server, "one", proxy.listen)
    with proxy.down(), pytest.raises(ConnectionRefusedError):
        handle.connect()
    with handle.connect() as sock:
        assert exchange(sock, b"x") == b"x"
    proxy.disable()
    assert handle.show()["enabled"] is False
    assert client.reset()
    assert handle.show()["enabled"] is True
    assert client.destroy(proxy)
    assert client.proxies() == {}


def test_toxiproxy_python_manages_toxics(client: Toxiproxy, echo: Upstream) -> None:
    proxy = client.create(name="one", upstream=f"127.0.0.1:{echo.port}")
    proxy.add_toxic(type="latency", attributes={"latency": 5, "jitter": 1})
    proxy.add_toxic(name="t", type="timeout", stream="upstream", toxicity=0.5)
    assert set(proxy.toxics()) == {"latency_downstream", "t"}
    toxic = proxy.get_toxic("latency_downstream")
    assert (toxic.type, toxic.attributes) == ("latency", {"latency": 5, "jitter": 1})
    assert proxy.get_toxic("t").toxicity == 0.5
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nope")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("nope")
    assert proxy.destroy_toxic("t")
    assert set(proxy.toxics()) == {"latency_downstream"}


def test_toxiproxy_python_populates(client: Toxiproxy, echo: Upstream) -> None:
    upstream = f"127.0.0.1:{echo.port}"
    entries = [{"name": name, "upstream": upstream, "listen": "127.0.0.1:0"} for name in "ab"]
    assert [proxy.name for proxy in client.populate(entries)] == ["a", "b"]
    client.destroy_all()
    assert client.proxies() == {}


@pytest.fixture(scope="session")
def chaostoolkit() -> Path:
    """Folder of chaostoolkit-toxiproxy, with stand-ins for the two modules that it imports."""
    folder = CACHE / "chaostoolkit"
    if not (folder / "chaostoxi").is_dir():
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder,
            "--disable-pip-version-check", "chaostoolkit-toxiproxy==0.3.1",
        ]  # fmt: skip
        fetch([str(part) for part in command])
    (folder / "chaoslib").mkdir(exist_ok=True)
    (folder / "chaoslib" / "__init__.py").write_text("")
    (folder / "chaoslib" / "types.py").write_text("Configuration = dict\n")
    (folder / "logzero.py").write_text("import logging\nlogger = logging.getLogger()\n")
    return folder


def fetch(command: list[str], folder: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=FETCH_S, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"cannot fetch it: {error}")


def run_json(command: list[str], **environment: str) -> Any:
    """Run a program that prints JSON."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CHAOSTOOLKIT = """
    import json, sys
    from chaostoxi.proxy import actions as proxies, probes
    from chaostoxi.toxic import actions as toxics
    conf = {"toxiproxy_host": sys.argv[1], "toxiproxy_port": sys.argv[2]}
    said = []
    say = said.append
    say(proxies.create_proxy("p", "127.0.0.1", int(sys.argv[3]), "127.0.0.1", configuration=conf))
    say(probes.proxy_exist("p", configuration=conf))
    say(probes.proxy_exist("q", configuration=conf))
    say(toxics.create_latency_toxic("p", "late", latency=5, jitter=0, configuration=conf))
    say(toxics.create_toxic("p", "t", "timeout", "upstream", 0.5, {"timeout": 1},
                            configuration=conf))
    say(toxics.create_slicer_toxic("p", "s", 10, 2, 1, configuration=conf))
    say(toxics.create_limiter_toxic("p", "l", 100, configuration=conf))
    say(toxics.create_slow_connection_close_toxic("p", "c", 1, configuration=conf))
    say(toxics.create_bandwith_degradation_toxic("p", "b", 100, configuration=conf))
    say(toxics.delete_toxic("p", "t", configuration=conf))
    say(sorted(t["name"] for t in probes.get_proxy_attribute("p", "toxics", configuration=conf)))
    say(proxies.disable_proxy("p", configuration=conf))
    say(probes.get_proxy_attribute("p", "enabled", configuration=conf))
    say(proxies.enable_proxy("p", configuration=conf))
    say(proxies.reset(configuration=conf))
    say(probes.get_proxy_attribute("p", "toxics", configuration=conf))
    proxies.delete_proxy("p", configuration=conf)
    say(probes.proxy_exist("p", configuration=conf))
    print(json.dumps(said))
"""


def test_chaostoolkit_toxiproxy_works(server: Server, echo: Upstream, chaostoolkit: Path) -> None:
    said = run_json(
        [sys.executable, "-c", textwrap.dedent(CHAOSTOOLKIT), server.host, str(server.port),
         str(echo.port)],
        PYTHONPATH=str(chaostoolkit),
    )  # fmt: skip
    assert said == [
        True, True, False, True, True, True, True, True, True, True, ["b", "c", "l", "late", "s"],
        True, False, True, True, [], False,
    ]  # fmt: skip


@pytest.fixture(scope="session")
def node_client() -> Path:
    """Folder in which node finds toxiproxy-node-client."""
    if not shutil.which("node"):
        pytest.skip("no node")
    folder = CACHE / "node"
    if not (folder / "node_modules" / "toxiproxy-node-client").is_dir():
        npm = shutil.which("npm")
        if not npm:
            pytest.skip("no npm to fetch toxiproxy-node-client with")
        folder.mkdir(parents=True, exist_ok=True)
        fetch([npm, "install", "--no-audit", "--no-fund", "toxiproxy-node-client@4.1.0"], folder)
    return folder


NODE = """
const { Toxiproxy } = require(process.argv[1] + "/node_modules/toxiproxy-node-client");
const [url, upstream] = process.argv.slice(2);
const failure = (promise) => promise.then(() => "no error", (error) => error.constructor.name);
(async () => {
  const client = new Toxiproxy(url);
  const said = [await client.getVersion()];
  const listen = "127.0.0.1:0";
  const proxy = await client.createProxy({ name: "p", listen, upstream });
  said.push(proxy.name, proxy.enabled, proxy.upstream === upstream);
  said.push(await failure(client.createProxy({ name: "p", listen, upstream })));
  said.push(await failure(client.get("nope")));
  const attributes = { latency: 5, jitter: 1 };
  const toxic = await proxy.addToxic({ name: "late", type: "latency", attributes });
  said.push(toxic.name, toxic.stream, toxic.toxicity, toxic.attributes);
  const changed = { latency: 6, jitter: 2 };
  await toxic.update({ stream: "downstream", toxicity: 0.5, attributes: changed });
  said.push((await proxy.getToxic("late")).attributes);
  await toxic.remove();
  said.push(await failure(proxy.getToxic("late")));
  await proxy.update({ enabled: false, listen: proxy.listen, upstream });
  said.push((await client.get("p")).enabled);
  await client.reset();
  said.push((await client.get("p")).enabled);
  const more = [{ name: "a", listen, upstream }, { name: "b", listen, upstream }];
  said.push(Object.keys(await client.populate(more)).sort());
  said.push(Object.keys(await client.getAll()).sort());
  await proxy.remove();
  said.push(Object.keys(await client.getAll()).sort());
  console.log(JSON.stringify(said));
})();
"""


def test_the_node_client_works(server: Server, echo: Upstream, node_client: Path) -> None:
    said = run_json(["node", "-e", NODE, str(node_client), server.url, f"127.0.0.1:{echo.port}"])
    assert "2.12.0" in str(said[0])
    assert said[1:] == [
        "p", True, True, "ToxiproxyError", "ToxiproxyError",
        "late", "downstream", 1, {"latency": 5, "jitter": 1}, {"latency": 6, "jitter": 2},
        "ToxiproxyError", False, True, ["a", "b"], ["a", "b", "p"], ["a", "b"],
    ]  # fmt: skip
