"""What must hold of every reading, whatever the input was; also used by tests of hostile input."""

import io
import itertools

import msgspec
import pyarrow as pa

from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.cdm.reading import read_cdm_json
from schemas.cdm.writing import write_cdm_json
from schemas.messages import PayloadReading
from schemas.oem.read import read_oem_kvn
from schemas.oem.write import write_oem_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.omm.write import write_omm_xml
from schemas.recognise import Recognised
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import REFUSED_BYTES_MAX, CannotRenderError

ANY = Recognised("PAYLOAD", "text")  # told by its content, plain or compressed
FORMS = {
    what.encoding: what
    for what in (
        ANY,
        Recognised("TLE", "tle"),
        *(Recognised("OMM", form) for form in ("kvn", "xml", "json", "csv")),
        *(Recognised("OEM", form) for form in ("kvn", "xml")),
        *(Recognised("CDM", form) for form in ("kvn", "xml", "json", "csv")),
        *(Recognised("OCM", form) for form in ("kvn", "xml")),
        Recognised("NDM", "xml"),
        Recognised("MEME", "text"),
    )
}
# What a message says of an orbit, and what an OMM can say back in full (its epoch has microseconds).
_ELEMENTS_KEPT = [
    name
    for name in ELEMENT_FIELDS_SCHEMA.names
    if name.endswith(("_deg", "_per_day", "_day2", "_day3", "_radius", "eccentricity", "_number", "_theory", "_name"))
]
_EPOCH_TOLERANCE_NS = 500
_NOT_KEPT = ("_tolerance_m", "_tolerance_m_s")


def require_sound(reading: PayloadReading) -> None:
    """Valid batches with the right columns; refusals that any encoder takes, each with place and rule."""
    reading.elements.validate(full=True)
    assert reading.elements.schema.equals(ELEMENT_FIELDS_SCHEMA)
    reading.conjunctions.validate(full=True)
    assert reading.conjunctions.schema.equals(CONJUNCTION_MESSAGE_SCHEMA)
    for ephemeris in reading.ephemerides:
        for segment in ephemeris.segments:
            segment.states.validate(full=True)
            segment.covariances.validate(full=True)
            epochs = segment.states.column("epoch_tai_ns").to_pylist()
            assert all(before < after for before, after in itertools.pairwise(epochs))
    msgspec.json.encode(reading.refusals)
    for refusal in reading.refusals:
        assert refusal.rule
        assert refusal.field
        assert len(refusal.value) <= 200
        assert len(refusal.data) <= REFUSED_BYTES_MAX
    assert isinstance(reading.deviations(), dict)


def require_survives_writing(reading: PayloadReading) -> None:
    """What was accepted and can be written says the same when it is read again."""
    if reading.elements.num_rows:
        _elements_survive(reading.elements)
    for ephemeris in reading.ephemerides:
        if ephemeris.left_out or not ephemeris.segments:
            continue
        try:
            written = write_oem_kvn([ephemeris])
        except CannotRenderError:
            continue
        again = read_oem_kvn(written, "again")
        assert not again.refusals, again.refusals[0]
        for before, after in zip(ephemeris.segments, again.ephemerides[0].segments, strict=True):
            assert _bytes_of(before.states) == _bytes_of(after.states)
    if reading.conjunctions.num_rows:
        _conjunctions_survive(reading.conjunctions)


def _elements_survive(elements: pa.RecordBatch) -> None:
    again = read_omm_xml(write_omm_xml(elements), "again")
    assert not again.refusals, again.refusals[0]
    for name in _ELEMENTS_KEPT:
        before, after = elements.column(name).to_pylist(), again.elements.column(name).to_pylist()
        if name in ("element_set_number", "revolution_at_epoch"):
            before = [value or 0 for value in before]
        if name == "object_name":
            before = ["UNKNOWN" if value is None else value for value in before]
        assert before == after, name
    before, after = (batch.column("epoch_tai_ns").to_numpy() for batch in (elements, again.elements))
    assert abs(before - after).max() <= _EPOCH_TOLERANCE_NS


def _conjunctions_survive(conjunctions: pa.RecordBatch) -> None:
    try:
        written = write_cdm_json(conjunctions)
    except CannotRenderError:
        return
    again = read_cdm_json(written, "again")
    assert not again.refusals, again.refusals[0]
    for field in CONJUNCTION_MESSAGE_SCHEMA:
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            # Tolerances come from how many digits were stated, which a written number does not repeat.
            if field.name == "payload_record" or field.name.endswith(_NOT_KEPT):
                continue
            before, after = (batch.column(field.name).to_pylist() for batch in (conjunctions, again.conjunctions))
            assert before == after, field.name


def _bytes_of(batch: pa.RecordBatch) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
