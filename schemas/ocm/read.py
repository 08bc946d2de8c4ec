"""Reads OCMs: Cartesian trajectories and covariances become an `Ephemeris`; what has no place in it is named."""

import pyarrow as pa

from schemas.ccsds.collect import collect
from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Block, Item, Message
from schemas.ccsds.values import word_of
from schemas.ephemeris import COVARIANCE_SCHEMA, STATE_SCHEMA, Ephemeris, EphemerisSegment, Interpolation
from schemas.ocm.covariance import covariance_of
from schemas.ocm.maneuvers import check_maneuvers
from schemas.ocm.rows import Clock, Rows, instant_of, rows_of
from schemas.reading import EphemerisReading
from schemas.refusals import RecordRefusedError
from schemas.time_systems import require_time_system, to_tai_ns

_CLAUSE = "CCSDS 502.0-B-3, 6.2.5"
_CLAUSE_METADATA = "CCSDS 502.0-B-3, table 6-3"
_POSITION, _VELOCITY, _ACCELERATION = 3, 6, 9
# Values a line by TRAJ_TYPE. Others (KEPLERIAN, ...) are checked for numbers and stay out of the record.
_VALUES = {"CARTP": _POSITION, "CARTPV": _VELOCITY, "CARTPVA": _ACCELERATION}
_UNITS_KM = ("KM",) * 3 + ("KM/S",) * 3 + ("KM/S**2",) * 3
_OSCULATING = "OSCULATING"
_USABLE = ("USEABLE_START_TIME", "USEABLE_STOP_TIME")
_NO_COVARIANCE = pa.RecordBatch.from_pylist([], schema=COVARIANCE_SCHEMA)


def read_ocm_kvn(data: bytes, file: str) -> EphemerisReading:
    """The OCMs of a KVN payload; ``file`` is what refusals call it."""
    messages = read_kvn_messages(data, message_kind("OCM"))
    return EphemerisReading("ocm-kvn", *collect(messages, data, file, "kvn", lambda m: comprehensive_of(m, data)))


def read_ocm_xml(data: bytes, file: str) -> EphemerisReading:
    """The OCMs of an XML payload; ``file`` is what refusals call it."""
    messages = read_xml_messages(data, [message_kind("OCM")])
    return EphemerisReading("ocm-xml", *collect(messages, data, file, "xml", lambda m: comprehensive_of(m, data)))


def comprehensive_of(message: Message, data: bytes) -> Ephemeris:
    """The record of a judged OCM. Raises RecordRefusedError for what breaks the rules of its data lines.

    ``left_out`` of the record names the blocks that are right and have no place in it: orbits that are not Cartesian
    positions and velocities in km, covariances of other elements, physical, manoeuvre and other descriptions.
    """
    metadata = message.blocks_of("metadata")[0]
    clock = _clock(metadata)
    segments: list[EphemerisSegment] = []
    covariances: list[pa.RecordBatch] = []
    left_out: list[str] = []
    for block in message.blocks:
        if block.kind.name == "traj":
            segment = _segment(message, metadata, block, data, clock)
            if segment is None:
                left_out.append(f"traj {block.text('TRAJ_TYPE')}")
            else:
                segments.append(segment)
        elif block.kind.name == "cov":
            batch = covariance_of(message, block, data, clock)
            if batch is None:
                left_out.append(f"cov {block.text('COV_TYPE')}")
            else:
                covariances.append(batch)
        elif block.kind.place == "data":
            if block.kind.name == "man":
                check_maneuvers(block, data, clock)
            left_out.append(block.kind.name)
    header = message.blocks_of("header")[0]
    return Ephemeris(
        message="OCM",
        version=message.version,
        creation_date_tai_ns=_instant(Clock("UTC", 0), "CREATION_DATE", header),
        originator=header.text("ORIGINATOR"),
        message_id=header.text("MESSAGE_ID"),
        classification=header.text("CLASSIFICATION"),
        segments=tuple(segments),
        header_comments=tuple(header.comments()),
        covariances=tuple(covariances),
        left_out=tuple(left_out),
        deviations=tuple(message.deviations),
        record=message.record,
    )


def _clock(metadata: Block) -> Clock:
    time_system = word_of(metadata.text("TIME_SYSTEM") or "")
    try:
        require_time_system(time_system)
    except ValueError as error:
        raise _refused(metadata, "TIME_SYSTEM", str(error)) from error
    zero = _instant(Clock(time_system, 0), "EPOCH_TZERO", metadata)
    if zero is None:
        raise RecordRefusedError("EPOCH_TZERO", "", "stands in every OCM", _CLAUSE_METADATA, metadata.line)
    clock = Clock(time_system, zero)
    start, stop = (_absolute_or_relative(clock, keyword, metadata) for keyword in ("START_TIME", "STOP_TIME"))
    if start is not None and stop is not None and stop < start:
        raise _refused(metadata, "STOP_TIME", "not before START_TIME")
    return clock


