"""Ingest of conjunction messages and ephemerides: topics of their own, identity, lineage, quality flags."""

from pathlib import Path
from typing import Any

import msgspec

from ingest.embedded_log import EmbeddedLog
from ingest.messages import read_labels, read_quarantined
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest, Receipt
from ingest.topics import CONJUNCTION_MESSAGES, ELEMENTS, EPHEMERIDES, QUARANTINE
from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.records import ELEMENT_FIELDS, ELEMENT_SET
from tests.ingest.test_pipeline import LABEL, Journal, everything, payload
from tests.schemas.cdm.messages import RELATIVE, changed, kvn

OEM = """CCSDS_OEM_VERS = 2.0
CREATION_DATE = 2026-03-10T00:00:00
ORIGINATOR = CENTRE
META_START
OBJECT_NAME = PLAN
OBJECT_ID = 2026-001A
CENTER_NAME = EARTH
REF_FRAME = EME2000
TIME_SYSTEM = UTC
START_TIME = 2026-03-10T00:00:00
STOP_TIME = 2026-03-10T00:02:00
META_STOP
2026-03-10T00:00:00 7000.0 0.0 0.0 0.0 7.5 0.0
2026-03-10T00:01:00 6986.0 450.0 0.0 -0.5 7.4 0.0
2026-03-10T00:02:00 6943.0 898.0 0.0 -1.0 7.4 0.0
"""


async def taken_in(tmp_path: Path, *payloads: bytes, topic: str) -> tuple[list[Receipt], list[dict[str, Any]]]:
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        receipts = [await ingest.accept(payload(data)) for data in payloads]
        messages = await everything(log, topic)
        assert not await everything(log, ELEMENTS)
        assert read_labels(messages) in ({}, {LABEL.label_id: LABEL})
    return receipts, [{**msgspec.json.decode(message.value), "key": message.key} for message in messages]


async def test_a_conjunction_message_is_published_with_its_objects_and_what_its_states_say(tmp_path: Path) -> None:
    (receipt,), (row,) = await taken_in(tmp_path, kvn(), topic=CONJUNCTION_MESSAGES)
    assert (receipt.encoding, receipt.records, receipt.new, receipt.refused) == ("cdm-kvn", 1, 1, 0)
    assert row["key"] == row["object_id_1"].encode()
    assert row["object_id_1"] != row["object_id_2"]
    assert row["payload_sha256"] == receipt.payload_sha256
    assert (row["source"], row["originator"], row["label_id"]) == ("drop", "CENTRE", LABEL.label_id)
    assert abs(row["computed_miss_distance_m"] - row["miss_distance_m"]) <= row["miss_distance_tolerance_m"]
    assert "quality" not in row


async def test_disagreement_of_states_and_miss_distance_is_a_quality_flag(tmp_path: Path) -> None:
    data = kvn(relative=changed(RELATIVE, MISS_DISTANCE="900.0"))
    _, (row,) = await taken_in(tmp_path, data, topic=CONJUNCTION_MESSAGES)
    assert "miss-distance-disagrees" in row["quality"]


async def test_the_same_conjunction_message_written_otherwise_is_the_same_record(tmp_path: Path) -> None:
    data = kvn()
    _, rows = await taken_in(tmp_path, data, data.replace(b"\n", b"\r\n"), topic=CONJUNCTION_MESSAGES)
    assert len(rows) == 2
    assert len({row["record_id"] for row in rows}) == 1
    assert len({row["payload_sha256"] for row in rows}) == 2


async def test_an_ephemeris_is_published_as_an_index_record(tmp_path: Path) -> None:
    (receipt,), (row,) = await taken_in(tmp_path, OEM.encode(), topic=EPHEMERIDES)
    assert (receipt.encoding, receipt.records, receipt.refused) == ("oem-kvn", 1, 0)
    assert row["key"] == b"2026-001A"
    assert (row["object_names"], row["ref_frames"]) == (["PLAN"], ["EME2000"])
    assert (row["segments"], row["states"], row["covariances"]) == (1, 3, 0)
    assert row["usable_stop_tai_ns"] - row["usable_start_tai_ns"] == 120 * 10**9
    assert (row["payload_sha256"], row["payload_record"]) == (receipt.payload_sha256, 1)


async def test_ephemerides_with_another_state_are_another_record(tmp_path: Path) -> None:
    changed = OEM.replace("6986.0", "6986.1")
    commented = OEM.replace("META_START", "META_START\nCOMMENT again")
    _, rows = await taken_in(tmp_path, OEM.encode(), changed.encode(), commented.encode(), topic=EPHEMERIDES)
    first, second, third = (row["record_id"] for row in sorted(rows, key=lambda row: row["payload_sha256"]))
    assert len({first, second, third}) == 2


async def test_a_refused_message_goes_to_quarantine_and_its_neighbour_goes_on(tmp_path: Path) -> None:
    broken = kvn(relative=changed(RELATIVE, MISS_DISTANCE="far"))
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        receipt = await ingest.accept(payload(broken + kvn()))
        (refused,) = await everything(log, QUARANTINE)
        assert len(await everything(log, CONJUNCTION_MESSAGES)) == 1
    assert (receipt.records, receipt.refused) == (1, 1)
    refusal = read_quarantined(refused).refusal
    assert (refusal.record, refusal.field, refusal.value) == (1, "MISS_DISTANCE", "far")
    assert refusal.data == broken


def test_no_column_of_a_message_takes_the_place_of_its_provenance() -> None:
    given = {field.name for field in ELEMENT_SET} - {field.name for field in ELEMENT_FIELDS}
    assert not given & set(CONJUNCTION_MESSAGE_SCHEMA.names)
