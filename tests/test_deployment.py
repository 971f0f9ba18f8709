"""What runs for real: Dockerfile, docker-compose.yml and .env.example fit the code beside them."""

import gc
import importlib
import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from unittest import mock

import click
import pytest
import yaml
from celery.bin.celery import celery as celery_command
from django.conf import settings
from django.core.management import get_commands, load_command_class

from bluefox.celery import app
from embedded.stack import COMMANDS, send_node

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}

# Read by what we build on, not by our settings: boto3 and gunicorn.
OF_LIBRARIES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "WEB_CONCURRENCY"}


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def instructions(name: str) -> list[str]:
    """What follows an instruction of the Dockerfile, each on one line."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def parses(command: list[str]) -> dict[str, Any]:
    """The options of a command of ours, as the program itself reads them; it exits if it cannot."""
    program, *arguments = command
    if program == "gunicorn":
        checked = run("gunicorn", "--check-config", *arguments)
        assert checked.returncode == 0, checked.stderr
        return {}
    if program == "python":
        assert arguments[0] == "manage.py"
        name = arguments[1]
        loaded = load_command_class(get_commands()[name], name)
        return vars(loaded.create_parser("manage.py", name).parse_args(arguments[2:]))
    assert program == "celery"
    seen: dict[str, Any] = {}

    def instead(context: click.Context) -> None:
        seen.update(context.params)

    subcommand = next(word for word in arguments if word in celery_command.commands)
    with mock.patch.object(celery_command.commands[subcommand], "invoke", instead):
        celery_command.main(arguments, standalone_mode=False)
    return seen


def settings_read() -> tuple[set[str], set[str]]:
    """The names that settings.py takes from the environment: required ones, optional ones."""
    source = (ROOT / "bluefox" / "settings.py").read_text()
    required = set(re.findall(r'\brequired\w*\(\s*"([A-Z_0-9]+)"', source))
    optional = set(re.findall(r'\b(?:env\.|optional_)\w+\(\s*"([A-Z_0-9]+)"', source))
    assert len(required) > 5
    assert len(optional) > 5
    return required, optional


def test_compose_file_follows_the_specification() -> None:
    checked = run(
        "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", OURS)
def test_each_service_runs_a_command_that_parses(name: str) -> None:
    parses(shlex.split(OURS[name]["command"]))
    health = OURS[name].get("healthcheck", {}).get("test", [])
    if health[:1] == ["CMD-SHELL"]:
        options = parses(shlex.split(health[1].replace("$$HOSTNAME", socket.gethostname())))
        worker = parses(shlex.split(OURS[name]["command"]))
        assert options["destination"] == [worker["hostname"]]


def test_the_workers_serve_every_queue() -> None:
    served = set()
    for name in ("worker", "worker-long", "worker-send"):
        served |= set(parses(shlex.split(OURS[name]["command"]))["queues"])
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert served == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}
    on_this_machine = [COMMANDS["default"], COMMANDS["long"], send_node("send")[2:]]
    assert served == {queue for one in on_this_machine for queue in parses(one)["queues"]}


def test_each_route_is_of_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert set(settings.CELERY_TASK_ROUTES) <= set(app.tasks)


def test_only_web_is_reachable_and_only_from_this_machine() -> None:
    published = {name: s["ports"] for name, s in COMPOSE["services"].items() if "ports" in s}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    assert "--bind 0.0.0.0:8000" in OURS["web"]["command"]


def test_services_wait_for_the_migrations_and_are_watched() -> None:
    for name in set(OURS) - {"migrate"}:
        needs = OURS[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["valkey"]["condition"] == "service_healthy"
        assert OURS[name]["restart"] == "unless-stopped"
    assert OURS["migrate"]["restart"] == "no"
    assert {name for name, s in COMPOSE["services"].items() if "healthcheck" not in s} == {
        "migrate",
        "beat",
    }


def test_the_image_is_built_from_what_is_here() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in instructions("COPY"):
        *sources, _ = line.split()
        if sources[0].startswith("--from") or sources == ["."]:
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in ignored, source


def test_the_image_holds_every_app() -> None:
    copied = {line.split()[0] for line in instructions("COPY")}
    apps = {app.split(".")[0] for app in settings.INSTALLED_APPS}
    assert {app for app in apps if (ROOT / app).is_dir()} <= copied
    folders = cast(list[Path], settings.TEMPLATES[0]["DIRS"])
    assert {folder.relative_to(ROOT).parts[0] for folder in folders} <= copied


def test_the_image_is_built_as_the_makefile_builds() -> None:
    runs = " ".join(instructions("RUN"))
    makefile = (ROOT / "Makefile").read_text()
    for step in ("ci", "run build"):
        assert f"npm --prefix frontend {step}" in runs
        assert f"scripts/npm {step}" in makefile
    for lock in ("requirements/uv.txt", "requirements/run.txt"):
        assert re.search(rf"--require-hashes -r {lock}", runs)
        assert f"--output-file {lock}" in makefile


def test_the_image_collects_static_files_with_the_settings_it_gives(tmp_path: Path) -> None:
    step = next(line for line in instructions("RUN") if "collectstatic" in line)
    clean = {"PATH": os.environ["PATH"], "STATIC_ROOT": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-ec", step.replace("python manage.py", f"{sys.executable} manage.py")],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dist" / "app.css").exists()
    assert "/static/dist/app.css" in str(OURS["web"]["healthcheck"]["test"])


def test_it_does_not_run_as_root() -> None:
    assert instructions("USER") == ["bluefox"]
    command, user = DOCKERFILE.index("CMD ["), DOCKERFILE.index("USER ")
    assert user < command


def test_the_example_names_every_setting_and_no_other() -> None:
    required, optional = settings_read()
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    given_by_compose = set(OURS["web"]["environment"]) & required
    named = set(re.findall(r"^#?([A-Z_0-9]+)=", EXAMPLE, re.M))
    to_fill_in = set(re.findall(r"^([A-Z_0-9]+)=", EXAMPLE, re.M))
    assert named == required | optional | of_compose | OF_LIBRARIES
    assert (required | of_compose) - given_by_compose <= to_fill_in


def test_a_filled_in_example_starts() -> None:
    """Under `check --deploy`, which also names what it finds unsafe."""
    lines = re.findall(r"^([A-Z_0-9]+)=(.*)$", EXAMPLE, re.M)
    environ = {name: value or secrets.token_urlsafe(50) for name, value in lines}
    environ["FIELD_ENCRYPTION_KEYS"] = "0123456789abcdef0123456789abcdef0123456789a="
    environ["EMAIL_URL"] = "smtp+tls://user:password@email-smtp.eu-west-1.amazonaws.com:587"
    for name, value in OURS["web"]["environment"].items():
        environ[name] = re.sub(r"\$\{(\w+).*?\}", lambda match: environ[match[1]], value)
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    # One-click unsubscribe may not be redirected (W008), and whether the parent domain and its
    # other hosts speak TLS is not ours to promise (W005, W021).
    found = set(re.findall(r"\(([\w.]+)\)", checked.stderr))
    assert found <= {"security.W005", "security.W008", "security.W021"}, checked.stderr


def test_the_locks_name_no_address() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        pinned = re.findall(r"^\S+==\S+ ?(?:;.*)?\\$", text, re.M)
        assert len(pinned) == len(re.findall(r"^[a-zA-Z0-9]", text, re.M)) > 0


def test_the_web_server_keeps_garbage_collection_from_what_it_has_imported() -> None:
    gc.unfreeze()
    try:
        importlib.reload(importlib.import_module("bluefox.wsgi"))
        assert gc.get_freeze_count() > 10_000
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        gc.unfreeze()
