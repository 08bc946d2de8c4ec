"""What must hold when all is quiet again: acknowledged = stored, none doubled, order per object kept, ledger intact.

The history is read from its catalogue by PyIceberg and not through the hub's own questions, the state by plain SQL.
"""

import asyncio
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from ingest.log import LogRecord, TopicPartition
from ingest.log_url import open_log
from ingest.topics import ELEMENTS
from schemas.timescales import format_utc
from ssa_hub.history.catalogues import open_catalogue
from tests.deployment.processes import command
from tests.faults.known_orbits import step_of
from tests.faults.servers import Hub

# An object's pushes are of at most so many steps: more than these beyond the acknowledged ones cannot be under way.
_UNDER_WAY_MAX = 8
# What `verify` must have looked at.
_CHECKS = ("positions", "history/elements", "log/elements", "newest", "payloads", "journal", "ledger")

Object = tuple[str, int]


class Record(NamedTuple):
    """What is compared of a stored element set."""

    originator: str
    catalogue_number: int
    step: int
    record_id: str
    received_tai_ns: int


class Stored(NamedTuple):
    """Everything that is stored, in the order of its place."""

    log: list[Record]
    history: list[Record]
    state: list[Record]
    refusals: int


def recorded(hub: Hub) -> int | None:
    """How many element sets the state has; None while its database is away."""
    engine = create_engine(hub.database_url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM recorded WHERE kind = 'elements'")).scalar_one())
    except SQLAlchemyError:
        return None


def stored(hub: Hub) -> Stored:
    """Read log, history and state. The hub's own processes must have ended; its servers run."""
    state, refusals = _state(hub)
    return Stored(asyncio.run(_log(hub)), _history(hub), state, refusals)


def problems(found: Stored, acknowledged: dict[Object, int], refused: int) -> list[str]:
    """What does not hold."""
    wrong = [*_steps_wrong("history", found.history, acknowledged), *_steps_wrong("state", found.state, acknowledged)]
    if {record.record_id for record in found.history} != {record.record_id for record in found.state}:
        wrong.append("history and state hold different records")
    on_log = {record.record_id for record in found.log}
    strangers = {record.record_id for record in found.history} - on_log
    if strangers:
        wrong.append(f"{len(strangers)} records of the history are not on the log")
    wrong += _order_wrong("log", _first_of_each(found.log))
    wrong += _order_wrong("state", found.state)
    by_reception = sorted(found.history, key=lambda record: (record.received_tai_ns, record.step))
    wrong += _order_wrong("history", by_reception)
    if found.refusals < refused:
        wrong.append(f"{refused} refusals were acknowledged, {found.refusals} are in quarantine")
    return wrong


def commands_wrong(hub: Hub, acknowledged: int) -> tuple[list[str], list[str]]:
    """What the hub's own commands say of it: what they find wrong, and what `verify` says that it has compared.

    ``acknowledged``: so many records must be among those that it compares, or it has looked elsewhere.
    """
    wrong = []
    commands = (["ledger", "verify", *hub.where], ["verify", "--json", *hub.where, "--log-url", hub.log_url])
    with ThreadPoolExecutor() as at_once:
        ledger, verify = at_once.map(_said_by, commands)
    if ledger.returncode:
        wrong.append(f"ssa-hub ledger verify ended with {ledger.returncode}: {(ledger.stdout + ledger.stderr)[-1500:]}")
    try:
        told = msgspec.json.decode(verify.stdout)
    except msgspec.DecodeError:
        return [*wrong, f"ssa-hub verify ended with {verify.returncode}: {(verify.stdout + verify.stderr)[-1500:]}"], []
    wrong += [f"ssa-hub verify: {finding}" for finding in told["findings"]]
    if verify.returncode or not told["sound"]:
        wrong.append(f"ssa-hub verify ended with {verify.returncode}")
    checked: dict[str, str] = told["checked"]
    if missing := [check for check in _CHECKS if check not in checked]:
        wrong.append(f"ssa-hub verify says nothing of {', '.join(missing)}")
    rows = re.match(r"[\d,]+", checked.get("history/elements", ""))
    if rows is None or int(rows[0].replace(",", "")) < acknowledged:
        wrong.append(f"ssa-hub verify compared {checked.get('history/elements')} of {acknowledged:,} acknowledged")
    return wrong, [f"{check}: {checked.get(check)}" for check in _CHECKS]


def _said_by(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command(), *arguments], capture_output=True, text=True)


