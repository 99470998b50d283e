"""Dashboard and alert rules: well formed, and every metric in them is one that a worker has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.app import Worker
from service.auth.issuer import SigningKeys
from service.settings import read_settings
from service.storage.sealing import DataKeys

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "svc-user.json"

PROMTOOL = shutil.which("promtool")

PROMETHEUS_OWN = {"up"}
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
_WORD = re.compile(r"\b(?:(?:svc_user|process|python)_\w+|up)\b")
_SECONDS = re.compile(r"\d+[smh]")
_PANELS_LABELS = re.compile(r"\{\{(\w+)\}\}")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that a worker may show, from its own registry."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "data.json").write_text(DataKeys.generate().dump())
    (folder / "signing.json").write_text(SigningKeys.generate().dump())
    registry = Worker(read_settings(keys_dir=folder)).monitor.registry
    names = {
        family.name + suffix for family in registry.collect() for suffix in SUFFIXES[family.type]
    }
    return names | PROMETHEUS_OWN


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text())["panels"]
    return [each for each in found if each["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression, with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_metric_is_one_of_a_worker(known: set[str]) -> None:
    for where, expression in expressions():
        named = set(_WORD.findall(expression))
        assert named, where
        assert named <= known, where


def test_every_metric_of_its_own_is_looked_at(known: set[str]) -> None:
    """Somewhere: one that nobody looks at is only in the way."""
    looked_at = {name for _, expression in expressions() for name in _WORD.findall(expression)}
    own = {name for name in known if name.startswith("svc_user_")}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in own}
    seen = {re.sub(r"_(bucket|sum|count)$", "", name) for name in looked_at}
    assert families - seen == set()


def test_every_rule_says_what_to_do() -> None:
    """And how bad it is; its name is like no other's."""
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) > 0
    for rule in rules():
        assert rule["alert"].startswith("SvcUser")
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert _SECONDS.fullmatch(rule.get("for", "0s"))
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert len(rule["annotations"]["runbook"]) > 100


def test_every_rule_has_a_test() -> None:
    """In which it fires."""
    text = (PROMETHEUS / "alerts_test.yaml").read_text()
    assert {rule["alert"] for rule in rules()} == set(re.findall(r'alertname="(\w+)"', text))


def test_the_dashboard_is_whole() -> None:
    """Each panel with title, unit, words and lines; what its legends name, its lines group by."""
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids) > 10
    for panel in panels():
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${source}"
            for label in _PANELS_LABELS.findall(target["legendFormat"]):
                grouped = re.search(rf"by \([^)]*\b{label}\b", target["expr"])
                assert grouped or (label == "instance" and "sum" not in target["expr"])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH")
@pytest.mark.parametrize("check", [["check", "rules", "alerts.yaml"], ["test", "rules"]])
def test_promtool_agrees(check: list[str]) -> None:
    """Debian has it in its package `prometheus`."""
    words = check if check[0] == "check" else [*check, "alerts_test.yaml"]
    done = subprocess.run(
        [PROMTOOL or "", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
