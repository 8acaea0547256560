"""The containers cannot run here, so what must hold of them is read from their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from config.loader import load_settings
from config.settings import Settings
from proxy.identity import ROOMS

HERE = Path(__file__).resolve().parents[1]
TEXT = (HERE / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
ONE_SHOT = {"migrate", "ollama-pull"}
GATEWAYS = {"gateway", "gateway-1", "gateway-2"}
DOCKERFILE = (HERE / "Dockerfile").read_text(encoding="utf-8")
SECONDS = {"s": 1, "m": 60}

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def _seconds(text):
    return int(text[:-1]) * SECONDS[text[-1]]


def _names(entries):
    return {each if isinstance(each, str) else each["source"] for each in entries}


@each_service
def test_service_is_hardened(name):
    """No service may write its image, gain rights, fill the disk with logs, or take the whole machine."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert {"max-size", "max-file"} == set(service["logging"]["options"])
    assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"])
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert "docker.sock" not in str(service)
    assert any(each.startswith("/tmp:") for each in service["tmpfs"])


@each_service
def test_only_the_https_proxy_has_a_capability(name):
    """Port 443 is the one thing that needs a right of its own."""
    assert (["NET_BIND_SERVICE"] if name == "caddy" else []) == SERVICES[name].get("cap_add", [])


@each_service
def test_service_belongs_to_a_known_profile(name):
    """Nothing starts that nobody asked for, and the guide names every profile."""
    profiles = SERVICES[name]["profiles"]
    guide = (HERE / "docs/deploy/README.md").read_text(encoding="utf-8")

    assert set(profiles) <= {"core", "ollama", "scale", "observe"}
    assert all(f"--profile {each}" in guide for each in profiles)


@each_service
def test_image_is_pinned_by_version(name):
    """`latest` is a different program every week."""
    tag = SERVICES[name]["image"].rpartition(":")[2]

    assert re.match(r"v?\d+\.\d+", tag)


@each_service
def test_service_tells_whether_it_is_well_or_ends_for_good(name):
    """Services that stay have a health check; services that do one thing are not restarted."""
    service = SERVICES[name]

    if name in ONE_SHOT:
        assert "no" == service["restart"]
    else:
        assert "unless-stopped" == service["restart"]
        assert "test" in service["healthcheck"]


@each_service
def test_only_the_https_proxy_is_open_to_the_world(name):
    """Every published port is bound to loopback, but for HTTPS; databases publish none."""
    ports = SERVICES[name].get("ports", [])

    if name == "caddy":
        assert ["80:80", "443:443"] == ports
    else:
        assert all(each.startswith("127.0.0.1:") for each in ports)
    if name in {"postgres", "ollama", "gateway-1", "gateway-2"}:
        assert [] == ports
        assert SERVICES[name]["expose"]


@each_service
def test_secret_stands_in_files_only(name):
    """A secret in the environment is shown by `docker inspect`, so variables name files."""
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"KEY|PASSWORD|SECRET|TOKEN|PEPPER|__URL", variable):
            assert variable.endswith("_FILE")
            assert str(value).startswith("/run/secrets/")


