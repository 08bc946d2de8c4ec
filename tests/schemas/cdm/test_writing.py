"""Written messages read back the same, are valid by the schemas, and are read by others."""

from collections.abc import Callable
from typing import Any, NamedTuple

import ccsds_ndm
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA, KEYWORD_COLUMNS, column_name
from schemas.cdm.reading import read_cdm_json, read_cdm_kvn, read_cdm_xml
from schemas.cdm.writing import messages_of, number_text, write_cdm_json, write_cdm_kvn, write_cdm_xml
from schemas.reading import ConjunctionReading
from schemas.refusals import CannotRenderError
from tests.schemas.cdm.generated_rows import ROWS
from tests.schemas.cdm.messages import HEADER, RELATIVE, SHARED, SHARED_ABSENT, changed, kvn, object_lines


class Encoding(NamedTuple):
    """A writer and the reader of the same."""

    write: Callable[[pa.RecordBatch], bytes]
    read: Callable[[bytes, str], ConjunctionReading]


ENCODINGS = {
    "kvn": Encoding(write_cdm_kvn, read_cdm_kvn),
    "xml": Encoding(write_cdm_xml, read_cdm_xml),
    "json": Encoding(write_cdm_json, read_cdm_json),
}
# A row shrinks by its seed, which says nothing and takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
STATED = [
    *(column.name for column in KEYWORD_COLUMNS),
    *(name for name in CONJUNCTION_MESSAGE_SCHEMA.names if name.endswith("_comments")),
    "version",
    "tca_utc",
]


VALUES = [name for name in STATED if not name.endswith("_comments")]


def _read(encoding: str, data: bytes) -> pa.RecordBatch:
    reading = ENCODINGS[encoding].read(data, f"test.{encoding}")
    assert [str(refusal) for refusal in reading.refusals] == []
    assert reading.encoding == f"cdm-{encoding}"
    return reading.conjunctions


def _all_comments(batch: pa.RecordBatch) -> list[str]:
    """All of them, without their blocks: KVN has no place for those of a block whose values are all null."""
    (row,) = batch.to_pylist()
    names = [name for name in CONJUNCTION_MESSAGE_SCHEMA.names if name.endswith("_comments")]
    return sorted(text for name in names for text in row[name])


def _sample() -> pa.RecordBatch:
    return _read("kvn", kvn() + kvn(first=object_lines(1, "ITRF"), second=object_lines(2, "ITRF")))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=25, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=ROWS)
