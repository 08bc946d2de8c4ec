"""What we write is what we read, bit by bit; it is valid by the schemas, and others read it as we do."""

import dataclasses
import struct
from functools import cache

import ccsds_ndm
import numpy as np
import pyarrow as pa
import pytest
from ccsds_ndm import Oem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.ccsds.values import NUMBER_PATTERN, has_bare_point
from schemas.ephemeris import STATE_SCHEMA, Ephemeris
from schemas.meme.read import read_meme
from schemas.number_texts import number_texts
from schemas.oem.read import read_oem_kvn, read_oem_xml
from schemas.oem.write import write_oem_kvn, write_oem_xml
from schemas.reading import EphemerisReading
from schemas.refusals import CannotRenderError
from schemas.time_systems import to_tai_ns
from tests.schemas.oem.generated_ephemerides import NUMBERS, ephemerides
from tests.schemas.oem.payloads import BOOKS, STATES, XSD, matrix, metadata, oem, shared
from tests.schemas.test_meme import meme

SLOW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def ours() -> Ephemeris:
    """An ephemeris with all that an OEM can hold."""
    payload = oem(
        ["MESSAGE_ID = OEM 7"],
        ["META_START", "COMMENT of <the> metadata & more", *metadata()[1:]],
        ["COMMENT of the data"],
        [f"{line} 1e-6 -2e-6 0.0" for line in STATES],
        ["COVARIANCE_START", "COMMENT of the covariance", *matrix(frame="RTN"), "COVARIANCE_STOP"],
    )
    return read_oem_kvn(payload, "ours.oem").ephemerides[0]


def bits(batch: pa.RecordBatch) -> list[bytes]:
    """The columns' values as they lie in memory: tells -0.0 from 0.0."""
    values = []
    for column in batch.columns:
        if pa.types.is_fixed_size_list(column.type):
            column = column.flatten()
        if pa.types.is_floating(column.type):
            values.append(b"".join(b"null" if v is None else struct.pack("<d", v) for v in column.to_pylist()))
        else:
            values.append(repr(column.to_pylist()).encode())
    return values


def said(ephemeris: Ephemeris) -> list[object]:
    """All that an ephemeris says, so that two can be compared; not how it was read (deviations, record)."""
    header = dataclasses.replace(ephemeris, segments=(), deviations=(), record=1)
    rows: list[object] = [header]
    for segment in ephemeris.segments:
        for field in dataclasses.fields(segment):
            value = getattr(segment, field.name)
            rows.append((field.name, bits(value) if isinstance(value, pa.RecordBatch) else value))
    return rows


def only(reading: EphemerisReading) -> Ephemeris:
    assert reading.refusals == []
    (ephemeris,) = reading.ephemerides
    return ephemeris


@SLOW
@given(ephemerides())
def test_kvn_gives_every_ephemeris_back(ephemeris):
    assert said(only(read_oem_kvn(write_oem_kvn([ephemeris]), "again.oem"))) == said(ephemeris)


@SLOW
@given(ephemerides())
def test_xml_gives_every_ephemeris_back(ephemeris):
    assert said(only(read_oem_xml(write_oem_xml([ephemeris]), "again.xml"))) == said(ephemeris)


@SLOW
@given(st.lists(ephemerides(), min_size=2, max_size=3))
def test_several_ephemerides_stand_in_one_payload(several):
    for write, read in ((write_oem_kvn, read_oem_kvn), (write_oem_xml, read_oem_xml)):
        reading = read(write(several), "several")
        assert reading.refusals == []
        assert [said(ephemeris) for ephemeris in reading.ephemerides] == [said(ephemeris) for ephemeris in several]


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_numbers_are_written_as_the_standard_has_them_and_read_back_bit_by_bit(numbers):
    texts = number_texts("X", np.array(numbers)).to_pylist()
    matching = pa.compute.match_substring_regex(pa.array(texts), f"^(?:{NUMBER_PATTERN})$").to_pylist()
    for text, number, is_number in zip(texts, numbers, matching, strict=True):
        assert is_number
        assert "." in text
        assert not has_bare_point(text)
        assert struct.pack("<d", float(text)) == struct.pack("<d", number)


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(XSD)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ephemerides(), min_size=1, max_size=2))
def test_written_xml_is_valid_by_the_ccsds_schemas(several):
    if not shared(XSD):
        pytest.skip("/work/shared/data is absent")
    schema().assertValid(etree.fromstring(write_oem_xml(several)))


def rows_of(ephemeris: Ephemeris, columns: int) -> np.ndarray:
    states = ephemeris.segments[0].states
    return np.column_stack([states[name].to_numpy() for name in STATE_SCHEMA.names[1 : columns + 1]])


@pytest.mark.parametrize(("write", "form"), [(write_oem_kvn, "kvn"), (write_oem_xml, "xml")])
def test_another_library_reads_what_we_write(write, form):
    ephemeris = ours()
    theirs = Oem.from_str(write([ephemeris]).decode(), form)
    segment = ephemeris.segments[0]
    assert (theirs.header.originator, theirs.header.message_id) == ("TESTERS", "OEM 7")
    assert theirs.segments[0].metadata.object_id == segment.object_id
    assert theirs.segments[0].metadata.interpolation_degree == 3
    data = theirs.segments[0].data
    assert np.array_equal(data.state_vector_numpy, rows_of(ephemeris, 9))
    epochs = [to_tai_ns("UTC", text) for text in data.state_vector_epochs]
    assert epochs == segment.states["epoch_tai_ns"].to_pylist()
    triangle = data.covariance_matrix_numpy[0][np.tril_indices(6)]
    assert triangle.tolist() == segment.covariances["lower_triangle"][0].as_py()


