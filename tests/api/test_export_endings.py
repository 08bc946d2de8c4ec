"""How exports end before they are whole, and what becomes of their files, room and places."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from schemas.records import DataMode
from ssa_hub.api import export_answers
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.release.partner import Partner
from ssa_hub.services.leased_work import StoppedError
from ssa_hub.sharing.export_desk import ExportLimits, NoRoomError
from ssa_hub.sharing.export_formats import ExportFormat
from ssa_hub.sharing.export_parts import ExportFiles
from ssa_hub.sharing.exporting import ExportAsked, Exporting, ShownBatch
from ssa_hub.sharing.places import Places, TooManyAtOnceError
from ssa_hub.state.export_jobs import ExportJob, NotEnrolledError
from tests.api.conftest import ELEMENTS
from tests.api.export_jobs import directory_of, ordered, service_of
from tests.api.records import record_id
from tests.api.served_hub import ServedHub


def at_look(number: int, act: Callable[[], object]) -> Callable[[], None]:
    """What acts the so-manieth time that it is asked whether there is room."""
    looks = iter(range(1_000_000))

    def look() -> None:
        if next(looks) == number:
            act()

    return look


def is_stopped() -> None:
    raise StoppedError


# Looks 0 to 2 are before batches, then come one that finds no more of them, and those of the content.
@pytest.mark.parametrize("look", [0, 1, 2, 3, 4, 5])
def test_a_worker_that_lost_its_lease_changes_nothing_of_its_successors_work(own_hub: ServedHub, look: int) -> None:
    client = own_hub.client("BETA")
    whole, job = sorted([ordered(client, format="csv"), ordered(client, format="csv")])
    service_of(own_hub).turn()
    late = service_of(own_hub, room=at_look(look, service_of(own_hub).turn))
    with pytest.raises(StoppedError):
        late.turn()
    assert client.get(f"/v1/exports/{job}").json()["status"] == "complete"
    contents = [client.get(f"/v1/exports/{one}/content") for one in (whole, job)]
    assert contents[0].content == contents[1].content != b""
    # Nor does its successor keep anything of it but the parts that it went on behind.
    assert len(list((directory_of(own_hub) / job).glob("content-*"))) == 1


@pytest.mark.parametrize("complete", [True, False])
def test_a_worker_that_loses_its_lease_as_it_begins_removes_nothing(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch, complete: bool
) -> None:
    """Between taking the job over and tidying its directory."""
    client = own_hub.client("BETA")
    whole, job = sorted([ordered(client, format="csv"), ordered(client, format="csv")])
    service_of(own_hub).turn()
    with pytest.raises(StoppedError):
        service_of(own_hub, room=at_look(2, is_stopped)).turn()
    original, asked = own_hub.state.partners.get, iter(range(1_000_000))

    def get(name: str) -> Partner | None:
        if next(asked) == 0 and complete:
            service_of(own_hub).turn()
        elif next(asked) == 1:
            with pytest.raises(StoppedError):
                service_of(own_hub, room=at_look(1, is_stopped)).turn()
        return original(name)

    monkeypatch.setattr(own_hub.state.partners, "get", get)
    with pytest.raises(StoppedError):
        service_of(own_hub).turn()
    monkeypatch.undo()
    parts = own_hub.state.export_jobs.get(job)
    assert parts is not None
    if not complete:
        assert len(list((directory_of(own_hub) / job).glob("rows-*"))) == parts.rows == 3
    service_of(own_hub).turn()
    contents = [client.get(f"/v1/exports/{one}/content").content for one in (whole, job)]
    assert contents[0] == contents[1] != b""


@pytest.mark.parametrize("look", [0, 1, 2, 3, 4])
def test_a_worker_that_lost_its_lease_stops_while_its_successor_works(own_hub: ServedHub, look: int) -> None:
    client = own_hub.client("BETA")
    whole, job = sorted([ordered(client, format="csv"), ordered(client, format="csv")])
    service_of(own_hub).turn()

    left: list[ExportJob | None] = []

    def succeeded() -> None:
        with pytest.raises(StoppedError):
            service_of(own_hub, room=at_look(1, is_stopped)).turn()
        left.append(own_hub.state.export_jobs.get(job))

    with pytest.raises(StoppedError):
        service_of(own_hub, room=at_look(look, succeeded)).turn()
    assert [own_hub.state.export_jobs.get(job)] == left
    service_of(own_hub).turn()
    contents = [client.get(f"/v1/exports/{one}/content").content for one in (whole, job)]
    assert contents[0] == contents[1] != b""


def test_a_worker_that_takes_over_in_the_middle_goes_on_alone(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    whole, job = sorted([ordered(client, format="csv"), ordered(client, format="csv")])
    service_of(own_hub).turn()
    first = service_of(own_hub, room=at_look(2, is_stopped))
    with pytest.raises(StoppedError):
        first.turn()
    stale = directory_of(own_hub) / job / ".content-x.part"
    stale.write_bytes(b"as a worker leaves it that is killed")
    service_of(own_hub).turn()
    assert not stale.exists()
    contents = [client.get(f"/v1/exports/{one}/content").content for one in (whole, job)]
    assert contents[0] == contents[1] != b""


async def test_files_of_a_job_that_was_given_up_while_no_worker_ran_go_when_one_does(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    job = await asyncio.to_thread(ordered, client, format="csv")
    with pytest.raises(StoppedError):
        await asyncio.to_thread(service_of(own_hub, room=at_look(2, is_stopped)).turn)
    await asyncio.to_thread(client.delete, f"/v1/exports/{job}")
    directory = directory_of(own_hub) / job
    assert directory.exists()
    running = asyncio.create_task(service_of(own_hub, every_s=0.01).run())
    async with asyncio.timeout(60):
        while directory.exists():  # noqa: ASYNC110  (files can only be looked for)
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_an_export_larger_than_a_partner_may_have_fails_and_says_so(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    limits = ExportLimits(bytes_a_partner=10_000)
    job, other = ordered(client, format="csv"), ordered(own_hub.client("NOBODY"), format="csv")
    for _ in range(2):
        service_of(own_hub, limits=limits).turn()
    status = client.get(f"/v1/exports/{job}").json()
    assert status["status"] == "failed"
    assert "10,000 bytes" in status["failure"]
    assert not (directory_of(own_hub) / job).exists()
    assert own_hub.client("NOBODY").get(f"/v1/exports/{other}").json()["status"] == "complete"


def test_while_exports_take_all_their_room_a_job_waits(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    limits = ExportLimits(bytes_max=10_000)
    for _ in range(2):
        with pytest.raises(NoRoomError):
            service_of(own_hub, limits=limits).turn()
    assert client.get(f"/v1/exports/{job}").json()["status"] == "running"
    service_of(own_hub).turn()
    assert client.get(f"/v1/exports/{job}").json()["status"] == "complete"


def test_who_is_enrolled_under_the_name_of_another_has_none_of_his_exports(own_hub: ServedHub) -> None:
    job = ordered(own_hub.client("BETA"), format="csv")
    service_of(own_hub).turn()
    before = own_hub.state.partners.get("BETA")
    assert before is not None
    own_hub.state.partners.remove("BETA", own_hub.clock())
    own_hub.state.partners.put(before)
    headers = {"Authorization": f"Bearer {own_hub.new_key('BETA')}"}
    client = own_hub.client()
    assert client.get("/v1/exports", headers=headers).json() == {"items": []}
    assert client.get(f"/v1/exports/{job}/content", headers=headers).status_code == 404
    service_of(own_hub).turn()
    assert not (directory_of(own_hub) / job).exists()


def withdrawn(hub: ServedHub) -> None:
    hub.withdraw(next(row for row in ELEMENTS if row["record_id"] == record_id("iss, old")))


def cancelled(hub: ServedHub) -> None:
    (job,) = hub.state.export_jobs.of("BETA")
    hub.state.export_jobs.change(job.job_id, only=("complete",), status="cancelled")


def revoked(hub: ServedHub) -> None:
    for key in hub.state.partners.all_keys():
        if key.partner == "BETA":
            hub.state.partners.revoke_key(key.key_id, hub.clock())


def untouched(hub: ServedHub) -> None:
    """Something that concerns nothing of the export."""
    hub.withdraw(next(row for row in ELEMENTS if row["record_id"] == record_id("iss of omega")))


@pytest.mark.parametrize(("happens", "goes_on"), [(withdrawn, False), (cancelled, False), (revoked, False),
                                                  (untouched, True)])  # fmt: skip
def test_a_download_under_way_ends_when_its_content_may_no_longer_be_given_out(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch, happens: Callable[[ServedHub], None], goes_on: bool
) -> None:
    client = own_hub.client("BETA")
    content = f"/v1/exports/{ordered(client, format='csv')}/content"
    service_of(own_hub).turn()
    size = len(client.get(content).content)
    monkeypatch.setattr(export_answers, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(export_answers.ExportFile, "chunk_size", 100)
    original, looks = own_hub.services.export_jobs.content, iter(range(1_000_000))

    def looked(*arguments: Any) -> Any:
        if next(looks) == 2:
            happens(own_hub)
        return original(*arguments)

    monkeypatch.setattr(own_hub.services.export_jobs, "content", looked)
    got = bytearray()

    def fetch() -> None:
        with client.stream("GET", content) as answer:
            assert answer.status_code == 200
            for piece in answer.iter_raw():
                got.extend(piece)

    if goes_on:
        fetch()
        assert len(got) == size
        return
    with pytest.raises(httpx.RemoteProtocolError):
        fetch()
    assert len(got) < size


def test_an_export_in_one_answer_ends_when_its_key_is_revoked(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = own_hub.services.exports
    original = exports.batches
    monkeypatch.setattr(exports, "_batch_rows", 1)

    def batches(*arguments: Any) -> Iterator[ShownBatch]:
        for number, batch in enumerate(original(*arguments)):
            if number == 1:
                revoked(own_hub)
            yield batch

    monkeypatch.setattr(exports, "batches", batches)
    with own_hub.client("BETA").stream("GET", "/v1/elements/export") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_a_partner_is_sent_two_exports_at_once_and_all_together_eight(own_hub: ServedHub) -> None:
    path = "/v1/elements/export"
    places: Places = own_hub.services.export_places
    with places.one_more("BETA"), places.one_more("BETA"):
        refused = own_hub.client("BETA").get(path)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
        assert own_hub.client("GAMMA").get(path).status_code == 200
        with places.one_more("A"), places.one_more("A"), places.one_more("B"), places.one_more("B"):
            assert own_hub.client("GAMMA").get(path).status_code == 200
            with places.one_more("C"), places.one_more("C"):
                assert own_hub.client("GAMMA").get(path).status_code == 503
                with pytest.raises(TooManyAtOnceError):
                    places.one_more("D").__enter__()
    for _ in range(12):  # a place is free again before the answer ends
        assert own_hub.client("BETA").get(path).status_code == 200


def test_a_place_is_free_again_when_the_client_goes_away(own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    exports, closed = own_hub.services.exports, list[Partner]()
    original = exports.batches

    def batches(partner: Partner, *others: Any) -> Iterator[ShownBatch]:
        (batch,) = original(partner, *others)
        try:
            while True:
                yield batch
        finally:
            closed.append(partner)

    monkeypatch.setattr(exports, "batches", batches)
    client = own_hub.client("BETA")
    for _ in range(5):
        while True:
            with client.stream("GET", "/v1/elements/export", params={"format": "csv"}) as got:
                if got.status_code == 429:  # the last one is still being closed
                    continue
                next(got.iter_raw())
                break
    assert len(closed) >= 3


def test_what_is_no_jobs_directory_holds_up_nobody(own_hub: ServedHub) -> None:
    directory_of(own_hub).mkdir(parents=True)
    (directory_of(own_hub) / "lost+found").mkdir()
    stray = directory_of(own_hub) / ("f" * 32)
    stray.write_bytes(b"a file where a directory of a forgotten job would be")
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    service_of(own_hub).turn()
    assert client.get(f"/v1/exports/{job}").json()["status"] == "complete"


@pytest.mark.parametrize("what", ["rows", "ids", "grants"])
@pytest.mark.parametrize("how", ["flipped", "cut short", "emptied"])
def test_a_damaged_job_fails_and_holds_up_nobody(own_hub: ServedHub, what: str, how: str) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    with pytest.raises(StoppedError):
        service_of(own_hub, room=at_look(2, is_stopped)).turn()
    (path,) = (directory_of(own_hub) / job).glob(f"{what}-000000-*")
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2 if what == "ids" else 12] ^= 0xFF
    path.write_bytes(content if how == "flipped" else content[: len(content) // 2 if how == "cut short" else 0])
    other = ordered(own_hub.client("GAMMA"), format="csv")
    for _ in range(2):
        service_of(own_hub).turn()
    assert client.get(f"/v1/exports/{job}").json()["status"] == "failed"
    assert own_hub.client("GAMMA").get(f"/v1/exports/{other}").json()["status"] == "complete"


def test_content_whose_ids_are_damaged_is_not_given_out(own_hub: ServedHub) -> None:
    """They are what withdrawals are looked up in: without them nothing would be found withdrawn."""
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    service_of(own_hub).turn()
    for path in (directory_of(own_hub) / job).glob("ids-*"):
        path.write_bytes(bytes(16))
    assert client.get(f"/v1/exports/{job}/content").status_code == 410


def test_content_that_goes_while_it_is_asked_for_is_gone(own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    service_of(own_hub).turn()
    for path in (directory_of(own_hub) / job).iterdir():
        path.unlink()
    monkeypatch.setattr(ExportFiles, "has_content", lambda self, parts: True)
    assert client.get(f"/v1/exports/{job}/content").status_code == 410


def test_a_history_that_one_job_cannot_read_holds_up_no_other(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = ordered(own_hub.client("BETA"), format="csv"), ordered(own_hub.client("GAMMA"), format="csv")
    service = service_of(own_hub)
    original = Exporting.batches

    def batches(self: Exporting, partner: Partner, *others: Any) -> Iterator[ShownBatch]:
        if partner.name == "BETA":
            raise HistoryUnavailableError("a file of it")
        yield from original(self, partner, *others)

    monkeypatch.setattr(Exporting, "batches", batches)
    for _ in range(3):
        with suppress(HistoryUnavailableError):
            service.turn()
    assert own_hub.client("GAMMA").get(f"/v1/exports/{other}").json()["status"] == "complete"
    monkeypatch.undo()
    service_of(own_hub).turn()
    assert own_hub.client("BETA").get(f"/v1/exports/{job}").json()["status"] == "complete"


def test_what_reads_for_a_job_ends_with_it(own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    client, closed = own_hub.client("BETA"), list[bool]()
    job = ordered(client, format="csv")
    original = Exporting.batches

    def batches(*arguments: Any) -> Iterator[ShownBatch]:
        try:
            yield from original(*arguments)
        finally:
            closed.append(True)

    monkeypatch.setattr(Exporting, "batches", batches)
    gc.disable()
    try:
        with pytest.raises(StoppedError) as raised:
            service_of(own_hub, room=at_look(2, lambda: client.delete(f"/v1/exports/{job}"))).turn()
        assert raised.traceback  # which names every frame
        assert closed == [True]
    finally:
        gc.enable()


def test_parts_that_stay_when_their_content_is_complete_go_later(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    monkeypatch.setattr(ExportFiles, "keep_content", lambda self, parts: None)
    service_of(own_hub).turn()
    assert list((directory_of(own_hub) / job).glob("rows-*"))
    monkeypatch.undo()
    service_of(own_hub).turn()
    assert not list((directory_of(own_hub) / job).glob("rows-*"))
    status = client.get(f"/v1/exports/{job}").json()
    on_disk = sum(path.stat().st_size for path in (directory_of(own_hub) / job).iterdir())
    assert own_hub.state.export_jobs.bytes_kept("BETA") == on_disk > status["bytes"]
    assert client.get(f"/v1/exports/{job}/content").status_code == 200


def test_who_is_removed_while_he_orders_has_ordered_nothing(own_hub: ServedHub) -> None:
    partner = own_hub.state.partners.get("BETA")
    assert partner is not None
    own_hub.state.partners.remove("BETA", own_hub.clock())
    with pytest.raises(NotEnrolledError):
        own_hub.services.export_jobs.order(partner, ExportAsked("elements", DataMode.REAL, ExportFormat.CSV))


def test_who_takes_nothing_of_an_answer_loses_his_place(own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    exports = own_hub.services.exports
    original = exports.batches
    monkeypatch.setattr(export_answers, "TAKEN_WITHIN_S", 0.2)

    def batches(*arguments: Any) -> Iterator[ShownBatch]:
        (batch,) = original(*arguments)
        while True:
            yield batch

    monkeypatch.setattr(exports, "batches", batches)
    client, path = own_hub.client("BETA"), "/v1/elements/export"
    with client.stream("GET", path) as first, client.stream("GET", path) as second:
        assert (first.status_code, second.status_code) == (200, 200)
        for _ in range(600):
            with client.stream("GET", path) as third:
                if third.status_code == 200:
                    return
            time.sleep(0.05)
        pytest.fail("both places are still taken")


def test_a_job_whose_directory_cannot_be_listed_holds_up_no_other(own_hub: ServedHub) -> None:
    job, other = ordered(own_hub.client("BETA"), format="csv"), ordered(own_hub.client("GAMMA"), format="csv")
    directory_of(own_hub).mkdir(parents=True)
    (directory_of(own_hub) / job).write_bytes(b"a file where its directory would be")
    service = service_of(own_hub)
    for _ in range(2):
        with suppress(NotADirectoryError):
            service.turn()
    assert own_hub.client("GAMMA").get(f"/v1/exports/{other}").json()["status"] == "complete"


def test_a_job_that_is_begun_anew_says_so_at_once(own_hub: ServedHub) -> None:
    client = own_hub.client("BETA")
    job = ordered(client, format="csv")
    with pytest.raises(StoppedError):
        service_of(own_hub, room=at_look(2, is_stopped)).turn()
    assert client.get(f"/v1/exports/{job}").json()["rows"] == 2
    for path in (directory_of(own_hub) / job).iterdir():
        path.unlink()
    with pytest.raises(StoppedError):
        service_of(own_hub, room=at_look(0, is_stopped)).turn()
    assert client.get(f"/v1/exports/{job}").json()["rows"] == own_hub.state.export_jobs.bytes_kept("BETA") == 0