def test_what_is_written_reads_back_the_same_exactly(encoding: str, rows: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pylist([row | {"payload_record": 1} for row in rows], schema=CONJUNCTION_MESSAGE_SCHEMA)
    written = ENCODINGS[encoding].write(batch)
    once = _read(encoding, written)
    assert once.select(STATED).to_pylist() == batch.select(STATED).to_pylist()
    assert once["deviations"].to_pylist() == [list(_expected(row)) for row in rows]
    again = ENCODINGS[encoding].write(once)
    assert again == written
    assert _read(encoding, again) == once


def _expected(row: dict[str, Any]) -> list[str]:
    """Deviations that random rows have."""
    without = row["collision_probability"] is not None and row["collision_probability_method"] is None
    padded = any((row[column_name("OBJECT_DESIGNATOR", n)] or "").isdigit() for n in (1, 2))
    return ["probability-without-method"] * without + ["zero-padded-designator"] * (padded and _is_padded(row))


def _is_padded(row: dict[str, Any]) -> bool:
    texts = [row[column_name("OBJECT_DESIGNATOR", n)] for n in (1, 2)]
    return any(text.isdigit() and text.startswith("0") and len(text) > 1 for text in texts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_column_that_a_message_states_survives_each_encoding(encoding: str) -> None:
    batch = _sample()
    back = _read(encoding, ENCODINGS[encoding].write(batch))
    assert back.select(STATED).to_pylist() == batch.select(STATED).to_pylist()
    assert back["quality"].to_pylist() == [[], []]


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    path = SHARED / "ccsds-xsd" / "ccsds-ndm" / "ndmxml-4.0.0-master-4.0.xsd"
    if not path.exists():
        pytest.skip(SHARED_ABSENT)
    return etree.XMLSchema(etree.parse(path))


def test_the_samples_xml_is_valid_alone_and_combined(schema: etree.XMLSchema) -> None:
    for batch in (_sample(), _sample().slice(0, 1)):
        schema.assertValid(etree.fromstring(write_cdm_xml(batch)))


@settings(
    max_examples=25, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_all_xml_that_is_written_is_valid_by_the_ccsds_schemas(
    schema: etree.XMLSchema, rows: list[dict[str, Any]]
) -> None:
    batch = pa.RecordBatch.from_pylist([row | {"payload_record": 1} for row in rows], schema=CONJUNCTION_MESSAGE_SCHEMA)
    schema.assertValid(etree.fromstring(write_cdm_xml(batch)))


def test_the_real_files_as_xml_are_valid_and_read_back_the_same(schema: etree.XMLSchema) -> None:
    files = [SHARED / "cdm" / "ION_SCV8_vs_STARLINK_1233.txt", *sorted(SHARED.glob("probability/*/*.cdm"))]
    for path in files:
        batch = _read("kvn", path.read_bytes())
        written = write_cdm_xml(batch)
        schema.assertValid(etree.fromstring(written))
        for encoding, data in (("xml", written), ("json", write_cdm_json(batch))):
            assert _read(encoding, data).select(STATED) == batch.select(STATED), path.name
        back = _read("kvn", write_cdm_kvn(batch))
        assert back.select(VALUES) == batch.select(VALUES), path.name
        assert _all_comments(back) == _all_comments(batch), path.name


@pytest.mark.parametrize("encoding", ["kvn", "xml"])
def test_another_library_reads_what_is_written(encoding: str) -> None:
    row = _sample().to_pylist()[0]
    theirs = ccsds_ndm.from_str(ENCODINGS[encoding].write(_sample().slice(0, 1)).decode())
    relative = theirs.body.relative_metadata_data
    assert (theirs.header.originator, theirs.header.message_id) == (row["message_originator"], row["message_id"])
    assert (relative.miss_distance, relative.relative_speed) == (row["miss_distance_m"], row["relative_speed_m_s"])
    assert relative.collision_probability == row["collision_probability"]
    for number, segment in enumerate(theirs.body.segments, 1):
        state, prefix = segment.data.state_vector, f"object{number}_"
        assert segment.metadata.object_designator == row[f"{prefix}object_designator"]
        assert (state.x, state.y, state.z_dot) == tuple(
            row[f"{prefix}{name}"] for name in ("x_km", "y_km", "z_dot_km_s")
        )
        covariance = segment.data.covariance_matrix
        assert (covariance.cr_r, covariance.ctdot_r) == (row[f"{prefix}cr_r_m2"], row[f"{prefix}ctdot_r_m2_s"])


@pytest.mark.parametrize("encoding", ["kvn", "xml"])
def test_what_another_library_writes_is_read(encoding: str) -> None:
    texts = ccsds_ndm.from_str(kvn().decode()).to_str(encoding)
    ours, theirs = _sample().slice(0, 1), _read(encoding, texts.encode())
    assert theirs.select(VALUES) == ours.select(VALUES)


def test_draft_keywords_are_never_written_and_never_dropped_in_silence() -> None:
    relative = [RELATIVE[0], ("CONJUNCTION_ID", "A_B", ""), *RELATIVE[1:]]
    batch = read_cdm_kvn(kvn(relative=relative, version="2.0"), "draft.cdm", draft=True).conjunctions
    for write in (write_cdm_kvn, write_cdm_xml, write_cdm_json):
        with pytest.raises(CannotRenderError, match="CONJUNCTION_ID"):
            write(batch)
        assert b"CONJUNCTION_ID" not in write(batch, without_draft=True)
    assert _read("kvn", write_cdm_kvn(batch, without_draft=True))["version"].to_pylist() == ["1.0"]


def test_part_of_the_relative_vector_is_written_in_kvn_and_refused_in_xml() -> None:
    batch = _read("kvn", kvn(relative=changed(RELATIVE, RELATIVE_VELOCITY_N=None)))
    assert _read("kvn", write_cdm_kvn(batch)).select(STATED) == batch.select(STATED)
    for write in (write_cdm_xml, write_cdm_json):
        with pytest.raises(CannotRenderError, match="RELATIVE_VELOCITY_N"):
            write(batch)


def test_comments_of_a_data_section_stand_before_its_first_block_in_kvn() -> None:
    (row,) = _read("kvn", kvn()).to_pylist()
    row["object1_data_comments"] = ["about all of it"]
    batch = pa.RecordBatch.from_pylist([row], schema=CONJUNCTION_MESSAGE_SCHEMA)
    assert _read("xml", write_cdm_xml(batch))["object1_data_comments"].to_pylist() == [["about all of it"]]
    back = _read("kvn", write_cdm_kvn(batch)).to_pylist()[0]
    assert back["object1_od_comments"] == ["about all of it", *row["object1_od_comments"]]


def test_a_mandatory_value_that_is_null_cannot_be_written() -> None:
    (row,) = _read("kvn", kvn(header=changed(HEADER, MESSAGE_FOR=None))).to_pylist()
    row["object2_z_km"] = None
    with pytest.raises(CannotRenderError, match=r"Z of object 2"):
        messages_of(pa.RecordBatch.from_pylist([row], schema=CONJUNCTION_MESSAGE_SCHEMA))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_so_that_they_read_back(value: float) -> None:
    text = number_text(value)
    assert float(text) == value
    mantissa = text.partition("E")[0].lstrip("-")
    assert mantissa[0].isdigit()
    assert ("E" not in text) or "." in mantissa
