"""Checks deploy/ with the tools of those who read it, and says what each of them said.

Run by ./dev lint: yamllint, the schemas of compose and Kubernetes, systemd-analyze, promtool.
What needs a running node is in tests/py/test_deploy.py.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "kvstore.service"
# systemd-analyze's tenths: 0 is a service that may do nothing, 100 one that may do everything.
EXPOSURE_MAX = 20


def run(*command: str | Path, cwd: Path = ROOT) -> bool:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}", file=sys.stderr)
    return done.returncode == 0


def installed(name: str) -> Path:
    """A program of the environment that runs this."""
    return Path(sys.executable).with_name(name)


def check_yaml() -> bool:
    return run(installed("yamllint"), "--strict", DEPLOY)


def check_schemas() -> bool:
    compose = run(
        *(installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"),
        DEPLOY / "docker" / "compose.yaml",
    )
    manifests = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return run(installed("kubernetes-validate"), "--strict", *manifests) and compose


def check_unit() -> bool:
    """As it stands, but with a program that exists on any machine."""
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / UNIT.name
        unit.write_text(UNIT.read_text().replace("/usr/local/bin/kvstore", "/bin/true"))
        analyze = ("systemd-analyze", "--no-pager")
        verified = run(*analyze, "verify", "--man=no", unit)
        offline = ("--offline=true", f"--threshold={EXPOSURE_MAX}")
        return run(*analyze, "security", *offline, unit) and verified


def expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]


def as_rules(dashboard: dict[str, Any]) -> dict[str, Any]:
    """A file of rules in which each expression of the dashboard is one, for promtool."""
    rules = []
    for number, expression in enumerate(expressions(dashboard)):
        plain = re.sub(r"\$__(rate_interval|range|interval)", "1m", expression)
        rules.append({"record": f"panel:{number}", "expr": plain})
    return {"groups": [{"name": "dashboard", "rules": rules}]}


def check_prometheus(promtool: str) -> bool:
    folder = DEPLOY / "prometheus"
    checked = [
        run(promtool, "check", "config", "prometheus.yml", cwd=folder),
        run(promtool, "test", "rules", *sorted(folder.glob("*.test.yml")), cwd=folder),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for file in sorted((DEPLOY / "grafana").glob("*.json")):
            rules = Path(scratch) / f"{file.stem}.json"  # JSON is YAML
            rules.write_text(json.dumps(as_rules(json.loads(file.read_text()))))
            checked.append(run(promtool, "check", "rules", rules))
    return all(checked)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--promtool", default="promtool", help="the program to check rules with")
    promtool = shutil.which(parser.parse_args().promtool)
    if promtool is None:
        parser.error("there is no promtool: unpack Debian's package prometheus, and name it here")
    absolute = str(Path(promtool).resolve())
    results = [check_yaml(), check_schemas(), check_unit(), check_prometheus(absolute)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
