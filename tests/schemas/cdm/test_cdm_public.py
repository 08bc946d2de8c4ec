"""Space-Track's cdm_public in CSV and JSON: what it says, and how strictly."""

import csv
import json

import pytest

from schemas.cdm.cdm_public import COLUMNS
from schemas.cdm.reading import read_cdm_csv, read_cdm_json
from schemas.cdm.writing import messages_of
from schemas.refusals import CannotRenderError
from schemas.timescales import parse_utc
from tests.schemas.cdm.messages import SHARED, SHARED_ABSENT

CELLS = {
    "CDM_ID": "700000001",
    "CREATED": "2026-03-04 05:06:07.250000",
    "EMERGENCY_REPORTABLE": "Y",
    "TCA": "2026-03-07T08:09:10.123000",
    "MIN_RNG": "241",
    "PC": "0.000125",
    "SAT_1_ID": "99001",
    "SAT_1_NAME": "PRIMARY, THE FIRST",
    "SAT1_OBJECT_TYPE": "PAYLOAD",
    "SAT1_RCS": "LARGE",
    "SAT_1_EXCL_VOL": "5.00",
    "SAT_2_ID": "270001",
    "SAT_2_NAME": "DEBRIS",
    "SAT2_OBJECT_TYPE": "DEBRIS",
    "SAT2_RCS": "",
    "SAT_2_EXCL_VOL": "1.00",
}
HEADER = ",".join(CELLS)


def _csv(*rows: dict[str, str], header: str = HEADER, ending: str = "\n") -> bytes:
    lines = [",".join(f'"{cell}"' for cell in row.values()) for row in rows]
    return ending.join([header, *lines, ""]).encode()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_row_says_what_the_summary_says_and_null_for_the_rest(ending: str) -> None:
    reading = read_cdm_csv(_csv(CELLS, ending=ending), "public.csv")
    assert (reading.encoding, reading.refusals) == ("cdm-csv", [])
    (row,) = reading.conjunctions.to_pylist()
    assert (row["space_track_cdm_id"], row["emergency_reportable"]) == ("700000001", True)
    assert row["creation_date_tai_ns"] == parse_utc("2026-03-04T05:06:07.25")
    assert row["tca_utc"] == "2026-03-07T08:09:10.123000000"
    assert (row["miss_distance_m"], row["collision_probability"]) == (241.0, 0.000125)
    assert (row["object1_object_name"], row["object2_catalogue_number"]) == ("PRIMARY, THE FIRST", 270_001)
    assert (row["object1_rcs_size"], row["object2_rcs_size"]) == ("LARGE", None)
    assert (row["object1_exclusion_volume_radius_m"], row["object2_exclusion_volume_radius_m"]) == (5.0, 1.0)
    assert (row["deviations"], row["quality"]) == (["probability-without-method"], [])
    nothing = (
        "version",
        "message_id",
        "message_originator",
        "relative_speed_m_s",
        "object1_x_km",
        "computed_miss_distance_m",
    )
    assert [row[name] for name in nothing] == [None] * len(nothing)


def test_json_says_the_same_as_csv() -> None:
    members: dict[str, str | None] = CELLS | {"SAT2_RCS": None}
    reading = read_cdm_json(json.dumps([members]).encode(), "public.json")
    assert (reading.encoding, reading.refusals) == ("cdm-json", [])
    assert reading.conjunctions == read_cdm_csv(_csv(CELLS), "public.csv").conjunctions


