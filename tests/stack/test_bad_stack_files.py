"""Invalid stack files: every problem is one line, with file, key and cure.

Each case is the valid file below with one edit, and the line that must be reported.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import ExitCode, UsageError
from harness.stack import read_stack

VALID = """\
x-harness:
  toxiproxy: toxiproxy
  links:
    shop-bank: {from: shop, to: bank, listen: 21001}
services:
  toxiproxy: {image: toxiproxy}
  shop:
    image: shop
    environment: {BANK: "http://toxiproxy:21001", NAME: shop}
    volumes: ["shop-data:/data"]
    depends_on: {bank: {condition: service_healthy}}
    x-harness:
      site: street
      command: [sh, shop.sh]
      port: 8000
      health: /health
  bank:
    image: bank
    x-harness:
      site: center
      app: bank:app
      port: 9000
volumes: {shop-data: {}}
"""


@dataclass(frozen=True)
class Case:
    name: str
    old: str
    new: str
    expected: str


CASES = [
    Case("tab", "services:\n", "services:\n\t", "line 6: is not YAML: found character '\\t'"),
    Case("open_bracket", "[sh, shop.sh]", "[sh, shop.sh", "is not YAML"),
    Case("not_a_mapping", VALID, "- shop\n- bank\n", "must be a mapping with `services:`"),
    Case("empty", VALID, "", "must be a mapping with `services:`"),
    Case("key_twice", "      port: 9000", "      port: 9000\n      port: 9001",
         "line 23: key 'port' is a duplicate; remove or rename one"),
    Case("service_twice", "volumes: {shop-data: {}}", "volumes: {shop-data: {}}\nservices: {}",
         "line 24: key 'services' is a duplicate"),
    Case("impossible_date", "NAME: shop", "NAME: 2024-13-45", "line 9: 2024-13-45 is "
         "not a possible timestamp (month must be in 1..12); correct it, or put quotes around it"),
    Case("number_of_5000_digits", "NAME: shop", f"NAME: {'7' * 5000}",
         f"line 9: {'7' * 30}... is not a possible int (it is too long); correct it, or"),
    Case("number_of_5000_hexadecimal_digits", "port: 8000", f"port: 0x{'7' * 5000}",
         "... is not a possible int (the number is too large)"),
    Case("bool_by_tag", "NAME: shop", "NAME: !!bool perhaps", "perhaps is not a possible bool"),
    Case("deep_nesting", "[sh, shop.sh]", "[" * 5000 + "]" * 5000,
         "line 14: is nested in more than 100 levels; write it flatter"),
    Case("deep_aliases", VALID, "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300)),
         "line 100: is nested in more than 100 levels"),
    Case("alias_bomb", VALID, "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
         "its aliases stand for more than 100000 values; write fewer"),
    Case("alias_of_itself", "[sh, shop.sh]", "&a [sh, *a]", "alias *a stands inside its own value"),
    Case("endless_grace_period", "    image: shop\n",
         "    image: shop\n    stop_grace_period: 99999999h\n",
         "services.shop.stop_grace_period: is longer than a hundred years; write a shorter"),
    Case("infinite_grace_period", "    image: shop\n",
         f"    image: shop\n    stop_grace_period: {'9' * 400}h\n",
         "services.shop.stop_grace_period: is longer than a hundred years"),
    Case("infinite_disk", "port: 8000", f"port: 8000\n      disk: {'9' * 400}MB", "disk: "),
    Case("no_harness_block", VALID, "services: {a: {image: b}}", "x-harness: is missing; add it"),
    Case("no_services", VALID, "x-harness: {}", "services: must map names to services"),
    Case("service_not_a_mapping", "toxiproxy: {image: toxiproxy}", "toxiproxy: image",
         "services.toxiproxy: must be a mapping"),
    Case("unset_variable", "NAME: shop", 'NAME: "${NAME_OF_SHOP}"',
         "services.shop.environment.NAME: ${NAME_OF_SHOP} is not set; export it, or write "
         "${NAME_OF_SHOP:-default}"),
    Case("required_variable", "NAME: shop", 'NAME: "${NAME_OF_SHOP:?choose one}"',
         "services.shop.environment.NAME: ${NAME_OF_SHOP} must be set (choose one); export"),
    Case("single_dollar", "NAME: shop", 'NAME: "5 $"',
         "services.shop.environment.NAME: '5 $' has a single $; write $$"),
    Case("open_brace", "NAME: shop", 'NAME: "${NAME"', "'${NAME' has ${ without }; add the }"),
    Case("no_variable_name", "NAME: shop", 'NAME: "${-x}"', "names no variable; write ${NAME}"),
    Case("bad_operator", "NAME: shop", 'NAME: "${NAME%x}"', "is malformed; write ${NAME} or"),
    Case("unknown_key_in_stack", "  toxiproxy: toxiproxy\n", "  toxyproxy: toxiproxy\n",
         "x-harness.toxyproxy: unknown key; the known keys are toxiproxy, experiments"),
    Case("unknown_key_in_service", "health: /health", "helth: /health",
         "services.shop.x-harness.helth: unknown key; the known keys are site, app"),
    Case("unknown_key_in_link", "listen: 21001}", "listen: 21001, via: x}",
         "x-harness.links.shop-bank.via: unknown key; the known keys are from, to, listen"),
    Case("links_not_a_mapping", "    shop-bank: {from: shop, to: bank, listen: 21001}",
         "    - shop-bank", "x-harness.links: must be a mapping of names"),
    Case("link_without_target", "to: bank, listen", "listen",
         "x-harness.links.shop-bank.to: is missing; it must be the name of a service"),
    Case("link_without_listen", ", listen: 21001}", "}",
         "x-harness.links.shop-bank.listen: is missing; it must be a port, 1 to 65535"),
    Case("link_with_bad_listen", "listen: 21001}", "listen: 99999}",
         "x-harness.links.shop-bank.listen: must be a port, 1 to 65535"),
    Case("link_with_bad_name", "    shop-bank:", "    shop/bank:",
         "must be a mapping of names (letters, digits, - _ .)"),
    Case("link_from_unknown", "from: shop, to", "from: shoop, to",
         "x-harness.links.shop-bank.from: no service with an x-harness: block is called "
         "'shoop'; the services with one are: bank, shop"),
    Case("link_to_unknown", "to: bank, listen", "to: bnak, listen",
         "x-harness.links.shop-bank.to: no service with an x-harness: block is called 'bnak'"),
    Case("link_to_toxiproxy", "to: bank, listen", "to: toxiproxy, listen",
         "x-harness.links.shop-bank.to: no service with an x-harness: block is called"),
    Case("link_to_itself", "to: bank, listen", "to: shop, listen",
         "x-harness.links.shop-bank.to: 'shop' is also the link's from:; change one"),
    Case("same_listen", "listen: 21001}",
         "listen: 21001}\n    bank-shop: {from: bank, to: shop, listen: 21001}",
         "x-harness.links.bank-shop.listen: 21001 is already the port of link shop-bank; choose "
         "another"),
    Case("same_ends", "listen: 21001}",
         "listen: 21001}\n    again: {from: shop, to: bank, listen: 21002}",
         "x-harness.links.again: link shop-bank already leads from shop to bank; remove one"),
    Case("link_not_used", "http://toxiproxy:21001", "http://example.org",
         "services.shop.environment: does not contain toxiproxy:21001, where link shop-bank "
         "listens"),
    Case("no_such_link", "NAME: shop", "NAME: toxiproxy:21009",
         "services.shop.environment.NAME: no link listens on toxiproxy:21009; add one"),
    Case("link_of_other_service", "    image: bank\n", "    environment: [X=toxiproxy:21001]\n",
         "services.bank.environment.X: toxiproxy:21001 is link shop-bank, whose from: is shop; add "
         "a link from bank"),
    Case("direct_address", "NAME: shop", "NAME: bank:9000",
         "services.shop.environment.NAME: has the direct address of bank, which bypasses every "
         "link; add a link from shop to bank"),
    Case("direct_url", "NAME: shop", "NAME: http://bank/pay",
         "services.shop.environment.NAME: has the direct address of bank, which bypasses every "
         "link; add a link from shop to bank"),
    Case("no_toxiproxy", "  toxiproxy: {image: toxiproxy}\n", "",
         "x-harness.toxiproxy: no service is called 'toxiproxy'; add it, or name the one"),
    Case("toxiproxy_in_stack", "  toxiproxy: toxiproxy\n", "  toxiproxy: bank\n",
         "services.bank.x-harness: the Toxiproxy is not part of the system under test; remove "
         "the block"),
    Case("disk_without_size", "      health: /health", "      health: /health\n      disk: big",
         "services.shop.x-harness.disk: 'big' is not a size; write one as 16MB, 512KB"),
    Case("tiny_disk", "      health: /health", "      health: /health\n      disk: 4KB",
         "services.shop.x-harness.disk: must be a size of at least 64KB"),
    Case("disk_without_volume", "      port: 9000", "      port: 9000\n      disk: 16MB",
         "services.bank.x-harness.disk: bank has no named volume; add one, or remove disk:"),
    Case("networks_not_a_list", "    image: bank\n", "    image: bank\n    networks: attic\n",
         "services.bank.networks: must be a list of networks, or a mapping with their names as "
         "keys"),
    Case("no_site", "      site: center\n", "",
         "services.bank.x-harness.site: is missing; it must be a name"),
    Case("no_port_on_target", "      app: bank:app\n      port: 9000", "      command: [bank]",
         "services.bank.x-harness.port: is missing, but link shop-bank leads here; add the port"),
    Case("no_port_of_app", "      port: 9000", "",
         "services.bank.x-harness.port: is missing; add the port on which the app listens"),
    Case("bad_port", "port: 9000", "port: http",
         "services.bank.x-harness.port: must be a port, 1 to 65535"),
    Case("bad_app", "app: bank:app", "app: bank.app",
         "services.bank.x-harness.app: must be `module:factory`, such as shop.api:app"),
    Case("two_ways_to_run", "app: bank:app", "app: bank:app\n      postgres: true",
         "services.bank.x-harness: must have exactly one of app, command and postgres: true"),
    Case("no_way_to_run", "      app: bank:app\n", "",
         "services.bank.x-harness: must have exactly one of app, command and postgres: true"),
    Case("command_as_text", "[sh, shop.sh]", "sh shop.sh",
         'services.shop.x-harness.command: must be a list of arguments, such as '
         '["node", "pay.js"]'),
    Case("bad_health", "health: /health", "health: health",
         "services.shop.x-harness.health: must be an HTTP path that starts with /"),
    Case("bad_read", "health: /health", "reads: {ledger: crossings}",
         "services.shop.x-harness.reads.ledger: must map names to HTTP paths"),
    Case("bad_checks", "  toxiproxy: toxiproxy\n", "  checks: [checks.py/]\n",
         "x-harness.checks.0: must be a dotted module name"),
    Case("postgres_without_password", "app: bank:app", "postgres: true",
         "services.bank.environment.POSTGRES_PASSWORD: is missing; add it: PostgreSQL"),
    Case("depends_on_unknown", "{bank: {condition: service_healthy}}", "[bnak]",
         "services.shop.depends_on.bnak: no service is called 'bnak'; correct the name"),
    Case("depends_on_circular", "    image: bank\n", "    depends_on: [shop]\n",
         "depends_on: is circular: "),
    Case("bad_condition", "service_healthy", "healthy",
         "services.shop.depends_on.bank.condition: must be service_started or service_healthy"),
    Case("bad_depends_on", "{bank: {condition: service_healthy}}", "bank",
         "services.shop.depends_on: must be a list of services, or map services to "
         "{condition: ...}"),
    Case("environment_as_text", '{BANK: "http://toxiproxy:21001", NAME: shop}', "BANK",
         "services.shop.environment: must be a mapping, or a list of NAME=value"),
    Case("boolean_in_environment", "NAME: shop", "NAME: yes",
         "services.shop.environment.NAME: true is not a string; put quotes around it"),
    Case("bad_volume", '["shop-data:/data"]', '["shop-data:data"]',
         "services.shop.volumes.0: must be NAME:/path, or {type, source, target: /path}"),
    Case("volumes_as_text", '["shop-data:/data"]', "shop-data:/data",
         "services.shop.volumes: must be a list, such as [data:/data]"),
    Case("network_not_declared", "    image: bank\n", "    image: bank\n    networks: [vault]\n",
         "networks.vault: is missing; bank is on this network, so declare it"),
    Case("link_between_networks", "    image: bank\n", "    image: bank\n    networks: [vault]\n",
         "services.toxiproxy.networks: shares no network with bank (vault), so link shop-bank "
         "cannot work; add one of these networks"),
    Case("volume_not_declared", "volumes: {shop-data: {}}", "",
         "volumes.shop-data: is missing; shop uses it, so declare it"),
    Case("bad_grace", "    image: bank\n", "    stop_grace_period: soon\n",
         "services.bank.stop_grace_period: 'soon' is not a duration; write one such as 10s or "
         "1m30s"),
    Case("no_env_file", "    image: bank\n", "    env_file: bank.env\n",
         "services.bank.env_file: bank.env cannot be read"),
    Case("extends", "    image: bank\n", "    extends: {service: shop}\n",
         "services.bank.extends: is not supported; write the whole service here"),
]  # fmt: skip


def _problems(directory: Path, text: str) -> tuple[str, ...]:
    (directory / "docker-compose.yml").write_text(text)
    with pytest.raises(UsageError) as raised:
        read_stack(directory, {})
    assert raised.value.exit_code is ExitCode.USAGE
    return raised.value.problems


def test_base_file_of_the_cases_is_valid(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(VALID)

    assert set(read_stack(tmp_path, {}).services) == {"shop", "bank"}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_problem_is_one_line_with_file_key_and_cure(case: Case, tmp_path: Path) -> None:
    assert case.old in VALID, "the case changes nothing"

    problems = _problems(tmp_path, VALID.replace(case.old, case.new, 1))

    place = f"{tmp_path / 'docker-compose.yml'}: "
    assert all(problem.startswith(place) and "\n" not in problem for problem in problems)
    assert any(case.expected in problem for problem in problems), "\n".join(problems)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    text = VALID.replace("port: 9000", "port: http").replace("site: street", "site: ''")

    problems = _problems(tmp_path, text.replace("listen: 21001", "listen: 0"))

    keys = [problem.split(": ")[1] for problem in problems]
    assert keys == [
        "x-harness.links.shop-bank.listen",
        "services.shop.x-harness.site",
        "services.bank.x-harness.port",
    ]


def test_volume_with_a_disk_size_must_not_be_external(tmp_path: Path) -> None:
    text = VALID.replace("health: /health", "health: /health\n      disk: 16MB")
    external = "volumes: {shop-data: {external: true}}"

    (problem,) = _problems(tmp_path, text.replace("volumes: {shop-data: {}}", external))

    assert "services.shop.x-harness.disk: volume shop-data sets external, so it cannot" in problem


def test_shared_volume_must_have_the_same_size_in_both_services(tmp_path: Path) -> None:
    shop = VALID.replace("health: /health", "health: /health\n      disk: 16MB")
    both = shop.replace("      port: 9000", "      port: 9000\n      disk: 8MB")

    problems = _problems(
        tmp_path, both.replace("image: bank\n", 'image: bank\n    volumes: ["shop-data:/d"]\n')
    )

    assert len(problems) == 2
    assert all(
        "limits volume shop-data to another size; write the same in both" in p for p in problems
    )


def test_malformed_service_is_not_also_reported_as_unknown(tmp_path: Path) -> None:
    problems = _problems(tmp_path, VALID.replace("app: bank:app", "app: bank"))

    assert len(problems) == 1


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"docker-compose.yml: the file does not exist; name the"):
        read_stack(tmp_path, {})


def test_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match=r"compose.yaml: is not UTF-8 text; save it as UTF-8"):
        read_stack(tmp_path, {})
