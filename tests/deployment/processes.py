"""Hubs as their users run them: processes of the installed command, asked over HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from connectors.exercise.scenario import generate_exercise
from schemas.timescales import parse_utc

# What each partner sees: partner -> listing -> rows.
Seen = dict[str, dict[str, list[dict[str, Any]]]]

START_UTC = "2026-03-10T00:00:00"
SCREENING = ("--screen-start", START_UTC, "--screen-hours", "3", "--threshold-km", "20", "--screen-every-s", "5")

PARTNERS = """
[[partner]]
name = "CENTRE-B"
groups = ["coalition"]
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]

[[partner]]
name = "OPERATOR-C"
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]

[[partner]]
name = "STRANGER-D"
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]
"""
AGREEMENT = """
originator = "CENTRE-A"

[[rule]]
id = "coalition-full"
kinds = ["elements", "derived-conjunctions"]
groups = ["coalition"]
data_modes = ["REAL"]
fields = ["*"]

[[rule]]
id = "operator-c"
kinds = ["elements"]
partners = ["OPERATOR-C"]
data_modes = ["REAL"]
fields = ["object_name", "inclination_deg"]

[[rule]]
id = "operator-c-approaches"
kinds = ["derived-conjunctions"]
partners = ["OPERATOR-C"]
data_modes = ["REAL"]
fields = ["miss_distance_m"]
"""
SOURCES = """
[[source]]
id = "drop"
kind = "folder"
path = "drop"
settle_s = 0.2
poll_s = 0.1
originator = "CENTRE-A"
label = { policy = "PUBLIC", classification = "UNCLASSIFIED" }
"""


def command() -> list[str]:
    """The installed command."""
    return [str(Path(sys.executable).with_name("ssa-hub"))]


def write_configuration(directory: Path) -> list[str]:
    """Sources, partners and one agreement in a directory; answers the options that name them."""
    (directory / "agreements").mkdir(parents=True)
    (directory / "drop").mkdir()
    (directory / "sources.toml").write_text(SOURCES)
    (directory / "partners.toml").write_text(PARTNERS)
    (directory / "agreements" / "centre-a.toml").write_text(AGREEMENT)
    return [
        "--sources", str(directory / "sources.toml"),
        "--partners", str(directory / "partners.toml"),
        "--agreements", str(directory / "agreements"),
    ]  # fmt: skip


def drop_catalogue(directory: Path, objects: int, seed: int = 7) -> int:
    """Drop the exercise's first messages as files; answers how many element sets they hold."""
    messages = generate_exercise(seed, objects, 12, parse_utc(START_UTC)).first_messages()
    for owner, data in messages.items():
        unfinished = directory / "drop" / f".{owner}"
        unfinished.write_bytes(data)
        unfinished.rename(directory / "drop" / f"{owner}.csv")
    return sum(data.count(b"\n") - 1 for data in messages.values())


class Process:
    """One running ssa-hub; what it prints goes into a file."""

    def __init__(self, arguments: list[str], output: Path) -> None:
        self.output = output
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SSA_HUB_")}
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [*command(), *arguments], stdout=file, stderr=subprocess.STDOUT, env=environment
            )

    def said(self) -> str:
        """All that it has printed."""
        return self.output.read_text()

    def base_url(self) -> str:
        """Where its API is, once it says so."""
        pattern = re.compile(r"API +(?:on )?(http://\S+)")
        wait_until(lambda: pattern.search(self.said()) is not None, 60, self)
        match = pattern.search(self.said())
        assert match is not None
        return match[1]

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C, and its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def running(arguments: list[str], output: Path) -> Iterator[Process]:
    """A process for the length of the block; killed at the end where it is still there."""
    process = Process(arguments, output)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()


def wait_until(condition: Callable[[], bool], patience_s: float, *processes: Process) -> None:
    """Wait for a condition; fails with what the processes said when patience ends or one of them dies."""
    deadline = time.monotonic() + patience_s
    pause = 0.02
    while not condition():
        dead = [process for process in processes if process.process.poll() is not None]
        if dead or time.monotonic() > deadline:
            said = "\n".join(f"--- {process.output.name}\n{process.said()}" for process in processes)
            raise AssertionError(f"{'a process died' if dead else 'patience ended'}\n{said}")
        # Waiting for another process: nothing in this one could wake us up.
        signal.sigtimedwait([], pause)
        pause = min(0.25, pause * 1.5)


def ssa_hub(*arguments: str) -> str:
    """Run a command to its end; what it prints."""
    return subprocess.run([*command(), *arguments], capture_output=True, text=True, check=True).stdout


def approaches_found(where: list[str]) -> int | None:
    """How many close approaches the last complete screening run has published; None before there is one."""
    # Status 1 says that something is wrong as well, as it is after a worker's death; what it prints is the same.
    told = subprocess.run([*command(), "status", *where], capture_output=True, text=True, check=False)
    match = re.search(r": complete in .*?([0-9,]+) close approaches", told.stdout)
    return None if match is None else int(match[1].replace(",", ""))


def partner_key(where: list[str], name: str) -> str:
    """A new key for a partner."""
    return ssa_hub("partners", "key", name, *where).strip()


def rows(base_url: str, key: str, listing: str, **query: Any) -> list[dict[str, Any]]:
    """All rows of a listing that the holder of a key gets, page after page."""
    found: list[dict[str, Any]] = []
    parameters = {"limit": 20_000, **query, "format": "ndjson"}
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        while True:
            answer = client.get(f"/v1/{listing}", params=parameters)
            answer.raise_for_status()
            found += [json.loads(line) for line in answer.text.splitlines()]
            cursor = answer.headers.get("SSA-Next-Cursor")
            if cursor is None:
                return found
            parameters["cursor"] = cursor


def without_reception(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what differs between two runs, in one order: when they were received, and, where they are seen in
    part, their ids, which are each hub's own pseudonyms.
    """
    in_part = any(row["withheld"] for row in found)
    differs = ("received_", "record_id", "parent_1", "parent_2") if in_part else ("received_",)
    kept = [{key: value for key, value in row.items() if not key.startswith(differs)} for row in found]
    return sorted(kept, key=lambda row: repr(sorted(row.items())))


def everything(base_url: str, keys: dict[str, str]) -> Seen:
    """What each partner sees in each listing, comparable between runs."""
    listings = ("elements", "elements/history", "conjunctions")
    return {
        name: {listing: without_reception(rows(base_url, key, listing)) for listing in listings}
        for name, key in keys.items()
    }
