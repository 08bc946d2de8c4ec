"""A small hub with something of everything in it, closed; and damage that is undone."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.payload import Payload, Provenance
from ingest.log import Entry
from ingest.topics import ELEMENTS
from schemas.labels import Label
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.history.object_lists import ObjectList, packed
from ssa_hub.history.planning import Planner
from ssa_hub.history.runs import new_run_id
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import unpacked
from ssa_hub.history.tables import definition_of
from ssa_hub.services.hub import Hub, open_hub
from ssa_hub.services.recorder import Recorder
from ssa_hub.settings import Settings, settings_in
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.store import open_state
from ssa_hub.verification.findings import Report
from ssa_hub.verification.verifying import verify_hub
from tests.hub.rooms import running_until
from tests.ingest.tle import element_set, with_checksum

LABEL = Label("PUBLIC", "UNCLASSIFIED")
OBJECTS = 5


def later(number: int) -> str:
    """A newer element set of the object."""
    first, second = element_set(number).splitlines()
    return f"{with_checksum(first.replace('24260.5', '24261.5'))}\n{second}\n"


def payload(text: str) -> Payload:
    """What a source brings."""
    provenance = Provenance(source="drop", originator="CENTRE", data_mode=DataMode.REAL, label=LABEL)
    return Payload(provenance=provenance, data=text.encode(), location="a.tle", retrieved_tai_ns=now_tai_ns())


async def fill(settings: Settings) -> None:
    """Ten element sets of five objects, a refused one, and a message that is no record."""
    async with open_hub(settings) as hub:
        for number in range(1, OBJECTS + 1):
            await hub.ingest.accept(payload(element_set(number) + later(number)))
        await hub.ingest.accept(payload(element_set(9).replace("51.6400", "51.64x0")))
        await hub.log.append(ELEMENTS, [Entry(key=b"x", value=b"no record")])
        Disclosures(hub.state)  # makes nothing; the chain begins with the first entry
        await running_until(lambda: recorded(hub) == 2 * OBJECTS and bool(hub.state.quarantine.counts().get("drop")),
                            Recorder(hub.log, hub.history, hub.state).run())  # fmt: skip


def recorded(hub: Hub) -> int:
    """How many records state has."""
    return hub.state.recorded.last_seq()


def filled_hub(directory: Path) -> Settings:
    """A hub on the embedded default that `fill` has filled."""
    settings = settings_in(directory, data_mode=DataMode.REAL)
    asyncio.run(fill(settings))
    return settings


def append_again(settings: Settings) -> None:
    """Append two records to history that it has already."""
    with (
        open_state(settings.database_url) as state,
        state.database.snapshot() as connection,
        History.open(settings.warehouse, settings.catalogue_url, settings.object_store) as history,
    ):
        bodies = list(connection.exec_driver_sql("SELECT body FROM recorded LIMIT 2").scalars())
        history.append(ELEMENTS, read_bodies(bodies, ELEMENTS), positions={})


def list_falsely(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a data file anew, all its rows, with a list of objects that gives each the rows of the next."""

    def shifted(listed: ObjectList) -> str:
        return packed(ObjectList(pa.array([f"{name}-" for name in listed.objects.to_pylist()]), listed.ends))

    with History.open(settings.warehouse, settings.catalogue_url) as history, monkeypatch.context() as patched:
        patched.setattr("ssa_hub.history.object_lists.packed", shifted)
        file = Planner(history).plan(ELEMENTS).files[0]
        definition = definition_of(ELEMENTS)
        rows = unpacked(definition.as_stored(history.files.table(file.path)), definition)
        schema = definition.record_schema
        added = history.write_data_files(ELEMENTS, rows.select(schema.names).cast(schema), level=1, run=new_run_id())
        history.replace(ELEMENTS, [file.path], added)


def verified(settings: Settings, *, quick: bool = False) -> Report:
    """What verification reports."""
    return asyncio.run(verify_hub(settings, quick=quick))


@contextmanager
def undone(directory: Path, saved: Path) -> Iterator[None]:
    """Whatever the block does to the directory is undone."""
    shutil.copytree(directory, saved)
    try:
        yield
    finally:
        shutil.rmtree(directory)
        shutil.copytree(saved, directory)
        shutil.rmtree(saved)


def in_sqlite(path: Path, *statements: str) -> None:
    """Run statements in a database, past everything that guards it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            cursor = connection.execute(statement)
            assert cursor.rowcount != 0, f"nothing happened: {statement}"
        connection.commit()
