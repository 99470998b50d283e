"""What kustomize makes of the manifests: each overlay builds, and its resources are valid."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.engine import WANTED, run
from tests.deploy.manifests import K8S, KUSTOMIZATION, schema_errors, unfitting

pytestmark = WANTED

KUSTOMIZE = (("kustomize", "build"), ("kubectl", "kustomize"))


@pytest.mark.parametrize("folder", [path.parent for path in sorted(K8S.rglob(KUSTOMIZATION))])
def test_it_builds(folder: Path) -> None:
    """By kustomize, or by kubectl, which has it in itself."""
    command = next((each for each in KUSTOMIZE if shutil.which(each[0])), None)
    if command is None:
        pytest.skip("there is neither kustomize nor kubectl")
    resources = list(yaml.safe_load_all(run(*command, str(folder))))
    assert [error for resource in resources for error in schema_errors(resource)] == []
    assert list(unfitting(resources)) == []
    [maps] = [each["metadata"]["name"] for each in resources if each["kind"] == "ConfigMap"]
    [deployment] = [each for each in resources if each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": maps}}]
