"""The manifests of deploy/: as they are nothing is wrong, and each kind of slip is told."""

import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.manifests import COMPOSE, K8S, complaints_about, documents, wrong_settings


def test_nothing_is_wrong() -> None:
    """Kubernetes' schemas, names and labels: what `make check` looks at."""
    assert list(complaints_about(K8S)) == []
    assert list(wrong_settings(documents(COMPOSE)[0], COMPOSE)) == []


SLIPS = {
    "a field that is none": ("deployment", "maxSurge:", "maxSurges:", "maxSurges"),
    "a field of another type": ("deployment", "containerPort: 9464", "containerPort: web", "web"),
    "a field that is missing": (
        "networkpolicy",
        "podSelector:\n    match",
        "pods:\n    match",
        "pods",
    ),
    "a version that is gone": (
        "horizontalpodautoscaler",
        "autoscaling/v2",
        "autoscaling/v2beta2",
        "v2beta2",
    ),
    "a label that no pod has": ("poddisruptionbudget", "/name: svc-user", "/name: other", "other"),
    "another deployment": (
        "horizontalpodautoscaler",
        "    name: svc-user",
        "    name: x",
        "Deployment x",
    ),
    "a port that is none": ("servicemonitor", "port: http", "port: web", "no port web"),
    "a probe of no port": ("deployment", "port: http", "port: web", "no port web"),
    "a monitor's field": ("servicemonitor", "interval:", "intervall:", "intervall"),
    "too little time to end": ("deployment", "Seconds: 40", "Seconds: 20", "good order"),
    "a setting that is none": (
        "kustomization",
        "SVC_USER_NATS_URL",
        "SVC_USER_NATS_URLS",
        "NATS_URLS",
    ),
    "a resource that is not there": (
        "kustomization",
        "- service.yaml",
        "- services.yaml",
        "services.yaml",
    ),
    "a resource that is not named": (
        "kustomization",
        "  - serviceaccount.yaml\n",
        "",
        "serviceaccount.yaml is not",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told(tmp_path: Path, slip: str) -> None:
    file, right, wrong, told = SLIPS[slip]
    shutil.copytree(K8S, tmp_path / "k8s")
    path = tmp_path / "k8s" / "base" / f"{file}.yaml"
    text = path.read_text()
    assert right in text
    path.write_text(re.sub(re.escape(right), wrong, text, count=1))
    complaints = list(complaints_about(tmp_path / "k8s"))
    assert any(told in complaint for complaint in complaints), complaints
