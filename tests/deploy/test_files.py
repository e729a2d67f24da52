"""The files of a deployment say what this version understands; no container engine is needed."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from notefly.cli import main
from notefly.config import NAMES, PREFIX, load

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
WRITTEN = [
    ROOT / "compose.yaml",
    ROOT / "Containerfile",
    ROOT / ".env.example",
    ROOT / "docs" / "how-to" / "scale-out.md",
    *MANIFESTS,
]
SECRET = re.compile(r"nf_[0-9a-z]+_[0-9a-f]{64}")
OURS = ("asyncpg", "dishka", "nats-py", "quart")
FILLED = {"POSTGRES_PASSWORD": "a" * 48, "NATS_TOKEN": "b" * 48, "NOTEFLY_API_KEY": ""}
"""A `.env` before there is a key."""


def filled(text: str) -> str:
    """As `docker compose` puts the variables in: `${NAME:?…}` and `${NAME:-…}`."""
    return re.sub(r"\$\{(\w+)(?::[?-][^}]*)?\}", lambda found: FILLED[found[1]], text)


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(filled((ROOT / "compose.yaml").read_text()))
    return parsed


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose()["services"].items()


def ours() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, service) for name, service in services() if "build" in service)


def objects() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def pods() -> Iterator[dict[str, Any]]:
    yield from (one["spec"]["template"]["spec"] for one in objects() if one["kind"] == "Deployment")


def command(words: list[str]) -> None:
    """Raises for what the command line would not take."""
    context = main.make_context("notefly", list(words), resilient_parsing=False)
    name, found, rest = main.resolve_command(context, list(words))
    assert name is not None
    assert found is not None
    found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = {
        name.removeprefix(PREFIX).lower()
        for name in re.findall(r"NOTEFLY_[A-Z_]+[A-Z]", path.read_text())
    }
    assert named <= set(NAMES)


def test_every_service_of_compose_has_settings_that_can_be_used(tmp_path: Path) -> None:
    for name, service in ours():
        environ = {key: value for key, value in service["environment"].items() if value}
        settings = load(environ, tmp_path)
        assert settings.warnings == (), name
        assert settings.log == "json"
        assert settings.queue.count("nats://") == (0 if name == "client" else 3)


def test_every_pod_has_settings_that_can_be_used(tmp_path: Path) -> None:
    stored = {
        one["metadata"]["name"]: one for one in objects() if one["kind"] in ("ConfigMap", "Secret")
    }
    for pod in pods():
        [container] = pod["containers"]
        environ: dict[str, str] = {}
        for source in container["envFrom"]:
            [reference] = source.values()
            environ |= (
                stored[reference["name"]].get("data") or stored[reference["name"]]["stringData"]
            )
        environ |= {one["name"]: one["value"] for one in container.get("env", [])}
        if environ.get("NOTEFLY_API_KEY"):
            environ["NOTEFLY_API_KEY"] = f"nf_{'0' * 12}_{'0' * 64}"
        assert load(environ, tmp_path).warnings == ()


def test_every_command_exists() -> None:
    for _, service in ours():
        command(service["command"])
    for pod in pods():
        command(pod["containers"][0]["args"])
    for line in re.findall(
        r"(?:run --rm broker|^\$ notefly|-- notefly) ([^|>\n]+)", scale_out(), re.MULTILINE
    ):
        command(shlex.split(line, comments=True))


def scale_out() -> str:
    return (ROOT / "docs" / "how-to" / "scale-out.md").read_text()


def test_images_are_pinned() -> None:
    images = [service["image"] for _, service in services()]
    images += [container["image"] for pod in pods() for container in pod["containers"]]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert len(images) >= 10
    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []


def test_the_image_has_the_versions_of_the_lock() -> None:
    """Its own line is run here; what is tested here was installed from the lock."""
    written = re.search(
        r"^RUN python (-c .*) > /constraints.txt",
        (ROOT / "Containerfile").read_text(),
        re.MULTILINE,
    )
    assert written is not None
    told = subprocess.check_output([sys.executable, *shlex.split(written[1])], cwd=ROOT, text=True)
    locked = dict(line.split("==") for line in told.splitlines())
    assert {name: locked[name] for name in OURS} == {name: version(name) for name in OURS}


def test_only_this_machine_reaches_what_is_published() -> None:
    for name, service in services():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if service.get("network_mode") == "host":
            assert "NOTEFLY_HOST" not in service["environment"], name


def test_nothing_of_ours_is_root_or_writes() -> None:
    assert re.search(
        r"^USER [1-9]\d*:[1-9]\d*$", (ROOT / "Containerfile").read_text(), re.MULTILINE
    )
    for name, service in ours():
        assert not service["user"].startswith(("0", "root")), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            inside = container["securityContext"]
            assert inside["readOnlyRootFilesystem"]
            assert not inside["allowPrivilegeEscalation"]
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]


def test_what_serves_is_watched() -> None:
    for name, service in services():
        if name not in ("broker", "nats-volumes"):  # that of the broker is in the image
            assert "healthcheck" in service, name
    for pod in pods():
        [container] = pod["containers"]
        watched = {"readinessProbe", "livenessProbe"} <= container.keys()
        assert watched or container["name"] == "worker"


def test_nothing_is_secret_here() -> None:
    for path in WRITTEN:
        assert not SECRET.search(path.read_text())
    assert not [
        line
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"\w+=.", line)
    ]
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