def _steps_wrong(place: str, records: list[Record], acknowledged: dict[Object, int]) -> Iterator[str]:
    steps: dict[Object, Counter[int]] = defaultdict(Counter)
    for record in records:
        steps[record.originator, record.catalogue_number][record.step] += 1
    for one in steps.keys() - acknowledged.keys():
        yield f"{place}: {one} was never sent"
    for one, count in acknowledged.items():
        missing = [step for step in range(count) if step not in steps[one]]
        doubled = [step for step, times in steps[one].items() if times > 1]
        beyond = [step for step in steps[one] if step >= count + _UNDER_WAY_MAX]
        for what, which in (("lost", missing), ("doubled", doubled), ("never sent", beyond)):
            if which:
                yield f"{place}: {one}: {len(which)} {what}, first step {min(which)} (acknowledged: {count})"


def _order_wrong(place: str, records: Iterable[Record]) -> Iterator[str]:
    last: dict[Object, int] = {}
    for record in records:
        one = (record.originator, record.catalogue_number)
        if record.step < last.get(one, -1):
            yield f"{place}: {one}: step {record.step} comes after {last[one]}"
        last[one] = record.step


def _first_of_each(records: Iterable[Record]) -> Iterator[Record]:
    """Without repeats, which the log may hold where an outcome was not known."""
    seen: set[str] = set()
    for record in records:
        if record.record_id not in seen:
            seen.add(record.record_id)
            yield record


def _record(row: dict[str, Any]) -> Record:
    return Record(
        row["originator"], row["catalogue_number"], step_of(row["epoch_utc"]), row["record_id"], row["received_tai_ns"]
    )


def _history(hub: Hub) -> list[Record]:
    catalogue = open_catalogue(f"file://{hub.data_dir / 'history'}", hub.catalogue_url)
    table = catalogue.load_table(("ssa_hub", ELEMENTS))
    columns = ("originator", "catalogue_number", "epoch_tai_ns", "record_id", "received_tai_ns")
    found = table.scan(selected_fields=columns).to_arrow()
    catalogue.engine.dispose()
    rows = zip(*(found.column(name).to_pylist() for name in columns), strict=True)
    return [Record(originator, number, _step(epoch), *rest) for originator, number, epoch, *rest in rows]


def _step(epoch_tai_ns: int) -> int:
    return step_of(format_utc(epoch_tai_ns, 6))


def _state(hub: Hub) -> tuple[list[Record], int]:
    engine = create_engine(hub.database_url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT body FROM recorded WHERE kind = 'elements' ORDER BY seq")).scalars()
            records = [_record(msgspec.json.decode(row)) for row in rows]
            refusals: int = connection.execute(text("SELECT count(*) FROM quarantine")).scalar_one()
        return records, refusals
    finally:
        engine.dispose()


async def _log(hub: Hub) -> list[Record]:
    messages: list[LogRecord] = []
    async with open_log(hub.log_url) as log:
        for partition, end in (await log.end_offsets(ELEMENTS)).items():
            messages += await _partition(log, partition, end)
    return [_record(msgspec.json.decode(message.value)) for message in messages]


async def _partition(log: Any, partition: TopicPartition, end: int) -> list[LogRecord]:
    found: list[LogRecord] = []
    at = 0
    while at < end:
        batch = await log.read(partition, at, 10_000)
        if not batch:
            break
        found += batch
        at = batch[-1].offset + 1
    return found
