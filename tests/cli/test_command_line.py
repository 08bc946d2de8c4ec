"""The command line as a whole: quick, helpful, documented, and one line for each error."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
import typer

from ssa_hub.cli.commands import app

ROOT = Path(__file__).parents[2]
HEAVY = {"numba", "llvmlite", "pyiceberg", "duckdb", "fastapi", "pandas", "pyarrow", "numpy", "sqlalchemy", "rich"}


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
            return
        for word, sub in inner.items():
            yield from below(f"{name} {word}".strip(), sub)

    yield from below("", typer.main.get_command(app))


COMMANDS = dict(every_command())


def test_help_is_there_without_a_heavy_import() -> None:
    program = (
        "import resource, sys\n"
        "from ssa_hub.cli import main\n"
        "sys.argv = ['ssa-hub', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\nloaded:', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Usage: ssa-hub" in done.stdout
    loaded = done.stdout.split("\nloaded: ")[1].split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}


@pytest.mark.parametrize("arguments", ["quarantine list", "agreements list"])
def test_looking_at_a_hub_does_not_load_what_only_a_running_hub_needs(tmp_path: Path, arguments: str) -> None:
    program = (
        "import sys\n"
        "from ssa_hub.cli import main\n"
        f"sys.argv = ['ssa-hub', *{arguments.split()!r}, '--database-url', 'sqlite:///{tmp_path / 'state.sqlite'}']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "print('\\nloaded:', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split("\nloaded: ")[1].split()}
    assert not {"numba", "pyiceberg", "duckdb", "fastapi", "uvicorn", "aiokafka", "httpx"} & loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), name
    for parameter in command.params:
        if "--help" not in parameter.opts:
            assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_documentation(name: str) -> None:
    assert f"ssa-hub {name}" in (ROOT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("name", ["up", "serve", "worker"])
def test_every_option_of_a_service_and_its_environment_variable_is_in_the_documentation(name: str) -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    for parameter in COMMANDS[name].params:
        if "--help" not in parameter.opts:
            assert f"`{parameter.opts[0]}`" in text, parameter.opts
            if parameter.envvar:
                assert f"`{parameter.envvar}`" in text


def ssa_hub(*arguments: object, patience_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    """The installed command in a process of its own."""
    command = [str(Path(sys.executable).with_name("ssa-hub")), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SSA_HUB_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=patience_s, env=environment)


def assert_one_line(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert done.returncode == 1, done
    assert done.stderr.startswith("ssa-hub: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for text in expected:
        assert text in done.stderr


@pytest.mark.parametrize(
    ("option", "content", "expected"),
    [
        ("--sources", "[[source", "not TOML"),
        ("--sources", '[[source]]\nid = "a"\nkind = "fax"', "kind"),
        ("--sources", None, "No such file"),
        ("--partners", '[[partner]]\nnme = "A"', "nme"),
        ("--agreements", 'originator = ""', "originator"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_with_its_name_and_the_mistake(
    tmp_path: Path, option: str, content: str | None, expected: str
) -> None:
    file = tmp_path / "given.toml"
    if content is not None:
        file.write_text(content)
    done = ssa_hub("up", "--data-dir", tmp_path / "d", "--port", 0, option, file)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines
    assert all(line.startswith(f"ssa-hub: {file}: ") for line in lines), done.stderr
    assert any(expected in line for line in lines)


@contextmanager
def silent_server() -> Iterator[int]:
    """A port on which somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_taken_is_one_line_and_leaves_no_data_directory(tmp_path: Path) -> None:
    with silent_server() as port:
        done = ssa_hub("up", "--data-dir", tmp_path / "d", "--port", port)
    assert_one_line(done, f"port {port}", "--port")
    assert not (tmp_path / "d" / "state.sqlite").exists()


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    url = "postgresql+psycopg://a:secret@127.0.0.1:1/x"
    done = ssa_hub("up", "--data-dir", tmp_path / "d", "--port", 0, "--database-url", url)
    assert_one_line(done, "port 1", "refused")
    assert "secret" not in done.stderr
    assert_one_line(ssa_hub("status", "--database-url", url), "port 1", "refused")


def test_a_database_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with silent_server() as port:
        url = f"postgresql+psycopg://a:b@127.0.0.1:{port}/x?connect_timeout=2"
        assert_one_line(ssa_hub("status", "--database-url", url), str(port))


def test_connecting_to_a_database_has_a_limit_unless_it_is_given_one() -> None:
    option = next(parameter for parameter in COMMANDS["status"].params if parameter.name == "database_url")
    with click.Context(COMMANDS["status"]) as context:
        for given, expected in {
            "postgresql+psycopg://h/d": "postgresql+psycopg://h/d?connect_timeout=10",
            "postgresql+psycopg://h/d?sslmode=require": "postgresql+psycopg://h/d?sslmode=require&connect_timeout=10",
            "postgresql+psycopg://h/d?connect_timeout=3": "postgresql+psycopg://h/d?connect_timeout=3",
            "sqlite:///x": "sqlite:///x",
        }.items():
            assert option.process_value(context, given) == expected


@pytest.mark.slow
def test_kafka_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with silent_server() as port:
        server = f"127.0.0.1:{port}"
        done = ssa_hub("up", "--data-dir", tmp_path / "d", "--port", 0, "--log-url", f"kafka://{server}")
        assert_one_line(done, "Kafka", server)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--log-url", "carrier-pigeon://loft"), ("--log-url", "kafka://nowhere"), ("--host", "256.1.1.1")],
)
def test_an_address_that_is_none_is_one_line(tmp_path: Path, option: str, value: str) -> None:
    assert_one_line(ssa_hub("up", "--data-dir", tmp_path / "d", "--port", 0, option, value), value.split("//")[-1])


@pytest.mark.parametrize(
    ("option", "value"), [("--screen-start", "soon"), ("--database-url", "mysql://x"), ("--port", "99999")]
)
def test_an_option_that_cannot_be_right_is_a_usage_error_before_anything_is_begun(
    tmp_path: Path, option: str, value: str
) -> None:
    done = ssa_hub("up", "--data-dir", tmp_path / "d", option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()


def test_parts_that_do_not_belong_together_end_the_hub_with_one_line(tmp_path: Path) -> None:
    from ingest.log import TopicPartition
    from ssa_hub.state.store import open_state

    (tmp_path / "d").mkdir()
    with open_state(f"sqlite:///{tmp_path / 'd' / 'state.sqlite'}") as state, state.transaction() as connection:
        state.positions.set(connection, {TopicPartition("elements", 0): 7})
    (tmp_path / "sources.toml").write_text("")
    done = ssa_hub("up", "--data-dir", tmp_path / "d", "--port", 0, "--sources", tmp_path / "sources.toml")
    assert_one_line(done, "do not belong together")


def test_an_interrupt_ends_a_hub_with_status_0_and_the_exercise_says_what_to_try(tmp_path: Path) -> None:
    output = tmp_path / "said.txt"
    command = [str(Path(sys.executable).with_name("ssa-hub")), "up", "--data-dir", str(tmp_path / "d"), "--port", "0"]
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("taken in") and not any(before.startswith("taken in") for before in said[:-1]):
            process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()
    assert output.read_text() == ""
    keys = [line for line in said if line.startswith("           ") and " ssa_" in line]
    assert len({line.index(" ssa_") for line in keys}) == 1, "keys stand below each other"
    (tried,) = (line for line in said if line.startswith("try "))
    assert keys[0].split()[1] in tried
    assert "/v1/conjunctions" in tried
    assert said[-1].startswith("stopped")
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0, "the data directory is its owner's alone"