def test_no_probability_is_null_without_a_deviation() -> None:
    row = read_cdm_csv(_csv(CELLS | {"PC": ""}), "public.csv").conjunctions.to_pylist()[0]
    assert (row["collision_probability"], row["deviations"]) == (None, [])


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("CDM_ID", "12a"),
        ("CREATED", "2026-03-04"),
        ("EMERGENCY_REPORTABLE", "yes"),
        ("TCA", "2026-02-30T00:00:00"),
        ("MIN_RNG", "-1"),
        ("MIN_RNG", "1e999"),
        ("MIN_RNG", ""),
        ("PC", "1.5"),
        ("PC", "nan"),
        ("SAT_1_ID", "A0001"),
        ("SAT_1_ID", "٣"),
        ("SAT_2_NAME", ""),
        ("SAT2_OBJECT_TYPE", "SHIP"),
        ("SAT1_RCS", "HUGE"),
        ("SAT_2_EXCL_VOL", "5 m"),
    ],
)
def test_a_bad_cell_costs_its_row_only(column: str, text: str) -> None:
    reading = read_cdm_csv(_csv(CELLS, CELLS | {column: text}, CELLS), "public.csv")
    assert reading.conjunctions["payload_record"].to_pylist() == [1, 3]
    (refusal,) = reading.refusals
    assert (refusal.record, refusal.line, refusal.field, refusal.value) == (
        2,
        3,
        column,
        text.replace("٣", "\\u0663"),
    ) or (refusal.field == column and refusal.value == text)


@pytest.mark.parametrize("line", ['"1","2"', '"unbalanced', "\x00", '"a"b,'])
def test_a_line_that_is_no_row_costs_itself_only(line: str) -> None:
    good = _csv(CELLS)
    reading = read_cdm_csv(good + line.encode() + b"\n" + good.partition(b"\n")[2], "public.csv")
    assert reading.conjunctions["payload_record"].to_pylist() == [1, 3]
    assert [(refusal.record, refusal.line, refusal.field) for refusal in reading.refusals] == [(2, 3, "line")]


@pytest.mark.parametrize("header", [HEADER.replace("PC,", ""), HEADER + ",MORE", HEADER.lower(), ""])
def test_other_columns_are_refused_as_a_whole(header: str) -> None:
    reading = read_cdm_csv(_csv(CELLS, header=header), "public.csv")
    assert reading.conjunctions.num_rows == 0
    assert [refusal.field for refusal in reading.refusals] == ["header"]


def test_missing_and_unknown_members_of_json_are_refused() -> None:
    missing = {key: text for key, text in CELLS.items() if key != "TCA"}
    reading = read_cdm_json(json.dumps([missing, CELLS | {"MORE": "1"}, CELLS]).encode(), "public.json")
    assert [(refusal.record, refusal.field) for refusal in reading.refusals] == [(1, "TCA"), (2, "MORE")]
    assert reading.conjunctions["payload_record"].to_pylist() == [3]


def test_an_object_against_itself_is_flagged() -> None:
    row = read_cdm_csv(_csv(CELLS | {"SAT_2_ID": "99001"}), "public.csv").conjunctions.to_pylist()[0]
    assert row["quality"] == ["designators-equal"]


def test_a_summary_cannot_be_written_as_a_message() -> None:
    with pytest.raises(CannotRenderError, match="ORIGINATOR"):
        messages_of(read_cdm_csv(_csv(CELLS), "public.csv").conjunctions)


def test_the_300_real_rows_are_read() -> None:
    path = SHARED / "cdm" / "spacetrack_cdm_public_300.csv"
    if not path.exists():
        pytest.skip(SHARED_ABSENT)
    data = path.read_bytes()
    reading = read_cdm_csv(data, path.name)
    assert [str(refusal) for refusal in reading.refusals] == []
    rows = list(csv.DictReader(data.decode().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert reading.conjunctions.num_rows == len(rows) == 300
    for row, cells in zip(reading.conjunctions.to_pylist(), rows, strict=True):
        assert row["miss_distance_m"] == float(cells["MIN_RNG"])
        assert row["collision_probability"] == (float(cells["PC"]) if cells["PC"] else None)
        assert row["object2_catalogue_number"] == int(cells["SAT_2_ID"])
    as_json = read_cdm_json(json.dumps(rows).encode(), "public.json")
    assert as_json.conjunctions == reading.conjunctions
