"""Looks through deploy/k8s and compose.yaml without any tool of Kubernetes: `make check` runs this.

Each resource is held against the schemas of Kubernetes in their strict form (a field too many is an
error), of the oldest release that is still patched somewhere and of the newest that the package
has. Beyond the schemas: what a kustomization names is there, and nothing lies about unnamed; labels
meet their selectors; names of settings and ports are those of svc-user. What kustomize makes of it
all is looked at by `make deploy-check`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import yaml
from jsonschema import (
    Draft202012Validator,
    ValidationError,
)

from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
COMPOSE = ROOT / "deploy" / "compose.yaml"
KUSTOMIZATION = "kustomization.yaml"
RELEASES = ("1.31", kubernetes_validate.latest_version())
SERVICE_MONITOR = json.loads((Path(__file__).parent / "servicemonitor.json").read_text())

Manifest = Mapping[str, Any]


def main() -> int:
    """Print what is wrong, and give the exit status."""
    complaints = [*complaints_about(K8S), *wrong_settings(documents(COMPOSE)[0], COMPOSE)]
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if complaints else 0


def complaints_about(folder: Path) -> Iterator[str]:
    """Say what is wrong with the kustomizations under the folder."""
    kustomizations = sorted(folder.rglob(KUSTOMIZATION))
    names = [each for path in kustomizations for each in _unnamed_or_missing(path)]
    base = folder / "base"
    resources = [
        document
        for name in documents(base / KUSTOMIZATION)[0]["resources"]
        if (base / name).is_file()
        for document in documents(base / name)
    ]
    invalid = [complaint for resource in resources for complaint in schema_errors(resource)]
    yield from names + invalid
    if not names + invalid:
        yield from unfitting(resources)
    for path in kustomizations:
        yield from wrong_settings(documents(path)[0], path)


def schema_errors(resource: Manifest) -> Iterator[str]:
    """Say where a resource is not as its schema has it."""
    name = f"{resource.get('kind')} {resource.get('metadata', {}).get('name')}"
    if resource.get("kind") == "ServiceMonitor":
        for error in Draft202012Validator(SERVICE_MONITOR).iter_errors(resource):
            yield f"{name}: {_shown(error)}"
        return
    for release in RELEASES:
        try:
            kubernetes_validate.validate(resource, release, strict=True)
        except ValidationError as error:
            yield f"{name}, Kubernetes {release}: {_shown(error)}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{name}, Kubernetes {release}: there is no {resource['apiVersion']} of it"


def unfitting(resources: list[Manifest]) -> Iterator[str]:
    """Say what names something that the other resources do not have."""
    by_kind = {resource["kind"]: resource for resource in resources}
    deployment = by_kind["Deployment"]["spec"]
    pod = deployment["template"]
    [container] = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    selectors = {
        "Deployment": deployment["selector"]["matchLabels"],
        "Service": by_kind["Service"]["spec"]["selector"],
        "PodDisruptionBudget": by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        "ServiceMonitor": by_kind["ServiceMonitor"]["spec"]["selector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        if not selector.items() <= labels.items():
            yield f"{kind}: selects {selector}, and pods have {labels}"
    for constraint in pod["spec"]["topologySpreadConstraints"]:
        if not constraint["labelSelector"]["matchLabels"].items() <= labels.items():
            yield f"Deployment: spreads by labels that its pods do not have: {constraint}"
    target = by_kind["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    if target["name"] != by_kind["Deployment"]["metadata"]["name"]:
        yield f"HorizontalPodAutoscaler: there is no Deployment {target['name']}"
    yield from _unfitting_ports(by_kind, {port["name"] for port in container["ports"]})
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    if grace <= Settings.model_fields["drain_seconds"].default * 1.25:
        yield f"Deployment: {grace} s are not enough for a worker to end in good order"


def _unfitting_ports(by_kind: Mapping[str, Manifest], ports: set[str]) -> Iterator[str]:
    [container] = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    used = {
        f"Deployment {probe}": container[probe]["httpGet"]["port"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    used["ServiceMonitor"] = by_kind["ServiceMonitor"]["spec"]["endpoints"][0]["port"]
    used["Service"] = by_kind["Service"]["spec"]["ports"][0]["targetPort"]
    used["NetworkPolicy"] = by_kind["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]
    for what, port in used.items():
        if port not in ports:
            yield f"{what}: there is no port {port}"


def wrong_settings(document: Any, where: Path) -> Iterator[str]:
    """Say which names with svc-user's prefix are no setting of it."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(set(_settings_in(document)) - known):
        yield f"{where.relative_to(ROOT) if where.is_relative_to(ROOT) else where}: no {name}"


def _settings_in(document: Any) -> Iterator[str]:
    """All that is set in an environment anywhere in the document: by mapping, name or literal."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if str(key).startswith(PREFIX):
                yield str(key)
            yield from _settings_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from _settings_in(value)
    elif isinstance(document, str) and document.startswith(PREFIX):
        yield document.partition("=")[0]


def _unnamed_or_missing(kustomization: Path) -> Iterator[str]:
    folder, content = kustomization.parent, documents(kustomization)[0]
    named = [*content.get("resources", ()), *(p["path"] for p in content.get("patches", ()))]
    for name in named:
        there = folder / name
        if not there.is_file() and not (there / KUSTOMIZATION).is_file():
            yield f"{kustomization}: there is no {name}"
    for file in sorted(folder.glob("*.yaml")):
        if file.name not in {*named, KUSTOMIZATION}:
            yield f"{kustomization}: {file.name} is not named"


def documents(path: Path) -> list[Any]:
    """The documents of a YAML file, with the merge keys that compose files have."""
    return list(yaml.safe_load_all(path.read_text()))


def _shown(error: ValidationError) -> str:
    return f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}"


if __name__ == "__main__":
    raise SystemExit(main())
