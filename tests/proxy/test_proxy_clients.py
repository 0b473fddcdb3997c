"""Third-party Python clients, unchanged, against both servers.

toxiproxy-python is a dependency of this project; chaostoolkit-toxiproxy is downloaded.
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_kit import CACHE, fetch_from_pypi, run_json
from proxy_kit import ProxyHandle, Server
from socket_kit import Upstream, exchange
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists


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
    """Return the folder of chaostoolkit-toxiproxy, with stubs of the modules that it imports."""
    folder = CACHE / "chaostoolkit"
    if not (folder / "chaostoxi").is_dir():
        fetch_from_pypi("chaostoolkit-toxiproxy==0.3.1", folder)
    (folder / "chaoslib").mkdir(exist_ok=True)
    (folder / "chaoslib" / "__init__.py").write_text("")
    (folder / "chaoslib" / "types.py").write_text("Configuration = dict\n")
    (folder / "logzero.py").write_text("import logging\nlogger = logging.getLogger()\n")
    return folder


CHAOSTOOLKIT = """
    import json, sys
    from chaostoxi.proxy import actions as proxies, probes
    from chaostoxi.toxic import actions as toxics
    conf = {"toxiproxy_host": sys.argv[1], "toxiproxy_port": sys.argv[2]}
    results = []
    record = results.append
    port = int(sys.argv[3])
    record(proxies.create_proxy("p", "127.0.0.1", port, "127.0.0.1", configuration=conf))
    record(probes.proxy_exist("p", configuration=conf))
    record(probes.proxy_exist("q", configuration=conf))
    record(toxics.create_latency_toxic("p", "late", latency=5, jitter=0, configuration=conf))
    record(toxics.create_toxic("p", "t", "timeout", "upstream", 0.5, {"timeout": 1},
                            configuration=conf))
    record(toxics.create_slicer_toxic("p", "s", 10, 2, 1, configuration=conf))
    record(toxics.create_limiter_toxic("p", "l", 100, configuration=conf))
    record(toxics.create_slow_connection_close_toxic("p", "c", 1, configuration=conf))
    record(toxics.create_bandwith_degradation_toxic("p", "b", 100, configuration=conf))
    record(toxics.delete_toxic("p", "t", configuration=conf))
    record(sorted(t["name"] for t in probes.get_proxy_attribute("p", "toxics", configuration=conf)))
    record(proxies.disable_proxy("p", configuration=conf))
    record(probes.get_proxy_attribute("p", "enabled", configuration=conf))
    record(proxies.enable_proxy("p", configuration=conf))
    record(proxies.reset(configuration=conf))
    record(probes.get_proxy_attribute("p", "toxics", configuration=conf))
    proxies.delete_proxy("p", configuration=conf)
    record(probes.proxy_exist("p", configuration=conf))
    print(json.dumps(results))
"""


def test_chaostoolkit_toxiproxy_works(server: Server, echo: Upstream, chaostoolkit: Path) -> None:
    results = run_json(
        [sys.executable, "-c", textwrap.dedent(CHAOSTOOLKIT), server.host, str(server.port),
         str(echo.port)],
        PYTHONPATH=str(chaostoolkit),
    )  # fmt: skip
    assert results == [
        True, True, False, True, True, True, True, True, True, True, ["b", "c", "l", "late", "s"],
        True, False, True, True, [], False,
    ]  # fmt: skip
