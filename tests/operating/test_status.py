"""Status: what a person sees in 80 columns, what a program gets, and when it is an alarm."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssa_hub.services.hub import open_hub
from ssa_hub.settings import Settings
from tests.deployment.processes import command
from tests.ingest.tle import element_set
from tests.operating.filled_hub import OBJECTS, filled_hub, in_sqlite, payload, undone


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return filled_hub(tmp_path_factory.mktemp("filled") / "hub")


@pytest.fixture
def hub(filled: Settings, tmp_path: Path) -> Iterator[Settings]:
    with undone(filled.data_dir, tmp_path / "saved"):
        yield filled


def status(settings: Settings, *arguments: str) -> tuple[int, str]:
    line = [*command(), "status", "--data-dir", str(settings.data_dir), *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


async def _take_in(settings: Settings) -> None:
    async with open_hub(settings) as opened:
        await opened.ingest.accept(payload(element_set(60) + element_set(61)))


def test_a_sound_hub_says_how_it_stands_in_80_columns(filled: Settings) -> None:
    code, text = status(filled)
    lines = text.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"records      {2 * OBJECTS} recorded, the newest ")
    assert "log          0 messages wait to be recorded" in lines
    assert any(line.startswith(f"history      elements: {2 * OBJECTS} rows, ") for line in lines)
    assert "quarantine   2 refused; drop: 1; log:elements: 1" in lines


def test_what_waits_is_counted_with_the_time_that_it_waits(hub: Settings) -> None:
    asyncio.run(_take_in(hub))
    code, text = status(hub, "--json")
    seen = json.loads(text)
    assert (code, seen["lag_messages"], seen["wrong"]) == (0, 2, [])
    assert 0 <= seen["lag_seconds"] < 300
    assert sum(seen["lag"]["elements"].values()) == 2


def test_what_has_waited_too_long_is_an_alarm(hub: Settings) -> None:
    asyncio.run(_take_in(hub))
    in_sqlite(
        hub.data_dir / "log" / "log.sqlite3",
        "UPDATE record SET value = CAST(replace(CAST(value AS TEXT), '\"received_tai_ns\":1', '\"received_tai_ns\":')"
        " AS BLOB) WHERE CAST(value AS TEXT) LIKE '%cat-60\"%'",
    )
    code, text = status(hub)
    assert code == 1
    assert "is the hub running?" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("away", "words"), [("log", "the log cannot be looked at"), ("history", "there is no catalogue of a history")]
)
def test_a_part_that_is_away_is_named_and_the_others_are_told(hub: Settings, away: str, words: str) -> None:
    (hub.data_dir / away).rename(hub.data_dir / "elsewhere")
    code, text = status(hub)
    assert code == 1
    assert any(line.startswith("WRONG") and words in line for line in text.splitlines())
    assert f"{2 * OBJECTS} recorded" in text
