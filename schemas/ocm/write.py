"""Writes ephemerides as OCMs: every segment a trajectory, every covariance history a block of lower triangles."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Block, Item, Message, Run
from schemas.ccsds.values import word_of
from schemas.ccsds.write_kvn import write_kvn
from schemas.ccsds.write_xml import write_xml
from schemas.ephemeris import COVARIANCE_TERMS, Ephemeris, EphemerisSegment
from schemas.number_texts import number_texts
from schemas.refusals import CannotRenderError
from schemas.time_systems import format_epoch, format_epoch_column

_VERSION = "3.0"
_POSITION_AND_VELOCITY = ("x_km", "y_km", "z_km", "x_dot_km_s", "y_dot_km_s", "z_dot_km_s")
_ACCELERATION = ("x_ddot_km_s2", "y_ddot_km_s2", "z_ddot_km_s2")
_UNITS = "[km, km, km, km/s, km/s, km/s]"
_UNITS_WITH_ACCELERATION = "[km, km, km, km/s, km/s, km/s, km/s**2, km/s**2, km/s**2]"


def write_ocm_kvn(ephemerides: Iterable[Ephemeris]) -> bytes:
    """One KVN message an ephemeris. Raises CannotRenderError for what an OCM cannot say."""
    return write_kvn([message_of(ephemeris) for ephemeris in ephemerides])


def write_ocm_xml(ephemerides: Iterable[Ephemeris]) -> bytes:
    """XML; the rest as `write_ocm_kvn`."""
    return write_xml([message_of(ephemeris) for ephemeris in ephemerides])


def message_of(ephemeris: Ephemeris) -> Message:
    """The message that says what the record says. Numbers are the shortest texts that read back as the same float64.

    Raises CannotRenderError where blocks of the original were left out of the record, where segments differ in time
    system or in object (an OCM has one of each), and where the header lacks what an OCM must state.
    """
    if ephemeris.left_out:
        blocks = ", ".join(ephemeris.left_out)
        raise CannotRenderError(f"the record does not hold all of its message ({blocks}): convert the message instead")
    if not ephemeris.segments:
        raise CannotRenderError("an ephemeris without segments has no time system, which an OCM must state")
    kind, first = message_kind("OCM"), ephemeris.segments[0]
    for segment in ephemeris.segments:
        for name in ("time_system", "object_name", "object_id"):
            if getattr(segment, name) != getattr(first, name):
                raise CannotRenderError(f"segments of different {name}: an OCM has one")
    message = Message(kind, _VERSION, 1, 0, 0, 0)
    header = Block(kind.by_name["header"], 0, 0, _comments(ephemeris.header_comments))
    if ephemeris.creation_date_tai_ns is None or not ephemeris.originator:
        raise CannotRenderError("CREATION_DATE and ORIGINATOR must be stated in an OCM")
    _add(header, "CLASSIFICATION", ephemeris.classification)
    _add(header, "CREATION_DATE", format_epoch("UTC", ephemeris.creation_date_tai_ns))
    _add(header, "ORIGINATOR", ephemeris.originator)
    _add(header, "MESSAGE_ID", ephemeris.message_id)
    metadata = Block(kind.by_name["metadata"], 1, 0, _comments(first.metadata_comments))
    _add(metadata, "OBJECT_NAME", first.object_name or None)
    _add(metadata, "INTERNATIONAL_DESIGNATOR", first.object_id or None)
    _add(metadata, "TIME_SYSTEM", first.time_system)
    _add(metadata, "EPOCH_TZERO", format_epoch(word_of(first.time_system), first.start_tai_ns))
    message.blocks = [header, metadata, *(_trajectory(segment) for segment in ephemeris.segments)]
    histories = [segment.covariances for segment in ephemeris.segments] + list(ephemeris.covariances)
    for history in histories:
        message.blocks += _covariances(history, first.time_system)
    return message


def _trajectory(segment: EphemerisSegment) -> Block:
    kind = message_kind("OCM").by_name["traj"]
    block = Block(kind, 1, 0, _comments(segment.data_comments))
    _add(block, "TRAJ_BASIS", segment.basis)
    if segment.interpolation is not None:
        _add(block, "INTERPOLATION", segment.interpolation.method)
        degree = segment.interpolation.degree
        _add(block, "INTERPOLATION_DEGREE", None if degree is None else str(degree))
    _add(block, "CENTER_NAME", segment.center_name)
    _add(block, "TRAJ_REF_FRAME", segment.ref_frame)
    for keyword, instant in (
        ("TRAJ_FRAME_EPOCH", segment.ref_frame_epoch_tai_ns),
        ("USEABLE_START_TIME", segment.usable_start_tai_ns),
        ("USEABLE_STOP_TIME", segment.usable_stop_tai_ns),
    ):
        _add(block, keyword, None if instant is None else format_epoch(word_of(segment.time_system), instant))
    accelerated = segment.states.column("x_ddot_km_s2").null_count == 0 and segment.states.num_rows > 0
    _add(block, "TRAJ_TYPE", "CARTPVA" if accelerated else "CARTPV")
    _add(block, "TRAJ_UNITS", _UNITS_WITH_ACCELERATION if accelerated else _UNITS)
    names = _POSITION_AND_VELOCITY + (_ACCELERATION if accelerated else ())
    columns = [segment.states.column(name).to_numpy() for name in names]
    epochs = format_epoch_column(word_of(segment.time_system), segment.states.column("epoch_tai_ns").to_numpy())
    block.rows = [_lines("trajLine", epochs, columns)]
    return block


def _covariances(history: pa.RecordBatch, time_system: str) -> list[Block]:
    """A block for each stretch of one reference frame."""
    blocks: list[Block] = []
    frames = history.column("ref_frame").to_pylist()
    epochs = format_epoch_column(word_of(time_system), history.column("epoch_tai_ns").to_numpy()) if frames else []
    triangles = history.column("lower_triangle").flatten().to_numpy().reshape(-1, COVARIANCE_TERMS)
    start = 0
    while start < len(frames):
        stop = start
        while stop < len(frames) and frames[stop] == frames[start]:
            stop += 1
        block = Block(message_kind("OCM").by_name["cov"], 1, 0)
        _add(block, "COV_REF_FRAME", frames[start])
        _add(block, "COV_TYPE", "CARTPV")
        _add(block, "COV_ORDERING", "LTM")
        _add(block, "COV_UNITS", _UNITS)
        block.rows = [_lines("covLine", epochs[start:stop], triangles[start:stop].T)]
        blocks.append(block)
        start = stop
    return blocks


def _lines(name: str, epochs: list[str], columns: Iterable[NDArray[np.float64]]) -> Run:
    texts = [pa.array(epochs, pa.string()), *(number_texts(name, column) for column in columns)]
    lines = pc.binary_join_element_wise(*texts, " ")
    return Run((name,), (lines,), np.zeros(len(lines), dtype=np.int64))


def _comments(comments: Iterable[str]) -> list[Item]:
    return [Item("COMMENT", text) for text in comments]


def _add(block: Block, keyword: str, text: str | None) -> None:
    if text is not None:
        block.items.append(Item(keyword, text))
