"""The project itself: what its documents promise, what its checks say, and that the deployment's file fits the code."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ssa_hub.cli.commands import app

ROOT = Path(__file__).parents[1]
PACKAGES = ("ssa_hub", "ingest", "conjunction", "connectors", "schemas")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def two_commands() -> list[str]:
    section = README.split("## Two commands")[1].split("\n## ")[0]
    return [block.strip() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def test_the_readme_has_two_commands_of_one_line_each_that_a_shell_can_read() -> None:
    commands = two_commands()
    assert len(commands) == 2
    for command in commands:
        assert "\n" not in command
        assert subprocess.run(["sh", "-n", "-c", command], capture_output=True).returncode == 0
    install_and_run, test = commands
    assert install_and_run.endswith(".venv/bin/ssa-hub up")
    assert ".venv/bin/python -m pytest" in test


def test_ci_runs_the_readmes_second_command_word_for_word() -> None:
    assert two_commands()[1] in (ROOT / ".ci" / "run").read_text().splitlines()
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], capture_output=True).returncode == 0


def test_what_the_readmes_commands_name_is_there() -> None:
    named = re.findall(r"-c (\S+)", " ".join(two_commands()))
    assert named
    assert all((ROOT / name).is_file() for name in named)
    assert (
        set(re.findall(r"'\.\[(\w+)\]'", " ".join(two_commands())))
        <= PYPROJECT["project"]["optional-dependencies"].keys()
    )
    assert PYPROJECT["project"]["scripts"]["ssa-hub"] == "ssa_hub.cli:main"


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def dependencies() -> list[str]:
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return [re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in wanted]


@pytest.mark.parametrize("name", dependencies())
def test_every_dependency_has_a_row_in_the_documents_and_a_pinned_version(name: str) -> None:
    rows = [line for line in (ROOT / "docs" / "dependencies.md").read_text().splitlines() if line.startswith("|")]
    assert any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", row.split("|")[1]) for row in rows)
    pins = re.findall(r"^([\w.-]+)(?:\[.*\])?==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert name.lower() in {pin.lower().replace("_", "-") for pin in pins}


def test_the_package_roots_belong_to_this_distribution_alone() -> None:
    installed = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        # An editable installation may list no packages of its own; then nobody else's may be there either.
        assert set(installed.get(package, [])) <= {"ssa-hub"}
    assert tuple(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES


def test_nothing_is_left_to_be_done_in_the_code() -> None:
    places = [*PACKAGES, "benchmarks", "deploy", "docs"]
    files = [file for place in places for file in (ROOT / place).rglob("*") if file.is_file()]
    files += [file for file in ROOT.iterdir() if file.is_file()]
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    for file in files:
        if file.suffix in {".py", ".md", ".toml", ".yml", ".xml", ".properties", ""}:
            found = unfinished.search(file.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{file.relative_to(ROOT)}: {found}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "check", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]], ids=" ".join
)
def test_the_checks_are_clean(check: list[str]) -> None:
    program = Path(sys.executable).with_name(check[0])
    done = subprocess.run([program, *check[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_deployment_has_its_services_with_health_checks_and_volumes_that_outlive_them() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"kafka", "postgres", "hub", "worker"}
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped"
        named = [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(("./", "/"))]
        assert named, f"{name} keeps its data in the container"
        assert set(named) <= COMPOSE["volumes"].keys()
    for name in ("hub", "worker"):
        assert services[name]["depends_on"] == {
            server: {"condition": "service_healthy"} for server in ("kafka", "postgres")
        }


def test_kafka_and_postgresql_keep_their_data_where_their_volumes_are() -> None:
    kafka, postgres = COMPOSE["services"]["kafka"], COMPOSE["services"]["postgres"]
    (kafka_volume,), (postgres_volume,) = kafka["volumes"], postgres["volumes"]
    assert kafka["environment"]["KAFKA_LOG_DIRS"] == kafka_volume.split(":")[1]
    assert postgres_volume.split(":")[1] == "/var/lib/postgresql/data"


@pytest.mark.parametrize("name", ["hub", "worker"])
def test_the_deployments_commands_and_variables_are_ones_that_the_command_line_has(name: str) -> None:
    service = COMPOSE["services"][name]
    word, *arguments = service["command"]
    command = typer.main.get_command(app).commands[word]  # type: ignore[attr-defined]
    context = command.make_context(word, list(arguments), resilient_parsing=False)
    assert not context.args
    options = {option for parameter in command.params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= options
    variables = {parameter.envvar for parameter in command.params}
    assert set(service["environment"]) <= variables
    assert {"SSA_HUB_LOG_URL", "SSA_HUB_DATABASE_URL", "SSA_HUB_DATA_DIR"} <= set(service["environment"])


def test_hub_and_workers_share_one_data_directory_and_the_health_checks_look_where_the_commands_write() -> None:
    hub, worker = COMPOSE["services"]["hub"], COMPOSE["services"]["worker"]
    assert hub["environment"]["SSA_HUB_DATA_DIR"] == worker["environment"]["SSA_HUB_DATA_DIR"] == "/data"
    assert [v for v in hub["volumes"] if v.endswith(":/data")] == [v for v in worker["volumes"] if v.endswith(":/data")]
    alive = worker["command"][worker["command"].index("--alive-file") + 1]
    assert alive in " ".join(worker["healthcheck"]["test"])
    assert "/v1/health" in " ".join(hub["healthcheck"]["test"])
    (port,) = hub["ports"]
    assert port == "127.0.0.1:8600:8600"
