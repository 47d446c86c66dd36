"""The Helm chart: rendered by a real helm, checked against the schemas of Kubernetes and KEDA, and safe by default."""

import copy
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from services.registry.settings import Settings
from tests.deploy.chart import (
    CHART,
    EVERYTHING,
    ROOT,
    SMALLEST,
    VALUES,
    Object,
    find,
    pods,
    refusal,
    render,
    run_helm,
    secret_files,
    settings_of,
)

pytestmark = pytest.mark.long

KEDA = json.loads((Path(__file__).parent / "keda.json").read_text())
VERSIONS = ("1.29", "1.37")  # of Kubernetes: the oldest that the chart takes, and the newest known here
PARTS = {"gateway", "migrate", "reaper", "worker-solve", "worker-train"}
WORKERS = PARTS - {"gateway", "migrate"}
EXAMPLES = sorted(VALUES.glob("*.yaml"))
PAGE = ROOT / "docs/how-to/kubernetes.md"


def check(one: Object, version: str) -> None:
    """Raises unless the object is one of its kind, with no field that the kind does not have."""
    if one["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(one, KEDA[one["kind"]])
        if one["kind"] == "ScaledJob":
            job = {"apiVersion": "batch/v1", "kind": "Job", "spec": one["spec"]["jobTargetRef"]}
            kubernetes_validate.validate(job, version, strict=True)
        return
    kubernetes_validate.validate(one, version, strict=True)


@pytest.fixture(scope="module")
def smallest() -> list[Object]:
    return render()


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    return render(EVERYTHING)


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_every_object_is_valid(values: Path) -> None:
    objects = render(values)
    for one in objects:
        for version in VERSIONS:
            check(one, version)
    assert {component for component, _ in pods(objects)} == PARTS


def broken(objects: list[Object]) -> Iterator[Object]:
    """Objects with a mistake each."""
    for kind, component, path in (
        ("Deployment", "gateway", ("spec", "template", "spec", "containers", 0, "readinesProbe")),
        ("ScaledJob", "worker-train", ("spec", "jobTargetRef", "template", "spec", "nodeselector")),
        ("ScaledJob", "worker-train", ("spec", "maxReplicas")),
        ("TriggerAuthentication", "database", ("spec", "secretRef")),
        ("ScaledObject", "worker-solve", ("spec", "advanced", "behaviour")),
    ):
        one = copy.deepcopy(find(objects, kind, component))
        place: Any = one
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = {}
        yield one
    yield {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJobs", "metadata": {}, "spec": {}}
    yield {"apiVersion": "apps/v1", "kind": "Deploymnt", "metadata": {"name": "x"}, "spec": {}}


def test_a_mistake_in_an_object_is_noticed(everything: list[Object]) -> None:
    mistakes = list(broken(everything))
    assert len(mistakes) == 7
    for one in mistakes:
        with pytest.raises((jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError, KeyError)):
            check(one, VERSIONS[-1])


def test_helm_finds_nothing_to_complain_about() -> None:
    done = run_helm("lint", "--strict", CHART, "--values", SMALLEST)
    assert done.returncode == 0, done.stdout


def test_the_chart_has_the_version_of_the_project() -> None:
    [version] = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--set=secret.name="], "/secret/name"),
        (["--set=storage.url="], "set storage.url or storage.claim"),
        (["--set=storage.claim=c"], "exclude each other"),
        (["--set=settings.TRM_KEEP_JOB=1"], "invalid propertyName 'TRM_KEEP_JOB'"),
        (["--set=settings.TRM_DATABASE_URL=x"], "invalid propertyName 'TRM_DATABASE_URL'"),
        (["--set=train.offers.labels={a'b}"], "does not match pattern"),
        (["--set=train.replica=2"], "additional properties 'replica' not allowed"),
        (["--set=gateway.replicas=none"], "/gateway/replicas"),
        (["--set=gateway.ingress.enabled=true"], "set gateway.ingress.host"),
        (["--kube-version=1.28.0"], "incompatible with Kubernetes"),
    ],
    ids=lambda told: told[0] if isinstance(told, list) else "",
)
def test_wrong_values_are_refused_with_what_is_wrong(told: list[str], said: str) -> None:
    assert said in refusal(SMALLEST, *told)


def test_the_chart_takes_every_setting_but_those_that_it_sets_itself(smallest: list[Object]) -> None:
    taken = json.loads((CHART / "values.schema.json").read_text())["$defs"]["setting"]["enum"]
    fixed = set[str]()
    for _, template in pods(smallest):
        fixed |= settings_of(template).keys() | {name.upper() for name in secret_files(template)}
    fixed -= yaml.safe_load((CHART / "values.yaml").read_text())["settings"].keys()
    fixed |= {"TRM_READER_PASSWORD", "TRM_WORKER_LABELS"}  # a key of the Secret; what pods offer
    assert sorted(taken) == taken
    assert set(taken) == {f"TRM_{name.upper()}" for name in Settings.model_fields} - fixed