@each_service
def test_what_a_service_names_is_declared(name):
    """Secrets, configs, volumes, networks and dependencies exist, and dependencies share a profile."""
    service = SERVICES[name]

    assert _names(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert _names(service.get("configs", [])) <= set(COMPOSE["configs"])
    assert {each.partition(":")[0] for each in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    for other in service.get("depends_on", {}):
        assert set(service["profiles"]) <= set(SERVICES[other]["profiles"])
        assert set(service["networks"]) & set(SERVICES[other]["networks"])


def test_nothing_is_declared_in_vain():
    """Every secret, config, volume and network is used."""
    used = {
        kind: set().union(*(_names(each.get(kind, [])) for each in SERVICES.values()))
        for kind in ("secrets", "configs")
    }
    volumes = {each.partition(":")[0] for service in SERVICES.values() for each in service.get("volumes", [])}

    assert set(COMPOSE["secrets"]) == used["secrets"]
    assert set(COMPOSE["configs"]) == used["configs"]
    assert set(COMPOSE["volumes"]) == volumes
    assert set(COMPOSE["networks"]) == {each for service in SERVICES.values() for each in service["networks"]}


def test_secret_has_no_default():
    """A variable that leads to secrets must be set; any other has a default, so that no profile needs another's."""
    found = re.findall(r"\$\{(\w+)(:[?-])?([^}]*)\}", TEXT)

    assert found
    for name, mark, rest in found:
        assert (":?" if "SECRET" in name else ":-") == mark, name
        assert rest, name
        assert not re.search(r"KEY|PASSWORD|TOKEN", name)


def test_every_file_that_is_mounted_exists():
    """Configs are files of this repository."""
    assert [] == [each for each in COMPOSE["configs"].values() if not (HERE / each["file"]).is_file()]


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_gateway_may_finish_its_streams(name):
    """The grace is longer than the drain, and readiness is what is asked."""
    service = SERVICES[name]

    assert _seconds(service["stop_grace_period"]) > Settings().server.drain_s
    assert "SIGTERM" == service["stop_signal"]
    assert "/health/ready" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", ["gateway-1", "gateway-2"])
def test_replica_waits_for_the_migration_and_shares_the_pepper(name):
    """Replicas see one schema and verify each other's keys; each has a journal of its own."""
    service = SERVICES[name]

    assert {"migrate": {"condition": "service_completed_successfully"}} == service["depends_on"]
    assert {"source": "key_pepper", "target": "/data/key-pepper"} in service["secrets"]
    assert "/run/secrets/database_url" == service["environment"]["THALAMUS_STORAGE__URL_FILE"]


def test_each_gateway_has_a_folder_of_its_own():
    """Two gateways must not write one journal."""
    folders = [SERVICES[name]["volumes"] for name in sorted(GATEWAYS)]

    assert len(GATEWAYS) == len({each for folder in folders for each in folder})


def test_database_is_out_of_reach_from_outside():
    """PostgreSQL stands in a network without a way out."""
    assert ["back"] == SERVICES["postgres"]["networks"]
    assert True is COMPOSE["networks"]["back"]["internal"]


def test_proxy_and_metrics_name_gateways_that_exist():
    """What Caddy balances and what Prometheus scrapes are services of this file."""
    caddy = re.search(r"reverse_proxy (.+) \{", (HERE / "docs/deploy/Caddyfile").read_text(encoding="utf-8"))
    scraped = yaml.safe_load((HERE / "docs/deploy/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]

    assert caddy is not None
    assert {"gateway-1:8000", "gateway-2:8000"} == set(caddy[1].split())
    assert set(scraped["dns_sd_configs"][0]["names"]) == GATEWAYS


def test_shipped_settings_are_valid_and_need_a_key(tmp_path):
    """The settings of the containers can be read, and take the key and the database's URL from files."""
    key, url = tmp_path / "key", tmp_path / "url"
    key.write_text("sk-thal-canary\n")
    url.write_text("postgresql://thalamus:pw@postgres:5432/thalamus\n")
    settings = load_settings(
        HERE / "docs/deploy/thalamus.toml",
        {"THALAMUS_API_KEY_FILE": str(key), "THALAMUS_STORAGE__URL_FILE": str(url), "THALAMUS_STATE_DIR": "/data"},
    )

    assert ["sk-thal-canary"] == [each.reveal() for each in settings.server.api_keys]
    assert "postgresql://thalamus:pw@postgres:5432/thalamus" == settings.database_url
    assert ("0.0.0.0", 8000, "/data") == (settings.server.host, settings.server.port, str(settings.state_dir))


def test_image_is_built_for_a_plain_user():
    """The image pins its base, runs as nobody special, hides no package, and tells its health by exec form."""
    assert re.search(r"^ARG PYTHON_VERSION=3\.\d+\.\d+$", DOCKERFILE, re.MULTILINE)
    assert 2 == DOCKERFILE.count("FROM python:${PYTHON_VERSION}-slim")
    assert "USER 10001:10001" in DOCKERFILE
    assert "PYTHONSAFEPATH=1" in DOCKERFILE
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE
    assert "/health/ready" in DOCKERFILE
    assert 'ENTRYPOINT ["thalamus"]' in DOCKERFILE
    assert "--require-hashes --requirement requirements-scale.lock" in DOCKERFILE


def test_image_gets_every_room_and_nothing_else():
    """The builder sees only what the wheel is made of."""
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    lines = (HERE / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}

    assert {*ROOMS, "migrations", "requirements-scale.lock", "pyproject.toml", "README.md", "LICENSE"} == copied
    assert copied == allowed
    assert "*" in lines
    assert all((HERE / each).exists() for each in copied)
