"""From the ephemeris record to an OEM as a tree, whose rows are columns of texts."""

import numpy as np
import pyarrow as pa

from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Block, Item, Message, Run
from schemas.ccsds.values import word_of
from schemas.ephemeris import Ephemeris, EphemerisSegment
from schemas.number_texts import number_texts
from schemas.oem.covariances import TERM_KEYWORDS, covariances_of
from schemas.oem.record import metadata_of
from schemas.oem.rules import check_epochs, check_segments
from schemas.oem.state_lines import (
    CLAUSE,
    STATE_KEYWORDS,
    WITH_ACCELERATION,
    WITHOUT_ACCELERATION,
    DataLine,
    columns_of,
)
from schemas.refusals import CannotRenderError, RecordRefusedError
from schemas.time_systems import format_epoch_column

VERSION = "3.0"
UNKNOWN = "UNKNOWN"  # what table 5-3 has for a name and an identifier that are not known
_NS_PER_MICROSECOND = 1_000


def message_of(ephemeris: Ephemeris) -> Message:
    """The OEM of an ephemeris record: version 3.0, or the record's own if it is an OEM.

    Epochs are written in the segment's own time system, with six decimals or nine; numbers as the shortest text that is
    read back bit by bit. An empty object name or identifier is written UNKNOWN (CCSDS 502.0-B-3, table 5-3). Raises
    CannotRenderError for what the rules of the OEM do not allow, such as a record without creation date or originator.
    """
    kind = message_kind("OEM")
    version = ephemeris.version if ephemeris.message == "OEM" else VERSION
    message = Message(kind=kind, version=version, record=ephemeris.record, line=0, start=0, stop=0)
    if ephemeris.covariances:
        raise CannotRenderError("covariances beside the trajectories (OCM) have no place in an OEM")
    if any(segment.basis is not None for segment in ephemeris.segments):
        raise CannotRenderError("TRAJ_BASIS: an OEM cannot say whether a trajectory is simulated")
    header = Block(kind.by_name["header"], 0, 0, _comments(ephemeris.header_comments))
    if ephemeris.creation_date_tai_ns is None or ephemeris.originator is None:
        missing = "CREATION_DATE" if ephemeris.creation_date_tai_ns is None else "ORIGINATOR"
        raise CannotRenderError(f"{missing}: an OEM must have it [CCSDS 502.0-B-3, table 5-2]")
    created = _epoch_text("CREATION_DATE", "UTC", ephemeris.creation_date_tai_ns)
    for keyword, text in (
        ("CLASSIFICATION", ephemeris.classification),
        ("CREATION_DATE", created),
        ("ORIGINATOR", ephemeris.originator),
        ("MESSAGE_ID", ephemeris.message_id),
    ):
        if text is not None:
            header.items.append(_item(keyword, text))
    message.blocks.append(header)
    for number, segment in enumerate(ephemeris.segments, start=1):
        message.blocks += _segment_blocks(message, segment, number)
    try:
        _check(message, ephemeris)
    except RecordRefusedError as error:
        place = f" [{error.clause}]" if error.clause else ""
        raise CannotRenderError(f"{error.field} = {error.value!r}: {error.rule}{place}") from error
    return message


def _check(message: Message, ephemeris: Ephemeris) -> None:
    """Raise RecordRefusedError for what `ephemeris_of` would refuse; the texts of the states are ours, and not read."""
    if not ephemeris.segments:
        raise RecordRefusedError("META_START", "", "an OEM has metadata", "CCSDS 502.0-B-3, 5.2.3.3")
    stated = [metadata_of(block) for block in message.blocks_of("metadata")]
    for number, (segment, metadata) in enumerate(zip(ephemeris.segments, stated, strict=True), start=1):
        (states,) = message.blocks_of("stateVector", number)
        (run,) = (rows for rows in states.rows if isinstance(rows, Run))
        if not run.length:
            raise RecordRefusedError("stateVector", "", "at least one state follows the metadata", CLAUSE)
        columns_of(DataLine(list(run.keywords), 0), message.version)

        def refused_row(row: int, rule: str, clause: str, epochs: pa.Array = run.columns[0]) -> RecordRefusedError:
            return RecordRefusedError("EPOCH", epochs[row].as_py(), rule, clause)

        check_epochs(segment.states["epoch_tai_ns"].to_numpy(), metadata, refused_row)
        matrices = message.blocks_of("covarianceMatrix", number)
        covariances_of(b"", matrices, metadata, word_of(segment.time_system), set())
    check_segments(list(ephemeris.segments), stated)


