"""Ephemerides as hypothesis makes them: all that an OEM of ours can say."""

import pyarrow as pa
from hypothesis import strategies as st

from schemas.ephemeris import (
    COVARIANCE_SCHEMA,
    COVARIANCE_TERMS,
    STATE_SCHEMA,
    Ephemeris,
    EphemerisSegment,
    Interpolation,
)
from schemas.timescales import parse_utc

FIRST, LAST = parse_utc("2016-12-31T23:00:00"), parse_utc("2024-01-01T00:00:00")  # a leap second comes soon
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VARIANCES = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False)
TEXTS = (
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40).map(str.strip).filter(bool)
)
COMMENTS = st.lists(TEXTS, max_size=2).map(tuple)
GAPS = st.one_of(st.integers(1, 10), st.integers(1, 10**6), st.integers(1, 300).map(lambda seconds: seconds * 10**9))
VARIANCE_PLACES = (0, 2, 5, 9, 14, 20)


def rising(draw, first: int, count: int) -> list[int]:
    """Instants in TAI ns, the first one given."""
    instants = [first]
    for _ in range(count - 1):
        instants.append(instants[-1] + draw(GAPS))
    return instants


@st.composite
def covariance_batches(draw, first: int) -> pa.RecordBatch:
    """Matrices after an instant."""
    epochs = rising(draw, first, draw(st.integers(1, 3))) if draw(st.booleans()) else []
    triangles = []
    for _ in epochs:
        terms = draw(st.lists(NUMBERS, min_size=COVARIANCE_TERMS, max_size=COVARIANCE_TERMS))
        for place in VARIANCE_PLACES:
            terms[place] = draw(VARIANCES)
        triangles.append(terms)
    frames = [draw(st.sampled_from(["RTN", "TNW", "EME2000", "ITRF2000"])) for _ in epochs]
    columns = [
        pa.array(epochs, pa.int64()),
        pa.array(frames, pa.string()),
        pa.array(triangles, COVARIANCE_SCHEMA[2].type),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=COVARIANCE_SCHEMA)


@st.composite
def segments(draw, first: int, time_system: str, object_id: str) -> EphemerisSegment:
    """A segment that begins at an instant."""
    count = draw(st.integers(1, 6))
    epochs = rising(draw, first, count)
    has_acceleration = draw(st.booleans())
    columns = [pa.array(epochs, pa.int64())]
    for column in range(9):
        if column < 6 or has_acceleration:
            columns.append(pa.array(draw(st.lists(NUMBERS, min_size=count, max_size=count)), pa.float64()))
        else:
            columns.append(pa.nulls(count, pa.float64()))
    usable_start, usable_stop = sorted(draw(st.lists(st.sampled_from(epochs), min_size=2, max_size=2)))
    method = draw(st.one_of(st.none(), st.sampled_from(["HERMITE", "LAGRANGE", "LINEAR", "Lagrange", "SPLINE"])))
    covariances = draw(covariance_batches(first))
    return EphemerisSegment(
        object_name=draw(TEXTS),
        object_id=object_id,
        center_name=draw(st.sampled_from(["EARTH", "MARS BARYCENTER", "Moon"])),
        ref_frame=draw(st.sampled_from(["EME2000", "GCRF", "ITRF", "TEME", "TOD"])),
        ref_frame_epoch_tai_ns=draw(st.one_of(st.none(), st.integers(FIRST, LAST))),
        time_system=time_system,
        start_tai_ns=epochs[0],
        usable_start_tai_ns=draw(st.sampled_from([None, usable_start])),
        usable_stop_tai_ns=draw(st.sampled_from([None, usable_stop])),
        stop_tai_ns=epochs[-1],
        interpolation=None if method is None else Interpolation(method, draw(st.integers(1, 12))),
        states=pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA),
        covariances=covariances,
        metadata_comments=draw(COMMENTS),
        data_comments=draw(COMMENTS),
        covariance_comments=draw(COMMENTS) if covariances.num_rows else (),
    )


@st.composite
def ephemerides(draw) -> Ephemeris:
    """An OEM of one to three segments."""
    time_system = draw(st.sampled_from(["UTC", "TAI", "TT", "GPS", "UT1", "TDB", "utc"]))
    object_id = draw(TEXTS)
    first = draw(st.one_of(st.integers(FIRST, FIRST + 2 * 3600 * 10**9), st.integers(FIRST, LAST)))
    made: list[EphemerisSegment] = []
    for _ in range(draw(st.integers(1, 3))):
        made.append(draw(segments(first, time_system, object_id)))
        first = made[-1].stop_tai_ns + draw(st.integers(0, 10**9))
    return Ephemeris(
        message="OEM",
        version="3.0",
        creation_date_tai_ns=draw(st.integers(FIRST, LAST)),
        originator=draw(TEXTS),
        message_id=draw(st.one_of(st.none(), TEXTS)),
        classification=draw(st.one_of(st.none(), TEXTS)),
        segments=tuple(made),
        header_comments=draw(COMMENTS),
    )
