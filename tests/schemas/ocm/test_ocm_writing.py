"""OCM: what we write says the same when it is read, validates against the schema, and another library reads it."""

import dataclasses
import struct
from typing import Any

import ccsds_ndm
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.ephemeris import COVARIANCE_SCHEMA, Ephemeris
from schemas.ocm.read import read_ocm_kvn, read_ocm_xml
from schemas.ocm.write import write_ocm_kvn, write_ocm_xml
from schemas.refusals import CannotRenderError
from schemas.time_systems import format_epoch
from tests.schemas.generated_elements import data_file
from tests.schemas.ocm.payloads import STATES, block, covariance, metadata, ocm, trajectory
from tests.schemas.oem.generated_ephemerides import covariance_batches, ephemerides

NO_COVARIANCE = pa.RecordBatch.from_pylist([], schema=COVARIANCE_SCHEMA)
TRIANGLE = " ".join(["1.0", *["0.25"] * 19, "2.0"])
FORMS = {"kvn": (write_ocm_kvn, read_ocm_kvn), "xml": (write_ocm_xml, read_ocm_xml)}


@st.composite
def comprehensive(draw: st.DrawFn) -> Ephemeris:
    """All that an OCM of ours can say: one object, one time system, covariances beside the trajectories."""
    ephemeris: Ephemeris = draw(ephemerides())
    first = ephemeris.segments[0]
    segments = tuple(
        dataclasses.replace(
            segment,
            object_name=first.object_name,
            metadata_comments=first.metadata_comments,
            covariances=NO_COVARIANCE,
            covariance_comments=(),
        )
        for segment in ephemeris.segments
    )
    histories = []
    for batch in draw(st.lists(covariance_batches(first.start_tai_ns), max_size=2)):
        if batch.num_rows:
            frames = pa.array([batch["ref_frame"][0].as_py()] * batch.num_rows)
            columns = [batch["epoch_tai_ns"], frames, batch["lower_triangle"]]
            histories.append(pa.RecordBatch.from_arrays(columns, schema=COVARIANCE_SCHEMA))
    return dataclasses.replace(ephemeris, message="OCM", version="3.0", segments=segments, covariances=tuple(histories))


def bits(values: Any) -> Any:
    """The values with each float as its bytes, so that -0.0 is not 0.0."""
    if isinstance(values, float):
        return struct.pack("d", values)
    if isinstance(values, pa.RecordBatch):
        return bits(values.to_pydict())
    if dataclasses.is_dataclass(values):
        return [bits(getattr(values, field.name)) for field in dataclasses.fields(values)]
    if isinstance(values, dict):
        return {key: bits(value) for key, value in values.items()}
    return [bits(value) for value in values] if isinstance(values, list | tuple) else values


@pytest.mark.parametrize("form", FORMS)
@given(comprehensive())
@settings(max_examples=40)
def test_what_is_written_reads_back_to_the_last_bit(form: str, ephemeris: Ephemeris) -> None:
    write, read = FORMS[form]
    reading = read(write([ephemeris]), "test")
    assert reading.refusals == []
    (again,) = reading.ephemerides
    assert bits(dataclasses.replace(again, deviations=())) == bits(ephemeris)


@given(comprehensive())
@settings(max_examples=15)
def test_written_xml_validates_against_the_schema(ephemeris: Ephemeris) -> None:
    path = data_file("ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd")
    schema = etree.XMLSchema(etree.parse(str(path)))
    schema.assertValid(etree.fromstring(write_ocm_xml([ephemeris])))
    schema.assertValid(etree.fromstring(write_ocm_xml([ephemeris, ephemeris])))


def only_record(payload: bytes) -> Ephemeris:
    reading = read_ocm_kvn(payload, "test.ocm")
    assert reading.refusals == []
    return reading.ephemerides[0]


@pytest.mark.parametrize("form", FORMS)
def test_another_library_reads_what_is_written(form: str) -> None:
    ephemeris = only_record(ocm(trajectory(), covariance([f"0.0 {TRIANGLE}", f"60.0 {TRIANGLE}"])))
    text = FORMS[form][0]([ephemeris]).decode()
    message = ccsds_ndm.Ocm.from_str(text, format=form)
    assert message.header.originator == "TESTERS"
    data = message.segment.data
    (traj,) = data.traj
    assert (traj.center_name, traj.traj_ref_frame, traj.traj_type) == ("EARTH", "GCRF", "CARTPV")
    assert [list(line.values) for line in traj.traj_lines] == [
        [float(number) for number in line.split()[1:]] for line in STATES
    ]
    (cov,) = data.cov
    assert [list(line.values) for line in cov.cov_lines] == [[float(n) for n in TRIANGLE.split()]] * 2


def test_epochs_are_absolute_and_tzero_is_the_first() -> None:
    ephemeris = only_record(ocm(trajectory(("0 1 2 3 4 5 6", "0.000000001 1 2 3 4 5 6"))))
    text = write_ocm_kvn([ephemeris]).decode()
    assert f"EPOCH_TZERO              = {format_epoch('UTC', ephemeris.segments[0].start_tai_ns)}" in text
    assert "\n2026-03-01T00:00:00.000000001 1.0 2.0 3.0 4.0 5.0 6.0\n" in text


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (ocm(trajectory(), block("PHYS", {"WET_MASS": "100.0 [kg]"})), "phys"),
        (ocm(trajectory(["0 7000 0 0"], TRAJ_TYPE="CARTP")), "CARTP"),
        (ocm(covariance([f"0.0 {TRIANGLE}"])), "without segments"),
    ],
)
def test_a_record_that_holds_less_than_its_message_is_not_written(payload: bytes, reason: str) -> None:
    with pytest.raises(CannotRenderError, match=reason):
        write_ocm_kvn([only_record(payload)])


@pytest.mark.parametrize("change", [{"time_system": "TAI"}, {"object_name": "OTHER"}, {"object_id": "2026-002A"}])
def test_segments_of_two_objects_or_time_systems_are_not_one_ocm(change: dict[str, str]) -> None:
    ephemeris = only_record(ocm(trajectory(), meta=metadata()))
    other = dataclasses.replace(ephemeris.segments[0], **change)
    two = dataclasses.replace(ephemeris, segments=(*ephemeris.segments, other))
    with pytest.raises(CannotRenderError, match="an OCM has one"):
        write_ocm_xml([two])