def test_the_password_of_dashboards_reaches_the_migration_alone() -> None:
    templates = pods(render(secret__keys__readerPassword="reader-password"))
    holders = {
        name: files for name, template in templates if "trm_reader_password" in (files := secret_files(template))
    }
    assert {name: files["trm_reader_password"] for name, files in holders.items()} == {"migrate": "reader-password"}


def test_tracing_is_set_for_every_part() -> None:
    endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
    for name, template in pods(render(settings__OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")):
        assert settings_of(template)[endpoint] == "http://collector:4318", name


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_the_service_understands_what_its_pods_are_given(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {
        "trm_database_url": "postgresql://u:p@db/trm",
        "trm_broker_url": "redis://b",
        "trm_admin_secret": "0" * 64,
    }
    for component, template in pods(render(values)):
        folder = tmp_path / component
        folder.mkdir()
        for name in secret_files(template):
            (folder / name).write_text(f"{secret[name]}\n")
        with monkeypatch.context() as patch:
            for name, value in settings_of(template).items():
                patch.setenv(name, value)
            settings = Settings(_secrets_dir=folder)  # type: ignore[call-arg]
        assert settings.require_database_url() == "postgresql+psycopg://u:p@db/trm"
        assert settings.require_broker_url() == "redis://b"
        assert (settings.admin_secret is not None) == (component == "gateway")
        assert settings.auth == "on"
        assert bool(settings.worker_idle_seconds) == (component == "worker-train" and values.stem != "plain")


def test_numbers_reach_the_service_as_they_were_written(everything: list[Object]) -> None:
    settings = settings_of(find(everything, "Deployment", "gateway")["spec"]["template"])
    assert settings["TRM_KEEP_AUDIT"] == "1000000"
    assert settings["TRM_METRICS_BATCH_SECONDS"] == "0.5"
    assert settings["TRM_WEBHOOKS"] == "true"


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_pods_have_no_more_rights_than_they_need(values: Path) -> None:
    [uid] = map(int, re.findall(r"useradd --uid (\d+)", (ROOT / "deploy/Dockerfile").read_text()))
    for component, template in pods(render(values)):
        pod, [container] = template["spec"], template["spec"]["containers"]
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, component
        assert {context["runAsUser"], context["runAsGroup"], context["fsGroup"]} == {uid}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert not any("secretKeyRef" in str(variable) for variable in container["env"])
        written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert {"/data", "/tmp"} <= written
        assert all("emptyDir" not in volume or volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"])


def test_what_stays_is_watched(smallest: list[Object]) -> None:
    probes = {}
    for component, template in pods(smallest):
        [container] = template["spec"]["containers"]
        asked = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}
        ports = {port["name"] for port in container.get("ports", [])}
        assert all(probe["port"] in ports for probe in asked.values())
        probes[component] = {name: probe["path"] for name, probe in asked.items()}
    alive = {"startupProbe": "/metrics", "livenessProbe": "/metrics"}
    gateway = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert probes == {"migrate": {}, "gateway": gateway} | dict.fromkeys(WORKERS, alive)


@pytest.mark.parametrize(("values", "grace"), [(SMALLEST, 20), (EVERYTHING, 120)], ids=["default", "set"])
def test_a_worker_has_time_to_save_and_to_store_a_checkpoint(values: Path, grace: int) -> None:
    for component, template in pods(render(values)):
        if component in WORKERS:
            assert template["spec"]["terminationGracePeriodSeconds"] == grace + 40


def test_trainings_are_jobs_that_scaling_does_not_end(smallest: list[Object]) -> None:
    spec = find(smallest, "ScaledJob", "worker-train")["spec"]
    template = spec["jobTargetRef"]["template"]
    assert spec["scalingStrategy"] == {"strategy": "default"}
    assert spec["triggers"][0]["metadata"]["targetQueryValue"] == "1"
    assert spec["jobTargetRef"]["backoffLimit"] == 0
    assert template["spec"]["restartPolicy"] == "Never"
    assert template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_a_second_pool_is_a_release_of_trainings_alone() -> None:
    [told] = re.findall(r"^helm upgrade --install trm-l4.*?^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    words = shlex.split(told.removesuffix("```").replace("\\\n", " "))
    done = run_helm("template", "trm-l4", CHART, "--values", SMALLEST, *words[words.index("--set") :])
    objects = [found for found in yaml.safe_load_all(done.stdout) if found]
    for one in objects:
        check(one, VERSIONS[-1])
        assert one["kind"] != "Deployment" or one["spec"]["replicas"] == 0
    scaled = find(objects, "ScaledJob", "worker-train")["spec"]
    assert scaled["jobTargetRef"]["template"]["spec"]["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert """labels' <@ '["l4"]'""" in scaled["triggers"][0]["metadata"]["query"]


def test_keda_reads_the_address_that_the_service_has(everything: list[Object]) -> None:
    authentication = find(everything, "TriggerAuthentication", "database")
    [read] = authentication["spec"]["secretTargetRef"]
    assert read == {"parameter": "connection", "name": "elsewhere", "key": "dsn"}
    for kind, component in (("ScaledJob", "worker-train"), ("ScaledObject", "worker-solve")):
        [trigger] = find(everything, kind, component)["spec"]["triggers"]
        assert trigger["type"] == "postgresql"
        assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    target = find(everything, "ScaledObject", "worker-solve")["spec"]["scaleTargetRef"]["name"]
    deployment = find(everything, "Deployment", "worker-solve")
    assert deployment["metadata"]["name"] == target
    assert "replicas" not in deployment["spec"]  # an upgrade must not undo what KEDA has decided


def test_gpus_are_asked_for_and_insisted_on(smallest: list[Object], everything: list[Object]) -> None:
    by_part = dict(pods(everything))
    train = by_part["worker-train"]["spec"]
    assert train["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert train["nodeSelector"] == {"accelerator": "h100"}
    assert train["runtimeClassName"] == "nvidia"
    assert settings_of(by_part["worker-train"])["TRM_DEVICE"] == "cuda"
    assert settings_of(by_part["worker-train"])["TRM_WORKER_LABELS"] == "lab-a,fast"
    assert not {"TRM_DEVICE", "TRM_WORKER_LABELS"} & settings_of(by_part["worker-solve"]).keys()
    assert not any("nvidia.com/gpu" in str(template) for _, template in pods(smallest))


def labels_match(selector: dict[str, Any], template: Object) -> bool:
    return bool(selector["matchLabels"].items() <= template["metadata"]["labels"].items())


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem)
def test_selectors_select_the_pods_of_one_part(values: Path) -> None:
    objects = render(values)
    templates = dict(pods(objects))
    for one in objects:
        spec = one["spec"]
        selector = {"matchLabels": spec["selector"]} if one["kind"] == "Service" else spec.get("selector")
        selector = spec["podSelector"] if one["kind"] == "NetworkPolicy" else selector
        if selector is not None:
            found = [part for part, template in templates.items() if labels_match(selector, template)]
            assert [one["metadata"]["labels"]["app.kubernetes.io/component"]] == found, one["kind"]
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(set(names)) == len(names)


def test_a_drain_takes_one_pod_at_a_time(smallest: list[Object]) -> None:
    budgets = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["maxUnavailable"]
        for one in smallest
        if one["kind"] == "PodDisruptionBudget"
    }
    assert budgets == {"gateway": 1, "worker-solve": 1}


def test_a_part_is_reached_only_by_those_that_need_it(smallest: list[Object], everything: list[Object]) -> None:
    for part in PARTS:
        spec = find(smallest, "NetworkPolicy", part)["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        opened = {port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]}
        assert opened == {"gateway": {"http"}, "migrate": set()}.get(part, {"metrics"})
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, 5432, 6379, 443}
    [rule] = find(everything, "NetworkPolicy", "gateway")["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]
    [rule] = find(everything, "NetworkPolicy", "worker-train")["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]
    ports = {
        port["port"] for rule in find(everything, "NetworkPolicy", "reaper")["spec"]["egress"] for port in rule["ports"]
    }
    assert ports == {53, 6543, 6380, 9000}


def test_the_schema_is_migrated_before_anything_of_the_new_version_starts(smallest: list[Object]) -> None:
    annotations = find(smallest, "Job", "migrate")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    hooked = [one for one in smallest if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    assert len(hooked) == 1  # it needs nothing that comes after it


def test_artifacts_are_in_a_bucket_or_on_a_shared_volume(smallest: list[Object], everything: list[Object]) -> None:
    for _, template in pods(smallest):
        assert settings_of(template)["TRM_STORAGE_URL"] == "s3://bucket/trm"
        assert template["spec"]["containers"][0]["envFrom"] == [{"secretRef": {"name": "trm-s3"}}]
    for _, template in pods(everything):
        assert settings_of(template)["TRM_STORAGE_URL"] == "file:///data/artifacts"
        [claim] = [v["persistentVolumeClaim"] for v in template["spec"]["volumes"] if "persistentVolumeClaim" in v]
        assert claim == {"claimName": "artifacts"}


def test_the_page_shows_values_that_deploy(tmp_path: Path) -> None:
    [shown] = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    values = tmp_path / "my-values.yaml"
    values.write_text(shown)
    objects = render(values)
    for one in objects:
        check(one, VERSIONS[-1])
    assert settings_of(dict(pods(objects))["worker-train"])["TRM_DEVICE"] == "cuda"
    assert find(objects, "Service", "gateway")["metadata"]["name"] in PAGE.read_text()


def test_the_page_makes_the_keys_that_the_chart_reads(smallest: list[Object]) -> None:
    read = {key for _, template in pods(smallest) for key in secret_files(template).values()}
    assert set(re.findall(r"--from-literal=([a-z-]+)=", PAGE.read_text())) == read
