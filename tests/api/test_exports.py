"""Exports: what the listings hold, in one answer or made by a job that survives its worker and ends with the rules."""

import asyncio
import base64
import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest

from ingest.disk_reserve import DiskFullError
from schemas.labels import Label
from schemas.records import DataMode
from ssa_hub.services import export_jobs
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.export_formats import ExportFormat
from ssa_hub.sharing.exporting import ExportAsked, Exporting, RulesChangedError
from tests.api.conftest import ELEMENTS
from tests.api.export_jobs import ordered, service_of
from tests.api.records import record_id, utc
from tests.api.rules import ALPHA
from tests.api.served_hub import ServedHub
from tests.schemas.spif.documents import spif


def paged(client: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a listing, page by page."""
    found: list[dict[str, Any]] = []
    query |= {"limit": 2}
    while True:
        page = client.get(path, params=query).raise_for_status().json()
        found += page["items"]
        if page["next"] is None:
            return found
        query |= {"cursor": page["next"]}


def as_rows(content: bytes, form: str) -> list[dict[str, Any]]:
    """An export's rows, by each format's own reader."""
    if form == "parquet":
        return list(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist())
    if form == "arrow":
        return list(pa.ipc.open_stream(content).read_all().to_pylist())
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("form", ["parquet", "arrow", "ndjson"])
@pytest.mark.parametrize("partner", ["BETA", "GAMMA", "NOBODY", "HERMIT"])
@pytest.mark.parametrize(
    ("export", "listing"),
    [("/v1/elements/export", "/v1/elements/history"), ("/v1/conjunctions/export", "/v1/conjunctions")],
)
def test_an_export_holds_what_the_pages_of_the_listing_hold(
    hub: ServedHub, export: str, listing: str, partner: str, form: str
) -> None:
    client = hub.client(partner)
    answer = client.get(export, params={"format": form}).raise_for_status()
    assert as_rows(answer.content, form) == paged(client, listing)
    assert answer.headers["SSA-Policy-Version"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_export_as_csv_has_a_header_and_the_rows_of_the_pages(hub: ServedHub) -> None:
    client = hub.client("BETA")
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/elements/export", params={"format": "csv"}).text)))
    pages = paged(client, "/v1/elements/history")
    assert [row["record_id"] for row in rows] == [item["record_id"] for item in pages]
    assert list(rows[0]) == list(pages[0])


def test_an_export_takes_ranges_of_epoch_and_reception_and_objects(hub: ServedHub) -> None:
    client = hub.client("BETA")

    def names(**query: str) -> list[str]:
        answer = client.get("/v1/elements/export", params={"format": "ndjson", **query}).raise_for_status()
        return [row["record_id"] for row in as_rows(answer.content, "ndjson")]

    assert names(received_to=utc(-150_000)) == [record_id("iss, old")]
    assert names(received_from=utc(-150_000), received_to=utc(-90_000)) == [record_id("iss, new")]
    assert names(epoch_from=utc(-160 * 864), object_id="cat-44714") == [record_id("starlink")]
    assert names(known_at=utc(-150_000)) == [record_id("iss, old")]


async def test_the_service_makes_what_is_ordered_while_it_runs(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    running = asyncio.create_task(service_of(own_hub).run())
    job = await asyncio.to_thread(ordered, client, format="ndjson")
    async with asyncio.timeout(60):
        # A job's status can only be asked for.
        while (await asyncio.to_thread(client.get, f"/v1/exports/{job}")).json()["status"] != "complete":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_every_exported_row_is_in_the_ledger(own_hub: ServedHub) -> None:
    own_hub.client("BETA").get("/v1/elements/export", params={"format": "csv"}).raise_for_status()
    received = own_hub.state.ledger.who_received([record_id("iss, new")], "ALPHA", 0)
    assert [(one.partner, one.channel) for one in received] == [("BETA", "export")]


def test_a_job_gives_the_bytes_of_its_digest_whole_or_in_ranges(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="ndjson")
    assert client.get(f"/v1/exports/{job}/content").status_code == 409
    service_of(own_hub).turn()
    status = client.get(f"/v1/exports/{job}").json()
    assert (status["status"], status["fraction"]) == ("complete", 1.0)
    content = client.get(f"/v1/exports/{job}/content")
    digest = hashlib.sha256(content.content).digest()
    assert as_rows(content.content, "ndjson") == paged(client, "/v1/elements/history")
    assert (status["sha256"], status["bytes"]) == (digest.hex(), len(content.content))
    assert content.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    pieces = []
    for start in range(0, len(content.content), 1_000):
        headers = {"Range": f"bytes={start}-{start + 999}", "If-Range": content.headers["ETag"]}
        piece = client.get(f"/v1/exports/{job}/content", headers=headers)
        assert piece.status_code == 206
        pieces.append(piece.content)
    assert b"".join(pieces) == content.content
    beyond = client.get(f"/v1/exports/{job}/content", headers={"Range": "bytes=9999999-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(content.content)}"
    assert beyond.headers["Content-Type"] == "application/problem+json"
    other = client.get(f"/v1/exports/{job}/content", headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, content.content)
    head = client.head(f"/v1/exports/{job}/content")
    assert head.headers["Content-Length"] == str(len(content.content))
    assert head.content == b""


_DYING_WORKER = """
import os, signal, sys
from pathlib import Path
from ssa_hub.history.store import History
from ssa_hub.services.export_jobs import ExportService
from ssa_hub.settings import settings_in
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.export_desk import ExportLimits
from ssa_hub.sharing.exporting import Exporting
from ssa_hub.sharing.policies import Policies
from ssa_hub.state.store import open_state

settings, now, looks = settings_in(Path(sys.argv[1])), int(sys.argv[2]), iter(range(100))

def dies_at_the_third_batch():
    if next(looks) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

state = open_state(settings.database_url)
history = History.open(settings.warehouse, settings.catalogue_url)
clock = lambda: now
exporting = Exporting(history, Policies(state), Disclosures(state, clock), clock, batch_rows=1)
ExportService(
    state, exporting, settings.data_dir / "exports", "dying", ExportLimits(),
    clock_tai_ns=clock, room=dies_at_the_third_batch, batches_a_part=1,
).turn()
"""


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_a_job_whose_worker_is_killed_is_finished_by_another_with_the_same_bytes(own_hub: ServedHub, form: str) -> None:
    client = own_hub.client("BETA")
    whole, resumed = ordered(client, format=form), ordered(client, format=form)
    # Both were ordered at one instant: the first by its id is made first.
    whole, resumed = sorted([whole, resumed])
    service_of(own_hub).turn()
    arguments = [str(own_hub.hub.settings.data_dir), str(own_hub.clock())]
    died = subprocess.run([sys.executable, "-c", _DYING_WORKER, *arguments], check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL
    job = own_hub.state.export_jobs.get(resumed)
    assert job is not None
    assert (job.status, job.rows) == ("running", 2)
    service_of(own_hub).turn()
    contents = [client.get(f"/v1/exports/{one}/content").content for one in (whole, resumed)]
    assert contents[0] == contents[1]


def test_a_job_is_its_partners_alone(own_hub: ServedHub) -> None:
    job = ordered(own_hub.client("BETA"))
    service_of(own_hub).turn()
    other = own_hub.client("GAMMA")
    nobodys = "0" * 32
    for path in ("/v1/exports/{}", "/v1/exports/{}/content"):
        mine, none = other.get(path.format(job)), other.get(path.format(nobodys))
        assert (mine.status_code, mine.content) == (none.status_code, none.content) == (404, none.content)
    assert other.delete(f"/v1/exports/{job}").status_code == 404
    assert other.get("/v1/exports").json() == {"items": []}


def test_a_job_is_gone_when_what_is_in_it_is_withdrawn_and_stays_when_it_is_not(own_hub: ServedHub) -> None:
    job = ordered(own_hub.client("BETA"))
    service_of(own_hub).turn()
    content = f"/v1/exports/{job}/content"
    own_hub.withdraw(next(row for row in ELEMENTS if row["record_id"] == record_id("iss of omega")))
    assert own_hub.client("BETA").get(content).status_code == 200
    own_hub.withdraw(next(row for row in ELEMENTS if row["record_id"] == record_id("iss, old")))
    assert own_hub.client("BETA").get(content).status_code == 410


def test_a_job_is_gone_when_the_rules_change(own_hub: ServedHub) -> None:
    job = ordered(own_hub.client("BETA"))
    service_of(own_hub).turn()
    own_hub.agree(ALPHA.replace('id = "beta-full"', 'id = "beta-other"'))
    assert own_hub.client("BETA").get(f"/v1/exports/{job}/content").status_code == 410


def rows_made(hub: ServedHub, partner: str, between: Callable[[], None]) -> int:
    """Rows of an export in batches of one, between whose first and second something happens."""
    exporting = Exporting(hub.hub.history, hub.hub.policies, Disclosures(hub.state, hub.clock), hub.clock, batch_rows=1)
    asked = ExportAsked("elements", DataMode.REAL, ExportFormat.CSV)
    enrolled = hub.state.partners.get(partner)
    assert enrolled is not None
    batches = exporting.batches(enrolled, asked, exporting.basis(enrolled))
    next(batches)
    between()
    return 1 + sum(batch.records.num_rows for batch in batches)


def test_a_security_policy_that_forbids_a_label_ends_exports_of_it(own_hub: ServedHub) -> None:
    """It changes no policy version: that names the partner's rules, not what labels mean."""
    client = own_hub.client("BETA")
    job, in_part = sorted([ordered(client), ordered(client)])  # of one instant: made in the order of their ids
    service_of(own_hub).turn()
    assert rows_made(own_hub, "BETA", lambda: None) > 1

    def forbid() -> None:
        own_hub.state.security_policies.add(
            "PUBLIC", spif(name="PUBLIC"), file="public.spif", by="test", now_tai_ns=own_hub.clock()
        )

    with pytest.raises(RulesChangedError):
        rows_made(own_hub, "BETA", forbid)
    assert client.get("/v1/elements/history").json()["items"] == []
    assert client.get(f"/v1/exports/{job}/content").status_code == 410
    # What is made now is made under the rules of now.
    service_of(own_hub).turn()
    assert client.get(f"/v1/exports/{in_part}").json()["rows"] == 0
    assert client.get(f"/v1/exports/{in_part}/content").status_code == 200


def test_a_label_that_nothing_in_a_job_has_leaves_it_as_it_is(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    job = ordered(client)
    service_of(own_hub).turn()
    own_hub.record(labels=(Label("PUBLIC", "UNCLASSIFIED", privacy_mark="NEW"),))
    assert client.get(f"/v1/exports/{job}/content").status_code == 200


def test_exports_of_a_partner_who_is_removed_end(own_hub: ServedHub) -> None:
    with pytest.raises(RulesChangedError, match="no longer enrolled"):
        rows_made(own_hub, "BETA", lambda: own_hub.state.partners.remove("BETA", own_hub.clock()))


def test_a_job_whose_parts_are_gone_is_begun_anew_and_holds_up_nobody(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    whole, job = sorted([ordered(client, format="csv"), ordered(client, format="csv")])
    service_of(own_hub).turn()
    arguments = [str(own_hub.hub.settings.data_dir), str(own_hub.clock())]
    subprocess.run([sys.executable, "-c", _DYING_WORKER, *arguments], check=False, timeout=120)
    rows = list((own_hub.hub.settings.data_dir / "exports" / job).glob("rows-*"))
    assert rows
    for path in rows:
        path.unlink()
    other = ordered(own_hub.client("GAMMA"))
    service_of(own_hub).turn()
    service_of(own_hub).turn()
    assert own_hub.client("GAMMA").get(f"/v1/exports/{other}").json()["status"] == "complete"
    contents = [client.get(f"/v1/exports/{one}/content").content for one in (whole, job)]
    assert contents[0] == contents[1] != b""


@pytest.mark.parametrize("gone", ["content-*", "ids-000000-*", "grants-000000-*"])
def test_a_job_whose_files_are_gone_must_be_ordered_anew(own_hub: ServedHub, gone: str) -> None:
    job = ordered(own_hub.client("BETA"))
    service_of(own_hub).turn()
    (found,) = (own_hub.hub.settings.data_dir / "exports" / job).glob(gone)
    found.unlink()
    assert own_hub.client("BETA").get(f"/v1/exports/{job}/content").status_code == 410


def test_while_the_disk_is_full_nothing_is_noted_of_a_job(own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(own_hub.client("BETA"))
    service = service_of(own_hub)

    def full() -> None:
        raise DiskFullError("full")

    monkeypatch.setattr(service, "_room", full)
    monkeypatch.setattr(export_jobs, "_PAUSE_MIN_S", 0.0)
    for _ in range(3):
        with pytest.raises(DiskFullError):
            service.turn()
    shown = [record_id(name) for name in ("iss, new", "iss, old")]
    assert own_hub.state.ledger.who_received(shown, None, 0) == []


def test_a_job_is_cancelled_with_its_files_and_expires_with_them(own_hub: ServedHub) -> None:
    client, service = own_hub.client("BETA"), service_of(own_hub)
    first, second = ordered(client), ordered(client)
    service.turn()
    service.turn()
    directory: Path = own_hub.hub.settings.data_dir / "exports"
    assert client.delete(f"/v1/exports/{first}").status_code == 204
    assert client.get(f"/v1/exports/{first}").json()["status"] == "cancelled"
    assert [path.name for path in directory.iterdir()] == [second]
    own_hub.clock.advance_s(2 * 86_400)
    assert client.get(f"/v1/exports/{second}/content").status_code == 410
    service.turn()
    assert list(directory.iterdir()) == []
    assert client.get(f"/v1/exports/{second}").json()["status"] == "expired"


def test_a_partner_has_a_limit_of_jobs(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    jobs = [ordered(client) for _ in range(4)]
    refused = client.post("/v1/exports", json={"kind": "elements"})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"]
    client.delete(f"/v1/exports/{jobs[0]}")
    ordered(client)


@pytest.mark.parametrize(
    "body",
    [
        '{"kind": "nothing"}',
        '{"kind": "elements", "catalogue_numbers": [1000000000]}',
        '{"kind": "elements", "object_ids": ["\\u0000"]}',
        '{"kind": "elements", "more": 1}',
        "[]",
        '{"kind":',
    ],
)
def test_a_bad_order_is_refused(hub: ServedHub, body: str) -> None:
    assert hub.client("BETA").post("/v1/exports", content=body).status_code == 422


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_an_export_that_breaks_off_does_not_look_whole(own_hub: ServedHub, form: str) -> None:
    from ssa_hub.sharing.export_formats import ExportFormat, written

    table = pa.table({"a": [1, 2]})

    def breaking() -> Iterator[pa.Table]:
        yield table
        raise ConnectionError

    gathered: list[bytes] = []
    with pytest.raises(ConnectionError):
        gathered.extend(written(breaking(), ExportFormat(form), table.slice(0, 0)))
    content = b"".join(gathered)
    assert content
    if form == "parquet":
        with pytest.raises(pa.ArrowInvalid):
            pyarrow.parquet.read_table(io.BytesIO(content))
    else:
        assert not content.endswith(b"\xff\xff\xff\xff\x00\x00\x00\x00")
