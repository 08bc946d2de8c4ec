"""The deployment of docker-compose.yml as processes: Kafka, PostgreSQL, one hub, two workers, one of them killed."""

from pathlib import Path

import pytest

from tests.deployment.processes import (
    SCREENING,
    Process,
    Seen,
    approaches_found,
    drop_catalogue,
    everything,
    partner_key,
    running,
    wait_until,
    write_configuration,
)

OBJECTS = 1_200
NAMES = ("CENTRE-B", "OPERATOR-C", "STRANGER-D")


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
def test_two_workers_of_which_one_is_killed_give_the_same_answers_as_the_embedded_hub(
    tmp_path: Path, kafka_bootstrap: str, postgres_url: str
) -> None:
    configuration = write_configuration(tmp_path)
    expected = drop_catalogue(tmp_path, OBJECTS)
    with running(["up", "--data-dir", str(tmp_path / "one"), "--port", "0", *configuration, *SCREENING],
                 tmp_path / "one.txt") as process:  # fmt: skip
        embedded = answers(process.base_url(), ["--data-dir", str(tmp_path / "one")], expected, [process])
        assert process.stop() == 0

    servers = ["--data-dir", str(tmp_path / "many"), "--database-url", postgres_url]
    log = ["--log-url", f"kafka://{kafka_bootstrap}?prefix={tmp_path.name}-"]
    with (
        running(["serve", *servers, *log, "--port", "0", *configuration], tmp_path / "hub.txt") as hub,
        running(["worker", *servers, *log, *SCREENING], tmp_path / "worker-1.txt") as first,
        running(["worker", *servers, *log, *SCREENING], tmp_path / "worker-2.txt") as second,
    ):
        base = hub.base_url()
        key = partner_key(servers, "CENTRE-B")
        wait_until(lambda: len(everything(base, {"B": key})["B"]["elements"]) > 0, 120, hub, first, second)
        first.kill()
        distributed = answers(base, servers, expected, [hub, second])
        assert second.stop() == 0
        assert hub.stop() == 0
    assert distributed == embedded


def answers(base: str, where: list[str], expected: int, processes: list[Process]) -> Seen:
    """What every partner sees once all is recorded, what screening found included."""
    keys = {name: partner_key(where, name) for name in NAMES}

    def all_recorded() -> bool:
        found = approaches_found(where)
        seen = everything(base, {"B": keys["CENTRE-B"]})["B"]
        return len(seen["elements/history"]) == expected and found is not None and len(seen["conjunctions"]) >= found

    wait_until(all_recorded, 240, *processes)
    return everything(base, keys)