def _instant(clock: Clock, keyword: str, block: Block) -> int | None:
    """TAI ns of a keyword's value, None where it is not there or empty."""
    item = _stated(keyword, block)
    if item is None:
        return None
    try:
        return to_tai_ns(clock.time_system, item.text)
    except ValueError as error:
        raise RecordRefusedError(keyword, item.text, str(error), _CLAUSE_METADATA, item.line) from error


def _absolute_or_relative(clock: Clock, keyword: str, block: Block) -> int | None:
    """As `_instant`, where a message may also say seconds after EPOCH_TZERO."""
    item = _stated(keyword, block)
    if item is None:
        return None
    try:
        return instant_of(item.text, clock, keyword)
    except RecordRefusedError as error:
        error.line = item.line
        raise


def _stated(keyword: str, block: Block) -> Item | None:
    return next((item for item in block.items if item.keyword == keyword and item.text), None)


def _segment(message: Message, metadata: Block, block: Block, data: bytes, clock: Clock) -> EphemerisSegment | None:
    """The segment of an osculating Cartesian trajectory in km and km/s, or None for any other orbit."""
    kind = word_of(block.text("TRAJ_TYPE") or "")
    # CARTPV with nine values: the Blue Book's own figure G-15; what the first six are is not in doubt.
    counts = {kind: (_VALUES[kind],) for kind in _VALUES} | {"CARTPV": (_VELOCITY, _ACCELERATION)}
    rows = rows_of(message, block, data, clock, "trajLine", counts.get(kind, ()))
    count = rows.values.shape[1]
    if kind == "CARTPV" and count == _ACCELERATION:
        message.notice("accelerations-with-cartpv")
    usable = [_absolute_or_relative(clock, keyword, block) for keyword in _USABLE]
    _check_usable(block, usable, rows)
    _check_interpolation(block)
    averaged = word_of(block.text("ORB_AVERAGING") or _OSCULATING) != _OSCULATING
    if kind not in _VALUES or count < _VELOCITY or averaged or not _in_km(block, count):
        return None
    degree = block.text("INTERPOLATION_DEGREE")
    method = block.text("INTERPOLATION")
    frame_epoch = _instant(clock, "TRAJ_FRAME_EPOCH", block)
    return EphemerisSegment(
        object_name=metadata.text("OBJECT_NAME") or "",
        object_id=metadata.text("INTERNATIONAL_DESIGNATOR") or metadata.text("OBJECT_DESIGNATOR") or "",
        center_name=block.text("CENTER_NAME") or "",
        ref_frame=block.text("TRAJ_REF_FRAME") or "",
        ref_frame_epoch_tai_ns=frame_epoch,
        time_system=metadata.text("TIME_SYSTEM") or "",
        start_tai_ns=int(rows.epoch_tai_ns[0]),
        usable_start_tai_ns=usable[0],
        usable_stop_tai_ns=usable[1],
        stop_tai_ns=int(rows.epoch_tai_ns[-1]),
        interpolation=None if method is None else Interpolation(method, None if degree is None else int(degree)),
        states=_states(rows),
        covariances=_NO_COVARIANCE,
        metadata_comments=tuple(metadata.comments()),
        data_comments=tuple(block.comments()),
        basis=block.text("TRAJ_BASIS"),
    )


def _check_usable(block: Block, usable: list[int | None], rows: Rows) -> None:
    """Raise RecordRefusedError where the usable span runs backwards or holds none of the states."""
    start, stop = usable
    if start is not None and stop is not None and stop < start:
        raise _refused(block, _USABLE[1], "not before USEABLE_START_TIME")
    if start is not None and start > int(rows.epoch_tai_ns[-1]):
        raise _refused(block, _USABLE[0], "not after the last state: none of the states is usable")
    if stop is not None and stop < int(rows.epoch_tai_ns[0]):
        raise _refused(block, _USABLE[1], "not before the first state: none of the states is usable")


def _check_interpolation(block: Block) -> None:
    """Raise RecordRefusedError where a degree stands without a method: it would be lost."""
    if block.text("INTERPOLATION_DEGREE") and not block.text("INTERPOLATION"):
        raise _refused(block, "INTERPOLATION_DEGREE", "stands only with INTERPOLATION")


def _refused(block: Block, keyword: str, rule: str) -> RecordRefusedError:
    item = _stated(keyword, block)
    text, line = ("", block.line) if item is None else (item.text, item.line)
    return RecordRefusedError(keyword, text, rule, block.kind.clause, line)


def _in_km(block: Block, count: int) -> bool:
    """True where TRAJ_UNITS says km and km/s, or says nothing (km is what the standard then means)."""
    text = block.text("TRAJ_UNITS")
    if text is None:
        return True
    units = tuple(unit.strip(" ").upper() for unit in text.strip("[] ").split(","))
    return units in (_UNITS_KM[:count], _UNITS_KM[:_VELOCITY])


def _states(rows: Rows) -> pa.RecordBatch:
    columns: list[pa.Array] = [pa.array(rows.epoch_tai_ns)]
    columns += [pa.array(column) for column in rows.values.T]
    while len(columns) < len(STATE_SCHEMA):
        columns.append(pa.nulls(len(rows.lines), pa.float64()))
    return pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA)
