"""From an OEM as a tree, judged by its table, to the ephemeris record."""

from schemas.ccsds.tree import Block, Lines, Message, Run
from schemas.ccsds.values import integer_of, word_of
from schemas.ephemeris import Ephemeris, EphemerisSegment, Interpolation
from schemas.oem.covariances import covariances_of
from schemas.oem.rules import METADATA_CLAUSE, Metadata, check_epochs, check_metadata, check_segments
from schemas.oem.state_lines import CLAUSE, epoch_at_row, epoch_of
from schemas.oem.states import States, states_of, states_of_runs
from schemas.refusals import RecordRefusedError
from schemas.time_systems import TIME_SYSTEMS

_EPOCH_KEYWORDS = ("REF_FRAME_EPOCH", "START_TIME", "USEABLE_START_TIME", "USEABLE_STOP_TIME", "STOP_TIME")


def ephemeris_of(message: Message, data: bytes) -> Ephemeris:
    """The record of an OEM that `schemas.ccsds.judge` has let pass; ``data`` is the payload that its lines lie in.

    Centre, frame and time system are kept as stated. Adds known deviations to ``message.deviations``. Raises
    RecordRefusedError for what the rules of CCSDS 502.0-B-3, chapter 5, do not allow, for a time system without
    instants (MET, MRT, SCLK, GMST, and names that nobody knows), and for epochs outside 1972 to 2261.
    """
    segments: list[EphemerisSegment] = []
    stated: list[Metadata] = []
    for block in message.blocks_of("metadata"):
        metadata = metadata_of(block)
        segments.append(_segment(message, data, block, metadata))
        stated.append(metadata)
    if not segments:
        raise RecordRefusedError("META_START", "", "an OEM has metadata", "CCSDS 502.0-B-3, 5.2.3.3", message.line)
    check_segments(segments, stated)
    header = next(iter(message.blocks_of("header")), None)
    texts = {item.keyword: item for item in header.items} if header else {}
    created = texts.get("CREATION_DATE")
    return Ephemeris(
        message="OEM",
        version=message.version,
        creation_date_tai_ns=epoch_of("CREATION_DATE", created.text, "UTC", created.line)
        if created and created.text
        else None,
        originator=texts["ORIGINATOR"].text if "ORIGINATOR" in texts else None,
        message_id=texts["MESSAGE_ID"].text if "MESSAGE_ID" in texts else None,
        classification=texts["CLASSIFICATION"].text if "CLASSIFICATION" in texts else None,
        segments=tuple(segments),
        header_comments=tuple(header.comments()) if header else (),
        deviations=tuple(message.deviations),
        record=message.record,
    )


def metadata_of(block: Block) -> Metadata:
    """The metadata of one segment. Raises RecordRefusedError unless they are consistent in themselves."""
    items = {item.keyword: item for item in block.items if item.keyword != "COMMENT"}
    texts = {keyword: item.text for keyword, item in items.items()}
    lines = {keyword: item.line or block.line for keyword, item in items.items()}
    time_system = word_of(texts.get("TIME_SYSTEM", ""))
    if time_system not in TIME_SYSTEMS:
        rule = f"one of {', '.join(TIME_SYSTEMS)}: instants of other time systems need data that no message carries"
        line = lines.get("TIME_SYSTEM", block.line)
        raise RecordRefusedError("TIME_SYSTEM", texts.get("TIME_SYSTEM", ""), rule, METADATA_CLAUSE, line)
    epochs = {
        keyword: epoch_of(keyword, texts[keyword], time_system, lines[keyword])
        for keyword in _EPOCH_KEYWORDS
        if keyword in texts
    }
    for keyword in ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "START_TIME", "STOP_TIME"):
        if keyword not in texts:
            raise RecordRefusedError(keyword, "", "must be there", METADATA_CLAUSE, block.line)
    metadata = Metadata(
        object_name=texts["OBJECT_NAME"],
        object_id=texts["OBJECT_ID"],
        center_name=texts["CENTER_NAME"],
        ref_frame=texts["REF_FRAME"],
        ref_frame_epoch_tai_ns=epochs.get("REF_FRAME_EPOCH"),
        time_system=texts["TIME_SYSTEM"],
        start_tai_ns=epochs["START_TIME"],
        usable_start_tai_ns=epochs.get("USEABLE_START_TIME"),
        usable_stop_tai_ns=epochs.get("USEABLE_STOP_TIME"),
        stop_tai_ns=epochs["STOP_TIME"],
        interpolation=_interpolation(texts, lines),
        texts=texts,
        lines=lines,
        line=block.line,
    )
    check_metadata(metadata)
    return metadata