@pytest.mark.parametrize(("read", "form"), [(read_oem_kvn, "kvn"), (read_oem_xml, "xml")])
def test_we_read_what_another_library_writes(read, form):
    ephemeris = changed(covariance_comments=())  # which that library leaves out
    theirs = Oem.from_str(write_oem_kvn([ephemeris]).decode(), "kvn")
    assert said(only(read(theirs.to_str(form).encode(), "theirs"))) == said(ephemeris)


@SLOW
@given(ephemerides())
def test_another_library_reads_the_same_states_of_every_ephemeris(ephemeris):
    theirs = ccsds_ndm.from_str(write_oem_kvn([ephemeris]).decode())
    for segment, their_segment in zip(ephemeris.segments, theirs.segments, strict=True):
        columns = 9 if segment.states["x_ddot_km_s2"].null_count == 0 else 6
        states = np.column_stack([segment.states[name].to_numpy() for name in STATE_SCHEMA.names[1 : columns + 1]])
        assert np.array_equal(their_segment.data.state_vector_numpy, states)


def test_the_examples_of_the_book_survive_a_change_of_encoding():
    if not shared(BOOKS):
        pytest.skip("/work/shared/data is absent")
    for path in sorted((BOOKS / "kvn").glob("oem_*")):
        ephemeris = only(read_oem_kvn(path.read_bytes(), path.name))
        through_xml = only(read_oem_xml(write_oem_xml([ephemeris]), path.name))
        assert said(only(read_oem_kvn(write_oem_kvn([through_xml]), path.name))) == said(ephemeris)


def test_a_starlink_ephemeris_is_written_as_an_oem_once_an_originator_is_named():
    ephemeris = read_meme(meme(3), "x", "MEME_44713_STARLINK-1007_2530142_Operational_1473471000_UNCLASSIFIED.txt")
    record = ephemeris.ephemerides[0]
    with pytest.raises(CannotRenderError, match="ORIGINATOR"):
        write_oem_kvn([record])
    again = only(read_oem_kvn(write_oem_kvn([dataclasses.replace(record, originator="STARLINK")]), "x.oem"))
    assert (again.message, again.version) == ("OEM", "3.0")
    assert again.segments[0].states.equals(record.segments[0].states)
    assert again.segments[0].covariances.equals(record.segments[0].covariances)


def test_a_nameless_object_is_written_as_unknown():
    segment = dataclasses.replace(ours().segments[0], object_name="", object_id="")
    again = only(read_oem_kvn(write_oem_kvn([dataclasses.replace(ours(), segments=(segment,))]), "x.oem")).segments[0]
    assert (again.object_name, again.object_id) == ("UNKNOWN", "UNKNOWN")


def test_epochs_have_six_decimals_where_these_say_all():
    assert b"2024-02-28T23:58:00.500000 6778.137 0.0 -12.5 0.001 7.66 -0.25 0.000001 -0.000002 0.0" in write_oem_kvn(
        [ours()]
    )


def changed(**changes: object) -> Ephemeris:
    ephemeris = ours()
    return dataclasses.replace(ephemeris, segments=(dataclasses.replace(ephemeris.segments[0], **changes),))


@pytest.mark.parametrize(
    ("ephemeris", "reason"),
    [
        (dataclasses.replace(ours(), creation_date_tai_ns=None), "CREATION_DATE"),
        (dataclasses.replace(ours(), originator=None), "ORIGINATOR"),
        (dataclasses.replace(ours(), originator=""), "ORIGINATOR"),
        (dataclasses.replace(ours(), segments=()), "META_START"),
        (dataclasses.replace(ours(), version="1.0", message_id=None), "OEM 1.0 has no accelerations"),
        (dataclasses.replace(ours(), version="2.0"), "MESSAGE_ID"),
        (changed(start_tai_ns=ours().segments[0].start_tai_ns + 1), "not before START_TIME"),
        (changed(stop_tai_ns=ours().segments[0].stop_tai_ns - 1), "not after STOP_TIME"),
        (changed(time_system="MRT"), "MRT"),
        (changed(object_name=" A"), "blanks"),
        (changed(object_name="A\nB"), "OBJECT_NAME"),
        (changed(states=ours().segments[0].states.slice(0, 0)), "at least one state"),
        (changed(covariances=ours().segments[0].covariances.slice(0, 0)), "COMMENT"),
        (dataclasses.replace(ours(), covariances=(ours().segments[0].covariances,)), "OCM"),
    ],
)
def test_what_an_oem_may_not_say_is_not_written(ephemeris, reason):
    with pytest.raises(CannotRenderError, match=reason):
        write_oem_kvn([ephemeris])


def test_a_state_that_is_not_finite_is_not_written():
    states = ours().segments[0].states
    broken = states.set_column(1, STATE_SCHEMA[1], pa.array([1.0, 2.0, float("nan"), 4.0]))
    with pytest.raises(CannotRenderError, match="NaN"):
        write_oem_kvn([changed(states=broken)])
