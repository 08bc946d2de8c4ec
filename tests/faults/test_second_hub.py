"""Two hubs by mistake: on one data directory, or with states of their own on one log. The second one refuses."""

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from ingest.claim import ForeignLogError, claim
from ingest.kafka_log import KafkaLog
from ingest.topics import HUB, TOPICS
from ssa_hub.services.owning import producer_name
from tests.deployment.processes import command, running, wait_until, write_configuration
from tests.servers.postgres_server import create_database, drop_database

_PATIENCE_S = 120


def refused(arguments: list[str]) -> str:
    """Run a hub that must refuse to start; what it says, in one line on standard error."""
    done = subprocess.run([*command(), *arguments], capture_output=True, text=True, timeout=_PATIENCE_S)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def test_a_second_up_on_one_data_directory_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    configuration = [*write_configuration(tmp_path), "--data-dir", str(tmp_path / "data"), "--port", "0"]
    with running(["up", *configuration], tmp_path / "first.txt") as first:
        first.base_url()
        said = refused(["up", *configuration])
        assert re.search(rf"data is in use by process {first.process.pid} \(ssa-hub up\)", said)
        assert first.process.poll() is None
        first.kill()
        with running(["up", *configuration], tmp_path / "second.txt") as second:
            second.base_url()
            assert second.stop() == 0


@pytest.mark.kafka
@pytest.mark.postgres
def test_with_servers_a_second_up_or_serve_is_refused_and_workers_are_welcome(
    tmp_path: Path, kafka_bootstrap: str, postgres_url: str, postgres_server_url: str
) -> None:
    configuration = write_configuration(tmp_path)
    log = f"kafka://{kafka_bootstrap}?prefix={uuid.uuid4().hex[:8]}-"
    servers = ["--data-dir", str(tmp_path / "data"), "--database-url", postgres_url, "--log-url", log]
    with (
        running(["serve", *servers, "--port", "0", *configuration], tmp_path / "hub.txt") as hub,
        running(["worker", *servers], tmp_path / "worker-1.txt") as first,
        running(["worker", *servers], tmp_path / "worker-2.txt") as second,
    ):
        hub.base_url()
        for name in ("up", "serve"):
            said = refused([name, *servers, "--port", "0", *configuration])
            assert f"is in use by process {hub.process.pid} (ssa-hub serve)" in said
        for worker in (first, second):
            wait_until(lambda: "worker on" in worker.said(), _PATIENCE_S, worker)  # noqa: B023
        other_state(tmp_path, log, configuration, postgres_server_url)
        for process in (second, first, hub):
            assert process.stop() == 0


def other_state(tmp_path: Path, log: str, configuration: list[str], postgres_server_url: str) -> None:
    """A hub of another state is refused on this log, unless it is told to take it over."""
    name = f"other_{uuid.uuid4().hex}"
    url = create_database(postgres_server_url, name)
    try:
        servers = ["--data-dir", str(tmp_path / "other"), "--database-url", url, "--port", "0", *configuration]
        assert "the log's topics belong to another hub" in refused(["serve", *servers, "--log-url", log])
    finally:
        drop_database(postgres_server_url, name)


@pytest.mark.kafka
async def test_a_log_belongs_to_the_hub_that_claims_it_first_until_another_one_adopts_it(kafka_bootstrap: str) -> None:
    prefix = f"{uuid.uuid4().hex[:8]}."
    async with (
        KafkaLog(kafka_bootstrap, (*TOPICS, HUB), prefix) as one,
        KafkaLog(kafka_bootstrap, (*TOPICS, HUB), prefix) as other,
    ):
        await claim(one, "first")
        await claim(other, "first")
        with pytest.raises(ForeignLogError, match=r"another hub \(first; this one's state is of hub second\)"):
            await claim(other, "second")
        await claim(other, "second", adopt=True)
        await claim(one, "second", adopt=True)
        with pytest.raises(ForeignLogError, match="second"):
            await claim(one, "first")


def test_each_process_of_a_directory_has_a_name_of_its_own_which_a_restarted_one_gets_again(tmp_path: Path) -> None:
    with producer_name(tmp_path) as first:
        with producer_name(tmp_path) as second, producer_name(tmp_path) as third:
            assert len({first, second, third}) == 3
        with producer_name(tmp_path) as again:
            assert again == second
    with producer_name(tmp_path) as again:
        assert again == first
    (tmp_path / "elsewhere").mkdir()
    with producer_name(tmp_path / "elsewhere") as elsewhere:
        assert elsewhere != first