def _interpolation(texts: dict[str, str], lines: dict[str, int]) -> Interpolation | None:
    keyword = "INTERPOLATION_DEGREE"
    degree = None
    if keyword in texts:
        try:
            degree = integer_of(keyword, texts[keyword], METADATA_CLAUSE)
        except RecordRefusedError as error:
            error.line = lines[keyword]
            raise
        if degree < 1:
            raise RecordRefusedError(keyword, texts[keyword], "1 or more", METADATA_CLAUSE, lines[keyword])
    return Interpolation(texts["INTERPOLATION"], degree) if "INTERPOLATION" in texts else None


def _segment(message: Message, data: bytes, block: Block, metadata: Metadata) -> EphemerisSegment:
    """The segment that begins with a metadata block."""
    time_system = word_of(metadata.time_system)
    notices: set[str] = set()
    state_blocks = message.blocks_of("stateVector", block.segment)
    rows = [rows for state_block in state_blocks for rows in state_block.rows]
    states = _states(data, rows, block, time_system, message.version)
    notices |= states.deviations
    spans = [lines for lines in rows if isinstance(lines, Lines)]

    def refused_row(row: int, rule: str, clause: str) -> RecordRefusedError:
        text, line = _epoch_of_row(data, rows, row, spans)
        return RecordRefusedError("EPOCH", text, rule, clause, line)

    for deviation in check_epochs(states.batch["epoch_tai_ns"].to_numpy(), metadata, refused_row):
        message.notice(deviation)
    covariance_blocks = message.blocks_of("covarianceMatrix", block.segment)
    if covariance_blocks and message.version == "1.0":
        rule = "OEM 1.0 has no covariance matrices"
        raise RecordRefusedError("COVARIANCE_START", "", rule, "CCSDS 502.0-B-1, 3.2", covariance_blocks[0].line)
    covariances = covariances_of(data, covariance_blocks, metadata, time_system, notices)
    for deviation in sorted(notices):
        message.notice(deviation)
    comment_blocks = message.blocks_of("data", block.segment) + state_blocks
    return EphemerisSegment(
        object_name=metadata.object_name,
        object_id=metadata.object_id,
        center_name=metadata.center_name,
        ref_frame=metadata.ref_frame,
        ref_frame_epoch_tai_ns=metadata.ref_frame_epoch_tai_ns,
        time_system=metadata.time_system,
        start_tai_ns=metadata.start_tai_ns,
        usable_start_tai_ns=metadata.usable_start_tai_ns,
        usable_stop_tai_ns=metadata.usable_stop_tai_ns,
        stop_tai_ns=metadata.stop_tai_ns,
        interpolation=metadata.interpolation,
        states=states.batch,
        covariances=covariances,
        metadata_comments=tuple(block.comments()),
        data_comments=tuple(text for one in comment_blocks for text in one.comments()),
        covariance_comments=tuple(text for one in covariance_blocks for text in one.comments()),
    )


def _states(data: bytes, rows: list[Lines | Run], block: Block, time_system: str, version: str) -> States:
    runs = [run for run in rows if isinstance(run, Run)]
    if runs or not rows:
        try:
            return states_of_runs(runs, time_system, version)
        except RecordRefusedError as error:
            error.line = error.line or block.line
            raise
    if len(rows) > 1 or not isinstance(rows[0], Lines):
        rule = "the data lines of a segment stand in one block"
        raise RecordRefusedError("data line", "", rule, CLAUSE, block.line)
    return states_of(data, rows[0], time_system, version)


def _epoch_of_row(data: bytes, rows: list[Lines | Run], row: int, spans: list[Lines]) -> tuple[str, int]:
    """(text, line) of the epoch of a row that is refused."""
    if not spans:
        for run in rows:
            if isinstance(run, Run):
                if row < run.length:
                    return run.columns[0][row].as_py(), int(run.lines[row])
                row -= run.length
    return epoch_at_row(data, spans[0], row)