def _segment_blocks(message: Message, segment: EphemerisSegment, number: int) -> list[Block]:
    kinds = message.kind.by_name
    metadata = Block(kinds["metadata"], number, 0, _comments(segment.metadata_comments) + _metadata_items(segment))
    blocks = [metadata]
    if segment.data_comments:
        blocks.append(Block(kinds["data"], number, 0, _comments(segment.data_comments)))
    blocks.append(Block(kinds["stateVector"], number, 0, rows=[_state_run(segment)]))
    covariances = _covariance_blocks(message, segment, number)
    if segment.covariance_comments and not covariances:
        raise CannotRenderError("COMMENT: comments on covariances need a covariance matrix to stand before")
    return blocks + covariances


def _metadata_items(segment: EphemerisSegment) -> list[Item]:
    interpolation = segment.interpolation
    degree = None if interpolation is None else interpolation.degree

    def epoch(keyword: str, tai_ns: int | None) -> str | None:
        return None if tai_ns is None else _epoch_text(keyword, segment.time_system, tai_ns)

    texts = {
        "OBJECT_NAME": segment.object_name or UNKNOWN,
        "OBJECT_ID": segment.object_id or UNKNOWN,
        "CENTER_NAME": segment.center_name,
        "REF_FRAME": segment.ref_frame,
        "REF_FRAME_EPOCH": epoch("REF_FRAME_EPOCH", segment.ref_frame_epoch_tai_ns),
        "TIME_SYSTEM": segment.time_system,
        "START_TIME": epoch("START_TIME", segment.start_tai_ns),
        "USEABLE_START_TIME": epoch("USEABLE_START_TIME", segment.usable_start_tai_ns),
        "USEABLE_STOP_TIME": epoch("USEABLE_STOP_TIME", segment.usable_stop_tai_ns),
        "STOP_TIME": epoch("STOP_TIME", segment.stop_tai_ns),
        "INTERPOLATION": None if interpolation is None else interpolation.method,
        "INTERPOLATION_DEGREE": None if degree is None else str(degree),
    }
    return [_item(keyword, text) for keyword, text in texts.items() if text is not None]


def _state_run(segment: EphemerisSegment) -> Run:
    """The states as columns of texts."""
    states = segment.states
    has_acceleration = states.num_rows > 0 and states["x_ddot_km_s2"].null_count < states.num_rows
    keywords = STATE_KEYWORDS[: WITH_ACCELERATION if has_acceleration else WITHOUT_ACCELERATION]
    used = states.columns[: len(keywords)]
    if any(column.null_count for column in used):
        raise CannotRenderError("X_DDOT: all states of a segment have accelerations, or none [CCSDS 502.0-B-3, 5.2.4]")
    epochs = _epoch_texts("EPOCH", segment.time_system, used[0].to_numpy())
    numbers = [number_texts(keyword, column.to_numpy()) for keyword, column in zip(keywords[1:], used[1:], strict=True)]
    return Run(keywords, (epochs, *numbers), np.zeros(states.num_rows, dtype=np.int64))


def _covariance_blocks(message: Message, segment: EphemerisSegment, number: int) -> list[Block]:
    covariances = segment.covariances
    if not covariances.num_rows:
        return []
    epochs = _epoch_texts("EPOCH", segment.time_system, covariances["epoch_tai_ns"].to_numpy()).to_pylist()
    frames = covariances["ref_frame"].to_pylist()
    terms = number_texts("CX_X", covariances["lower_triangle"].flatten().to_numpy()).to_pylist()
    count = len(TERM_KEYWORDS)
    blocks = []
    for row, (epoch, frame) in enumerate(zip(epochs, frames, strict=True)):
        items = [] if row else _comments(segment.covariance_comments)
        items += [_item("EPOCH", epoch), _item("COV_REF_FRAME", frame)]
        own = terms[row * count : (row + 1) * count]
        items += [_item(keyword, text) for keyword, text in zip(TERM_KEYWORDS, own, strict=True)]
        blocks.append(Block(message.kind.by_name["covarianceMatrix"], number, 0, items))
    return blocks


def _item(keyword: str, text: str) -> Item:
    if text != text.strip():
        raise CannotRenderError(f"{keyword} = {text!r}: blanks around a value are lost when it is read")
    return Item(keyword, text)


def _comments(texts: tuple[str, ...]) -> list[Item]:
    return [_item("COMMENT", text) for text in texts]


def _epoch_text(keyword: str, time_system: str, tai_ns: int) -> str:
    return str(_epoch_texts(keyword, time_system, np.array([tai_ns], dtype=np.int64))[0])


def _epoch_texts(keyword: str, time_system: str, tai_ns: np.ndarray) -> pa.Array:
    """Texts of instants, (n,), six decimals where these say all, in UT1 and TDB always nine."""
    system = word_of(time_system)
    even = system not in ("UT1", "TDB") and not bool((tai_ns % _NS_PER_MICROSECOND).any())
    try:
        return pa.array(format_epoch_column(system, tai_ns, 6 if even else 9), pa.string())
    except ValueError as error:
        raise CannotRenderError(f"{keyword}: {error}") from error
