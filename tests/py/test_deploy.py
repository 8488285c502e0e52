"""What deploy/ says is what the programs know: flags, metrics, the start of a cluster, its end."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvcluster import Client, LocalCluster
from kvcluster.binaries import find_binary
from kvcluster.ports import ReservedPort

NODES = (1, 2, 3)
PASSWORD = "correct horse battery staple"
METRIC = re.compile(r"\bkvcluster_\w+")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


@pytest.fixture(scope="session")
def deploy(repository: Path) -> Path:
    return repository / "deploy"


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


# --- the names that it uses -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every name on the leader's /metrics: only a leader has all of them."""
    folder = tmp_path_factory.mktemp("ports")
    ports = {node: folder / f"{node}.json" for node in NODES}
    flags: Mapping[int, Mapping[str, str | int]] = {
        node: {"http-port": 0, "ports-file": str(file)} for node, file in ports.items()
    }
    with LocalCluster(faults=False, node_options=flags) as cluster:
        leader = cluster.wait_for_leader()
        port = json.loads(ports[leader].read_text())["http_port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            text = page.read().decode()
    return set(re.findall(r"^(kvcluster_\w+)", text, re.MULTILINE))


def recorded(rules: Any) -> set[str]:
    return {
        rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule
    }


def test_every_metric_in_the_rules_exists(deploy: Path, exported: set[str]) -> None:
    rules = load(deploy / "prometheus" / "kvcluster.rules.yml")
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for name in recorded(rules):
        expressions = [expression.replace(name, "") for expression in expressions]
    named = {metric for expression in expressions for metric in METRIC.findall(expression)}
    assert len(named) > 10
    assert named - exported == set()


def test_every_metric_on_the_dashboard_exists(deploy: Path, exported: set[str]) -> None:
    text = (deploy / "grafana" / "kvcluster.json").read_text()
    named = set(METRIC.findall(text))
    assert named - exported == set()
    assert exported - named <= {"kvcluster_build_info", "kvcluster_uptime_seconds"} | {
        "kvcluster_checkpoint_index",
        "kvcluster_roots_verified_index",
    }


def test_the_dashboard_has_no_panel_over_another(deploy: Path) -> None:
    dashboard = json.loads((deploy / "grafana" / "kvcluster.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert taken & cells == set(), panel["title"]
        taken |= cells


def test_every_flag_that_it_uses_is_one_of_the_node(deploy: Path) -> None:
    help_text = subprocess.run(
        [find_binary("kvstore"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    unit = (deploy / "systemd" / "kvstore.service").read_text()
    dockerfile = (deploy / "docker" / "Dockerfile").read_text()
    used = [
        *re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE),
        *re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", dockerfile, re.MULTILINE),
        *(service["command"] for service in compose(deploy)["services"].values()),
        start_script(deploy),
    ]
    flags = {flag for text in used for flag in FLAG.findall(text)}
    settings = tomllib.loads((deploy / "systemd" / "node.toml").read_text())
    flags |= {f"--{name}" for name in settings}
    assert flags - set(FLAG.findall(help_text)) == set()
    assert {"--id", "--host", "--peers", "--requirepass-file", "--http-port"} <= flags


def test_every_image_is_of_this_version(deploy: Path, repository: Path) -> None:
    version = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    files = [file for file in deploy.rglob("*") if file.is_file()]
    tags = [tag for file in files for tag in re.findall(r"\bkvcluster:([\w.]+)", file.read_text())]
    assert len(tags) >= 3
    assert set(tags) == {version}


# --- the image ------------------------------------------------------------------------------------


def build_stage(deploy: Path) -> str:
    """The first stage of the Dockerfile, a command a line."""
    first, _ = re.split(r"^FROM ", (deploy / "docker" / "Dockerfile").read_text(), flags=re.M)[1:]
    return first.replace("\\\n", " ")


def test_the_image_is_built_with_the_packages_that_dev_installs(
    deploy: Path, repository: Path
) -> None:
    [listed] = re.findall(
        r"^build_packages=\((.*?)\)", (repository / "dev").read_text(), re.M | re.S
    )
    [installed] = re.findall(r"--no-install-recommends (.*?) &&", build_stage(deploy))
    for_tests_and_speed = {"ccache", "libgmock-dev", "libgtest-dev"}
    assert set(installed.split()) == set(listed.split()) - for_tests_and_speed


def test_what_the_image_copies_is_enough_to_configure_the_build(
    deploy: Path, repository: Path, tmp_path: Path
) -> None:
    for sources in re.findall(r"^COPY (.*) \S+$", build_stage(deploy), re.M):
        for name in sources.split():
            if (repository / name).is_dir():
                shutil.copytree(repository / name, tmp_path / name)
            else:
                shutil.copy(repository / name, tmp_path / name)
    [configure] = re.findall(r"^RUN (cmake --preset .*?) &&", build_stage(deploy), re.M)
    done = subprocess.run(shlex.split(configure), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "build" / "build.ninja").is_file()


# --- the clusters that it starts ------------------------------------------------------------------


def compose(deploy: Path) -> Any:
    return load(deploy / "docker" / "compose.yaml")


def start_script(deploy: Path) -> str:
    with (deploy / "kubernetes" / "kvcluster.yaml").open() as file:
        [script] = [
            document["data"]["start.sh"]
            for document in yaml.safe_load_all(file)
            if document["kind"] == "ConfigMap"
        ]
    return str(script)


class Machine:
    """Stands for the machines of three nodes: their names, ports and folders, on this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {node: ReservedPort() for node in NODES}
        self.http_ports = {node: ReservedPort() for node in NODES}
        self.password_file = folder / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD + "\n")
        self.processes: list[subprocess.Popen[bytes]] = []

    def here(self, node: int, text: str, hosts: Mapping[int, str]) -> str:
        """What a node is started with, as it must be said on this machine."""
        for other, host in hosts.items():
            text = text.replace(f"{host}:9001", f"127.0.0.1:{self.ports[other].number}")
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])", "127.0.0.1", text)
        text = text.replace("0.0.0.0", "127.0.0.1")
        text = re.sub(r"\b9001\b", str(self.ports[node].number), text)
        text = re.sub(r"\b9101\b", str(self.http_ports[node].number), text)
        for place in ("/run/secrets/password", "/etc/kvcluster/password"):
            text = text.replace(place, str(self.password_file))
        return text.replace("/var/lib/kvcluster", str(self.folder / f"data-{node}"))

    def start(self, arguments: list[str]) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [find_binary("kvstore"), *arguments], stdout=log, stderr=log, cwd=self.folder
                )
            )

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for port in (*self.ports.values(), *self.http_ports.values()):
            port.release()

    def serves(self) -> None:
        """It takes writes; each node is ready; SIGTERM ends each in order."""
        addresses = [f"127.0.0.1:{port.number}" for port in self.ports.values()]
        with Client(addresses, timeout=90, password=PASSWORD) as client:
            client.put("deployed", "yes")
            assert client.get("deployed") == b"yes", (self.folder / "log").read_text()
        for port in self.http_ports.values():
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port.number}/healthz", timeout=30
            ) as page:
                assert page.status == 200
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in self.processes] == [0, 0, 0]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.end()


def test_the_nodes_of_the_compose_file_form_a_cluster(deploy: Path, machine: Machine) -> None:
    hosts = {node: f"node-{node}" for node in NODES}
    dockerfile = (deploy / "docker" / "Dockerfile").read_text()
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)
    for node, host in hosts.items():
        given = compose(deploy)["services"][host]["command"]
        words = [*json.loads(entry)[1:], *shlex.split(given)]
        machine.start([machine.here(node, word, hosts) for word in words])
    machine.serves()


def test_the_pods_of_the_stateful_set_form_a_cluster(
    deploy: Path, machine: Machine, tmp_path: Path
) -> None:
    hosts = {node: f"kvcluster-{node - 1}.kvcluster" for node in NODES}
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kvstore").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (programs / "kvstore").chmod(0o700)
    for node in NODES:
        pod = {"POD_NAME": f"kvcluster-{node - 1}", "SERVICE": "kvcluster", "REPLICAS": "3"}
        words = subprocess.run(
            ["bash", "-c", start_script(deploy)],
            env={"PATH": f"{programs}:/usr/bin:/bin", **pod},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        machine.start([machine.here(node, word, hosts) for word in words])
    machine.serves()


def test_the_units_of_three_machines_form_a_cluster(
    deploy: Path, machine: Machine, tmp_path: Path
) -> None:
    hosts = {node: f"10.0.0.{node}" for node in NODES}
    unit = (deploy / "systemd" / "kvstore.service").read_text()
    [command] = re.findall(r"^ExecStart=/usr/local/bin/kvstore (.*)$", unit, re.MULTILINE)
    command = command.replace("${CREDENTIALS_DIRECTORY}", "/etc/kvcluster")
    settings = (deploy / "systemd" / "node.toml").read_text()
    for node in NODES:
        others = ", ".join(f'"{other}@{hosts[other]}:9001"' for other in NODES if other != node)
        own = re.sub(r"^id = 1$", f"id = {node}", settings, flags=re.MULTILINE)
        own = re.sub(r"^host = .*$", f'host = "{hosts[node]}"', own, flags=re.MULTILINE)
        own = re.sub(r"^peers = .*$", f"peers = [{others}]", own, flags=re.MULTILINE)
        file = tmp_path / f"node-{node}.toml"
        file.write_text(machine.here(node, own, hosts))
        words = shlex.split(command.replace("/etc/kvcluster/node.toml", str(file)))
        machine.start([machine.here(node, word, hosts) for word in words])
    machine.serves()


# --- the container's own check --------------------------------------------------------------------


@pytest.fixture
def healthcheck(deploy: Path) -> Callable[[int], int]:
    """The exit code of the image's HEALTHCHECK for a node with this HTTP port."""
    dockerfile = (deploy / "docker" / "Dockerfile").read_text()
    [command] = re.findall(r"^  CMD (\[.*\])$", dockerfile, re.MULTILINE)

    def check(port: int) -> int:
        words = [word.replace("9101", str(port)) for word in json.loads(command)]
        words[0] = shutil.which("bash") or words[0]
        return subprocess.run(words, capture_output=True, timeout=60).returncode

    return check


def test_the_health_check_tells_a_node_from_none(
    machine: Machine, healthcheck: Callable[[int], int]
) -> None:
    port, other = machine.http_ports[1].number, machine.http_ports[2].number
    own = str(machine.ports[1].number)
    machine.start(["--port", own, "--http-port", str(port), "--data-dir", "data"])
    with Client([f"127.0.0.1:{own}"], timeout=60) as client:
        client.put("ready", "yes")
    assert healthcheck(port) == 0
    assert healthcheck(other) != 0
