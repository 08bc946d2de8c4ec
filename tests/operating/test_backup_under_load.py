"""A backup taken while partners push, restored elsewhere: the same answers, byte for byte, and nothing is wrong."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.deployment.processes import (
    Process,
    command,
    drop_catalogue,
    partner_key,
    running,
    wait_until,
    write_configuration,
)
from tests.operating.pushing import Pusher
from tests.servers.postgres_server import create_database, drop_database

OBJECTS = 300
PARTNERS = ("CENTRE-A", "CENTRE-B", "OPERATOR-C", "STRANGER-D")
LISTINGS = ("elements", "elements/history", "conjunctions")
ACCOUNT_OF_A = """
[[partner]]
name = "CENTRE-A"
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]
"""
SCREENED_ONCE = (
    *("--screen-start", "2026-03-10T00:00:00", "--screen-hours", "3", "--threshold-km", "20"),
    *("--screen-every-s", "86400"),
)


def pages(base_url: str, key: str, listing: str, known_at: str) -> list[bytes]:
    """Every page of a listing as of an instant, as bytes."""
    found: list[bytes] = []
    parameters: dict[str, str | int] = {"known_at": known_at, "format": "ndjson", "limit": 1_000}
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        while True:
            answer = client.get(f"/v1/{listing}", params=parameters)
            answer.raise_for_status()
            found.append(answer.content)
            cursor = answer.headers.get("SSA-Next-Cursor")
            if cursor is None:
                return found
            parameters["cursor"] = cursor


def answers(base_url: str, keys: dict[str, str], known_at: str) -> dict[tuple[str, str], list[bytes]]:
    return {
        (name, listing): pages(base_url, key, listing, known_at) for name, key in keys.items() for listing in LISTINGS
    }


def done(*arguments: str) -> str:
    """Run a command, which must end well; what it prints."""
    result = subprocess.run([*command(), *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_backup_taken_under_load_and_restored_elsewhere_answers_the_same(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first, second = ["--data-dir", str(tmp_path / "hub")], ["--data-dir", str(tmp_path / "else where" / "hub")]
    elsewhere = ""
    if database == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        elsewhere = create_database(url, f"{url.rpartition('/')[2]}_restored")
        first += ["--database-url", url]
        second += ["--database-url", elsewhere]
    try:
        _taken_and_compared(tmp_path, first, second)
    finally:
        if elsewhere:
            drop_database(elsewhere.rpartition("/")[0] + "/postgres", elsewhere.rpartition("/")[2])


def _taken_and_compared(directory: Path, first: list[str], second: list[str]) -> None:
    configuration = write_configuration(directory)
    partners = directory / "partners.toml"
    partners.write_text(partners.read_text() + ACCOUNT_OF_A)
    expected = drop_catalogue(directory, OBJECTS)
    up = ["up", "--port", "0", *configuration, *SCREENED_ONCE]
    early, late = directory / "early", directory / "late"
    with running([*up, *first], directory / "first.txt") as process:
        base_url = process.base_url()
        wait_until(lambda: "screened " in process.said(), 180, process)
        keys = {name: partner_key(first, name) for name in PARTNERS}
        # The hub makes the secret behind a partner's opaque ids when he first asks.
        answers(base_url, keys, "2026-03-10T00:00:00")
        with Pusher(base_url, keys["CENTRE-A"]) as pusher:
            pusher.wait_for(5)
            done("backup", str(early), *first)
            known_at, acknowledged = pusher.settled_utc, pusher.records
            done("backup", str(late), "--since", str(early), *first)
            pusher.wait_for(len(pusher.acknowledged) + 5)
            done("verify", *first)
        everything = expected + pusher.records

        def all_recorded() -> bool:
            lines = b"".join(pages(base_url, keys["CENTRE-A"], "elements/history", "2099-01-01T00:00:00"))
            return lines.count(b"\n") == everything

        wait_until(all_recorded, 120, process)
        told = answers(base_url, keys, known_at)
        assert process.stop() == 0
    lines = b"".join(told["CENTRE-A", "elements/history"]).count(b"\n")
    assert expected + acknowledged <= lines < everything
    assert b"".join(told["CENTRE-B", "conjunctions"])
    # Compaction may have replaced every data file between the two; payloads stay.
    payloads = list(early.rglob("payloads/*/*"))
    assert payloads
    assert all(_same_file(path, late / path.relative_to(early)) for path in payloads)

    done("restore", str(late), *second)
    done("verify", *second)
    with running([*up, *second], directory / "second.txt") as restored:
        assert _answers_when_recorded(restored, keys, known_at, lines) == told
        done("verify", *second)
        assert restored.stop() == 0
    done("verify", *second)


def _same_file(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _answers_when_recorded(
    process: Process, keys: dict[str, str], known_at: str, lines: int
) -> dict[tuple[str, str], list[bytes]]:
    base_url = process.base_url()

    def recorded() -> bool:
        if not _listens(base_url):  # it says where it is before it listens
            return False
        pages_of_a = pages(base_url, keys["CENTRE-A"], "elements/history", known_at)
        return b"".join(pages_of_a).count(b"\n") == lines

    wait_until(recorded, 60, process)
    return answers(base_url, keys, known_at)


def _listens(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/v1/health").status_code in (200, 503)
    except httpx.ConnectError:
        return False
